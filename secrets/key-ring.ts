import { randomBytes } from 'node:crypto'
import type { Db } from '../db/client.ts'
import { insertDataKey, listDataKeys, type DataKeyRow } from '../db/data-keys.ts'
import type { KeyProvider } from './key-provider.ts'
import { openKey, seal, unseal, type VaultKey } from './vault.ts'

/** Something sealed, and what it was sealed for. */
export type SealedValue = { rowId: string; sealed: Buffer; keyVersion: number }

/** The data keys of one account, ready for use without a statement. */
export type AccountKeys = {
  /** Encrypts for one row under the account's current data key. */
  seal(rowId: string, plain: string): { sealed: Buffer; keyVersion: number }
  /** Decrypts; throws when a byte, the row, the account or the version differs. */
  unseal(value: SealedValue): string
}

/** The unwrapped data keys that this process has needed so far. */
export type KeyRing = {
  /** To encrypt, and to open what is under the current key. Makes the account's first data key. */
  forSealing(accountId: string): Promise<AccountKeys>
  /** To open values of these versions; a statement only for a version not seen before. */
  forOpening(accountId: string, versions: Iterable<number>): Promise<AccountKeys>
}

/** How long a process may go on sealing under a data key after the next one was made. */
export const KEY_RING_SECONDS = 10
const ACCOUNTS_MAX = 10_000

type Entry = {
  readAtMs: number
  /** Usually one key per version; several candidates where values were sealed directly. */
  keys: Map<number, readonly VaultKey[]>
  current: { version: number; key: VaultKey } | null
}

/** Reads on a connection of its own: never wait for it inside of a transaction on a small pool. */
export function createKeyRing(db: Db, provider: KeyProvider): KeyRing {
  const entries = new Map<string, Promise<Entry>>()

  async function read(accountId: string, before: Entry | null): Promise<Entry> {
    const rows = await listDataKeys(db, accountId)
    const keys = new Map<number, readonly VaultKey[]>()
    for (const row of rows) {
      keys.set(row.version, before?.keys.get(row.version) ?? (await unwrap(accountId, row)))
    }
    const newest = rows.findLast((row) => row.wrapped !== null && row.retired_at === null)
    const [key] = newest === undefined ? [] : (keys.get(newest.version) ?? [])
    const current = newest === undefined || key === undefined ? null : { ...newest, key }
    return { readAtMs: performance.now(), keys, current }
  }

  async function unwrap(accountId: string, row: DataKeyRow): Promise<readonly VaultKey[]> {
    if (row.key_id === null || row.wrapped === null) {
      return provider.directKeys().map(openKey)
    }
    const wrapped = { keyId: row.key_id, wrapped: row.wrapped }
    return [openKey(await provider.unwrap(wrapped, { accountId, version: row.version }))]
  }

  /** Those who ask meanwhile share the one statement; a failed one is forgotten. */
  function reread(accountId: string, before: Entry | null): Promise<Entry> {
    const oldest = entries.size >= ACCOUNTS_MAX ? entries.keys().next().value : undefined
    if (oldest !== undefined) entries.delete(oldest)
    const fresh = read(accountId, before)
    entries.set(accountId, fresh)
    fresh.catch(() => {
      if (entries.get(accountId) === fresh) entries.delete(accountId)
    })
    return fresh
  }

  return {
    async forSealing(accountId) {
      const known = await entries.get(accountId)
      const isFresh =
        known !== undefined && performance.now() - known.readAtMs < KEY_RING_SECONDS * 1_000
      let entry = isFresh ? known : await reread(accountId, known ?? null)
      if (entry.current === null) {
        await makeDataKey(db, provider, accountId, Math.max(0, ...entry.keys.keys()) + 1)
        entry = await reread(accountId, entry)
      }
      return accountKeys(accountId, entry)
    },
    async forOpening(accountId, versions) {
      const known = await entries.get(accountId)
      const hasAll =
        known !== undefined && [...versions].every((version) => known.keys.has(version))
      return accountKeys(accountId, hasAll ? known : await reread(accountId, known ?? null))
    },
  }
}

/** Adds a data key of this version to an account; of two that do so at once, one wins. */
export async function makeDataKey(
  db: Db,
  provider: KeyProvider,
  accountId: string,
  version: number,
): Promise<void> {
  const wrapped = await provider.wrap(randomBytes(32), { accountId, version })
  await insertDataKey(db, { accountId, version, ...wrapped })
}

function accountKeys(accountId: string, { keys, current }: Entry): AccountKeys {
  return {
    seal(rowId, plain) {
      if (current === null) throw new Error(`${accountId} has no data key to seal with`)
      const keyVersion = current.version
      return { sealed: seal(current.key, plain, { accountId, rowId, keyVersion }), keyVersion }
    },
    unseal({ rowId, sealed, keyVersion }) {
      const candidates = keys.get(keyVersion) ?? []
      for (const [index, key] of candidates.entries()) {
        try {
          return unseal(key, sealed, { accountId, rowId, keyVersion })
        } catch (error) {
          if (index === candidates.length - 1) throw error
        }
      }
      throw new Error(`There is no data key ${keyVersion} of ${accountId}`)
    },
  }
}
