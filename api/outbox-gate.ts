import { getOutboxLevel, notifyOutbox, type OutboxLevel } from '../db/outbox-level.ts'
import { DomainError } from '../domain/error.ts'
import type { ApiParts } from './parts.ts'

/**
 * The bound of what may wait for Temporal, and the bell that tells the dispatchers of new work. One
 * poller per process reads the level, so an order costs no statement.
 */
export type OutboxGate = {
  /** Throws `outbox_full` when no more may be accepted until Temporal has caught up. */
  assertRoom(): void
  /** Call after a commit that wrote to the outbox. Never waits, never throws. */
  nudge(): void
  close(): void
}

const POLL_MS = 1_000 // the bound is minutes and a million rows: a second more does no harm
const NUDGE_MS = 5 // NOTIFY takes a database-wide lock at commit: one for many orders
const RETRY_AFTER_SECONDS = 5

/** Polls until it is closed. While the database is away the last known level holds. */
export function createOutboxGate({ database, config, log }: ApiParts): OutboxGate {
  const { rowsMax, ageSecondsMax } = config.outbox
  let level: OutboxLevel = { rows: 0, oldestAgeSeconds: 0 }
  let polling = false
  let rungAtMs = -Infinity
  let bell: NodeJS.Timeout | undefined
  let ringing = false
  let askedMeanwhile = false
  let closed = false

  const poll = async (): Promise<void> => {
    if (polling) return
    polling = true
    try {
      level = await getOutboxLevel(database.db, rowsMax)
    } catch (error) {
      if (!closed) log.warn({ error }, 'outbox level unknown')
    } finally {
      polling = false
    }
  }
  const ring = (): void => {
    bell = undefined
    ringing = true
    rungAtMs = performance.now()
    notifyOutbox(database.pool)
      .catch((error: unknown) => {
        if (!closed) log.debug({ error }, 'outbox nudge lost; the dispatcher polls')
      })
      .finally(() => {
        ringing = false
        if (askedMeanwhile) nudge()
      })
  }

  /** The first one rings at once; who comes while it rings or within the pause shares the next one. */
  const nudge = (): void => {
    askedMeanwhile = ringing
    if (ringing || bell !== undefined || closed) return
    const waitMs = rungAtMs + NUDGE_MS - performance.now()
    if (waitMs <= 0) ring()
    else bell = setTimeout(ring, waitMs).unref()
  }

  const timer = setInterval(() => void poll(), POLL_MS).unref()
  setImmediate(() => void poll())
  return {
    assertRoom() {
      if (level.rows < rowsMax && level.oldestAgeSeconds < ageSecondsMax) return
      throw new DomainError(
        'outbox_full',
        'Accepted orders are waiting to be processed: try later.',
        {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
          ...level,
        },
      )
    },
    nudge,
    close() {
      closed = true
      clearInterval(timer)
      clearTimeout(bell)
    },
  }
}
