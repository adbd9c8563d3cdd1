import { listUnitCounts } from '../db/codes.ts'
import { tallyUnits, type Tally } from '../domain/order-status.ts'
import type { ApiParts } from './parts.ts'

/** Waits for codes on behalf of `Prefer: wait`: one statement per round for everybody who waits. */
export type CodeWatch = {
  /**
   * Resolves when a unit of the transaction was delivered or given up since `seen` was read, when
   * the time is over, or when too many wait already. The caller reads again and answers that.
   */
  wait(transactionId: string, seen: Progress, waitMs: number): Promise<void>
  close(): void
}

type Progress = Pick<Tally, 'delivered' | 'failed' | 'cancelled'>

const POLL_MS = 200
const WATCHERS_SHARE = 0.5 // of the requests that may be in flight: the others must get in

type Watcher = { mark: string; done: () => void }

/** Polls only while somebody waits. A failed round is skipped: the next one sees the same change. */
export function createCodeWatch({ database, config, log }: ApiParts): CodeWatch {
  const watchersMax = Math.floor(config.api.inFlightMax * WATCHERS_SHARE)
  const watchers = new Map<string, Set<Watcher>>()
  let watcherCount = 0
  let timer: NodeJS.Timeout | null = null

  const round = async (): Promise<void> => {
    if (watchers.size === 0) {
      timer = null
      return
    }
    try {
      const counts = await listUnitCounts(database.db, [...watchers.keys()])
      for (const [transactionId, units] of counts) {
        const mark = markOf(tallyUnits(units))
        for (const watcher of watchers.get(transactionId) ?? []) {
          if (watcher.mark !== mark) watcher.done()
        }
      }
    } catch (error) {
      log.warn({ error }, 'code watch round failed')
    }
    schedule()
  }
  const schedule = (): void => {
    timer = watchers.size === 0 ? null : setTimeout(() => void round(), POLL_MS)
  }

  return {
    wait(transactionId, seen, waitMs) {
      if (watcherCount >= watchersMax) return Promise.resolve()
      return new Promise((resolve) => {
        const peers = watchers.get(transactionId) ?? new Set<Watcher>()
        const end = setTimeout(() => watcher.done(), waitMs)
        const watcher: Watcher = {
          mark: markOf(seen),
          done() {
            clearTimeout(end)
            if (!peers.delete(watcher)) return
            watcherCount -= 1
            if (peers.size === 0) watchers.delete(transactionId)
            resolve()
          },
        }
        peers.add(watcher)
        watcherCount += 1
        watchers.set(transactionId, peers)
        if (timer === null) schedule()
      })
    },
    close() {
      for (const peers of watchers.values()) for (const watcher of peers) watcher.done()
      if (timer !== null) clearTimeout(timer)
      timer = null
    },
  }
}

/** What a client waits for: delivered, failed, cancelled. Who is being asked does not wake it. */
function markOf({ delivered, failed, cancelled }: Progress): string {
  return `${delivered}/${failed}/${cancelled}`
}
