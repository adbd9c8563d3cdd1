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
    | { outcome: 'waiting'; why: 'schedule' | 'endpoint_limit'; due_at: string }
    | ClaimedAttempt
  )

/** Everything that the request of a claimed attempt is made of. */
export type ClaimedAttempt = {
  outcome: 'send'
  number: number
  /** Its place in the endpoint's stream of attempts: real time to wait before sending. */
  send_in_ms: number
  /** The endpoint's limit, or null. */
  per_second_max: number | null
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
 */
export async function claimAttempt(db: Db, { accountId, deliveryId }: DeliveryKey): Promise<Claim> {
  const { rows } = await sql<{ claim: Claim }>`
    select claim_attempt(${accountId}, ${deliveryId}) as claim`.execute(db)
  return only(rows).claim
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
