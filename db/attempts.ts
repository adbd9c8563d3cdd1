import { sql, type Selectable } from 'kysely'
import type { AttemptVerdict } from '../domain/webhook-schedule.ts'
import type { Db, Tx } from './client.ts'
import type { EventFacts } from './events.ts'
import type { Attempts } from './tables.ts'
import type { TransactionFacts } from './transactions.ts'

export type DeliveryKey = { accountId: string; deliveryId: string }

/** Headers have this form because only `recordAttempt` writes them. */
export type AttemptRow = Omit<Selectable<Attempts>, 'request_headers' | 'response_headers'> & {
  request_headers: Record<string, string> | null
  response_headers: Record<string, string> | null
}

/** How far a delivery has come, after every step. */
export type DeliveryProgress = {
  state: 'pending' | 'delivered' | 'failed' | 'cancelled'
  reason: string | null
  /** Attempt numbers used so far, of six. */
  attempts: number
  webhook_id: string
  last_status: number | null
  last_error: string | null
}

/** What `claimAttempt` found. Instants are RFC 3339 text in business time. */
export type Claim = DeliveryProgress &
  (
    | { outcome: 'ended' }
    | { outcome: 'waiting'; why: 'schedule' | 'endpoint_limit'; next: number; due_at: string }
    | ClaimedAttempt
  )

/**
 * When a request may leave, by `performance.now()` of this process. Places of an endpoint lie one
 * interval apart over all processes. How long PostgreSQL's answer was on its way is not known, so the
 * instant itself lies between `earliestAt` and `latestAt`.
 */
export type Place = { earliestAt: number; latestAt: number }

/** Everything that the request of a claimed attempt is made of. */
export type ClaimedAttempt = {
  outcome: 'send'
  number: number
  /** Its place in the stream of an endpoint that has a limit per second; else it is sent at once. */
  place: Place | null
  url: string
  event: {
    id: string
    type: string
    object_id: string
    sequence: number
    facts: EventFacts
    occurred_at: string
  }
  transaction: TransactionFacts | null
  signs_with: 'old' | 'new'
  /** Valid now, oldest first; sealed for the row of each. `sealed` is base64. */
  secrets: { id: string; sealed: string; key_version: number; current: boolean }[]
}

/**
 * Transaction 1 of an attempt: claims the next number when it is due, the endpoint wants it and its
 * limits allow it. One statement outside of any transaction, because it locks the endpoint's row,
 * for which every other claim waits. Safe to run any number of times: a number that was claimed and
 * has no outcome is answered again. Throws when there is no such delivery.
 *
 * `slackMs`: how late for its place the sender may be, and so how much later the next one's is.
 */
export async function claimAttempt(
  db: Db,
  { accountId, deliveryId }: DeliveryKey,
  slackMs = 0,
): Promise<Claim> {
  // Connected first: a wait for a connection is no part of how long the answer was on its way.
  return db.connection().execute(async (connected) => {
    const askedAt = performance.now()
    const { rows } = await sql<{ claim: AnsweredClaim }>`
      select claim_attempt(${accountId}, ${deliveryId}, ${slackMs}) as claim`.execute(connected)
    const answeredAt = performance.now()
    const { claim } = only(rows)
    if (claim.outcome !== 'send') return claim
    return { ...claim, place: claim.place && placeBetween(claim.place, askedAt, answeredAt) }
  })
}

/** Milliseconds since PostgreSQL began with the statement. */
type AnsweredPlace = { due_ms: number; answered_ms: number }

type AnsweredClaim =
  | Exclude<Claim, { outcome: 'send' }>
  | (DeliveryProgress & Omit<ClaimedAttempt, 'place'> & { place: AnsweredPlace | null })

function placeBetween(place: AnsweredPlace, askedAt: number, answeredAt: number): Place {
  return {
    earliestAt: askedAt + place.due_ms,
    latestAt: answeredAt + place.due_ms - place.answered_ms,
  }
}

/** The exchange of one attempt as it is kept. `requestHeaders` are redacted by the caller. */
export type AttemptOutcome = {
  delivered: boolean
  durationMs: number
  requestHeaders: Record<string, string>
  statusCode: number | null
  responseHeaders: Record<string, string> | null
  responseBody: string | null
  error: string | null
  retryAfter: string | null
}

export type RecordedAttempt = DeliveryProgress & {
  /** When the next attempt is due, in business time; of no meaning once the delivery has ended. */
  due_at: string
  endpoint: { active: boolean; exhausted_count: number; failing_seconds: number | null }
}

/**
 * Transaction 2 of an attempt: writes the outcome where there is none, and what follows from it.
 * Safe to repeat, and safe against a second sender of the same number: the first outcome stays.
 */
export async function recordAttempt(
  tx: Tx,
  { accountId, deliveryId }: DeliveryKey,
  number: number,
  outcome: AttemptOutcome,
  verdict: AttemptVerdict,
): Promise<RecordedAttempt> {
  const attempt = JSON.stringify({
    state: outcome.delivered ? 'delivered' : 'failed',
    duration_ms: outcome.durationMs,
    request_headers: outcome.requestHeaders,
    status_code: outcome.statusCode,
    response_headers: outcome.responseHeaders,
    response_body: outcome.responseBody,
    error: outcome.error,
    retry_after: outcome.retryAfter,
  })
  const delaySeconds = verdict.end === null ? verdict.delaySeconds : null
  const { rows } = await sql<{ recorded: RecordedAttempt }>`
    select record_attempt(${accountId}, ${deliveryId}, ${number}, ${attempt}::jsonb,
      ${verdict.end}, ${verdict.reason}, ${delaySeconds}) as recorded`.execute(tx)
  return only(rows).recorded
}

/** Every attempt of a delivery, in order. */
export async function listAttempts(
  db: Db,
  { accountId, deliveryId }: DeliveryKey,
): Promise<AttemptRow[]> {
  return db
    .selectFrom('attempts')
    .selectAll()
    .$castTo<AttemptRow>()
    .where('account_id', '=', accountId)
    .where('delivery_id', '=', deliveryId)
    .orderBy('number')
    .execute()
}

function only<Row>(rows: Row[]): Row {
  const [row] = rows
  if (row === undefined) throw new Error('PostgreSQL answered no row')
  return row
}
