import type { Database } from '../../db/client.ts'
import { DomainError, type Refused } from '../../domain/error.ts'
import { createFloodRoom } from './flood-room.ts'
import { createLoopWatch } from './loop-watch.ts'

/** Whose request it is, and whether it belongs to what must get in also when the rest may not. */
export type Visitor = {
  accountId: string | null
  /** Reads of codes: somebody has paid and waits. */
  reserved: boolean
}

/** Somebody who looks at pages; who it is stands in the session, which is read inside. */
export const PERSON: Visitor = { accountId: null, reserved: false }

/** The door of the process: what is inside gets an answer in time, the rest comes back later. */
export type Gate = {
  /** Runs one piece of work inside. @throws DomainError `busy` when it would only wait */
  run<T>(visitor: Visitor, work: () => Promise<T>): Promise<T>
  /** Whether it has refused somebody and is not half empty since. */
  isRefusing(): boolean
  /** The seconds after which a visitor may ask again; null when there is room. */
  refuses(visitor: Visitor): number | null
  close(): void
}

const RESERVED_SHARE = 0.25 // on top of the room for everybody
const ACCOUNT_SHARE = 0.5 // of the room, while other accounts are there too
const STANDING_MS = 100 // a queue that never empties for so long is no burst any more
const STANDING_DEPTH = 5 // per connection: one works, four wait; 64 clients of one pool are all served
const LOOP_DELAY_MS_MAX = 100 // beyond it there is more work in here than the processor can do
const SEEN_MS = 1_000 // an account that came within it is there
const RETRY_SECONDS_MAX = 5
const RETRY_GROWS_MS = 2_000

/** What a visitor is told who finds no room. */
export function busy(retryAfterSeconds: number): Refused {
  const message = 'Too many requests are being worked on.'
  return { reason: 'busy', message, detail: { retryAfterSeconds } }
}

/**
 * Three things say that the process has more than it can do: how much is inside, how long the queue
 * for a connection has not been empty, and how late the event loop is (docs/decisions/0015). In a flood
 * the room is smaller still (0036).
 *
 * @param inFlightMax requests that may be worked on at once; an unbounded queue would answer
 *   everybody late instead of most in time
 */
export function createGate(database: Database, inFlightMax: number): Gate {
  const { pool } = database
  const loop = createLoopWatch()
  const accounts = createCrowd()
  const standingMax = Math.min(inFlightMax, STANDING_DEPTH * Math.max(2, pool.options.max))
  const flood = createFloodRoom(standingMax, () => loop.delayMs())
  let running = 0
  let queueSinceMs: number | null = null
  let refusingSinceMs: number | null = null

  /** How long somebody has been waiting for a connection without a pause; 0 when nobody is. */
  const queueMs = (nowMs: number): number => {
    // Those for whom a connection is free wait for the rest of this tick only.
    const waits = pool.waitingCount > pool.idleCount
    queueSinceMs = waits ? (queueSinceMs ?? nowMs) : null
    return queueSinceMs === null ? 0 : nowMs - queueSinceMs
  }

  const refuses = (visitor: Visitor): number | null => {
    const nowMs = performance.now()
    accounts.note(visitor.accountId, nowMs)
    const isLate = queueMs(nowMs) >= STANDING_MS || loop.delayMs() >= LOOP_DELAY_MS_MAX
    const floodRoom = flood.at(nowMs)
    const room = isLate || floodRoom < standingMax ? floodRoom : inFlightMax
    const own = accounts.count(visitor.accountId)
    const hasRoom = visitor.reserved
      ? running < inFlightMax * (1 + RESERVED_SHARE)
      : running < room && (own < room * ACCOUNT_SHARE || !accounts.areSeveral())
    if (hasRoom) {
      if (running < room / 2) refusingSinceMs = null
      return null
    }
    flood.refused()
    refusingSinceMs ??= nowMs
    const seconds = 1 + Math.floor((nowMs - refusingSinceMs) / RETRY_GROWS_MS)
    return Math.min(RETRY_SECONDS_MAX, seconds)
  }
  return {
    isRefusing: () => refusingSinceMs !== null,
    refuses,
    async run(visitor, work) {
      const retryAfterSeconds = refuses(visitor)
      if (retryAfterSeconds !== null) throw DomainError.of(busy(retryAfterSeconds))
      running += 1
      accounts.enter(visitor.accountId)
      try {
        return await work()
      } finally {
        running -= 1
        accounts.leave(visitor.accountId)
        queueMs(performance.now())
      }
    },
    close: () => loop.close(),
  }
}

/** How many requests each account has inside, and whether more than one account is there. */
function createCrowd() {
  const inside = new Map<string, number>()
  let seen = new Set<string>()
  let before = new Set<string>()
  let turnedAtMs = 0
  return {
    note(account: string | null, nowMs: number): void {
      if (nowMs - turnedAtMs > SEEN_MS) {
        before = nowMs - turnedAtMs > 2 * SEEN_MS ? new Set() : seen
        seen = new Set()
        turnedAtMs = nowMs
      }
      if (account !== null) seen.add(account)
    },
    areSeveral: () => seen.size > 1 || before.size > 1,
    count: (account: string | null) => (account === null ? 0 : (inside.get(account) ?? 0)),
    enter(account: string | null): void {
      if (account !== null) inside.set(account, (inside.get(account) ?? 0) + 1)
    },
    leave(account: string | null): void {
      if (account === null) return
      const left = (inside.get(account) ?? 1) - 1
      if (left === 0) inside.delete(account)
      else inside.set(account, left)
    },
  }
}
