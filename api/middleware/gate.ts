import type { Database } from '../../db/client.ts'
import { DomainError } from '../../domain/error.ts'

/** The door of the process: what is inside gets an answer in time, the rest comes back later. */
export type Gate = {
  /** @throws DomainError `busy` when a request would only wait */
  requireRoom(): void
  /** Runs one request inside. @throws DomainError `busy` like `requireRoom` */
  run<T>(work: () => Promise<T>): Promise<T>
}

/**
 * @param inFlightMax requests that may be worked on at once, and that may wait for a connection;
 *   an unbounded queue would answer everybody late instead of most in time
 */
export function createGate(database: Database, inFlightMax: number): Gate {
  let running = 0
  const requireRoom = () => {
    // Those for whom a connection is free wait for the rest of this tick only.
    const waiting = database.pool.waitingCount - database.pool.idleCount
    if (running < inFlightMax && waiting < inFlightMax) return
    throw new DomainError('busy', 'Too many requests are being worked on.', {
      retryAfterSeconds: 1,
    })
  }
  return {
    requireRoom,
    async run(work) {
      requireRoom()
      running += 1
      try {
        return await work()
      } finally {
        running -= 1
      }
    },
  }
}
