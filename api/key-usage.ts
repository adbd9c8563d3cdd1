import { updateKeysLastUsed } from '../db/api-keys.ts'
import type { Database } from '../db/client.ts'
import type { Log } from '../log.ts'

/** Remembers when each key was last used and from where, without a statement per request. */
export type KeyUsage = {
  note(keyId: string, address: string): void
  /** Writes what is not written yet. */
  close(): Promise<void>
}

const WRITE_MS = 60_000 // at most once a minute per key and process
const GATHER_MS = 1_000 // one statement for all keys of a second
const KEYS_MAX = 10_000

/** A write that fails is dropped: the key's next use after a minute writes again. */
export function createKeyUsage(database: Database, log: Log): KeyUsage {
  const notedAtMs = new Map<string, number>()
  let fresh = new Map<string, string>()
  let timer: NodeJS.Timeout | null = null

  const write = async (): Promise<void> => {
    timer = null
    const used = fresh
    fresh = new Map()
    if (used.size === 0) return
    try {
      await updateKeysLastUsed(database.db, used)
    } catch (error) {
      log.warn({ error }, 'last use of keys was not written')
    }
  }

  return {
    note(keyId, address) {
      const nowMs = performance.now()
      const last = notedAtMs.get(keyId)
      if (last !== undefined && nowMs - last < WRITE_MS) return
      if (notedAtMs.size >= KEYS_MAX) notedAtMs.clear()
      notedAtMs.set(keyId, nowMs)
      fresh.set(keyId, address)
      timer ??= setTimeout(() => void write(), GATHER_MS)
    },
    async close() {
      if (timer !== null) clearTimeout(timer)
      await write()
    },
  }
}
