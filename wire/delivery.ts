import type { AttemptRow } from '../db/attempts.ts'
import type { DeliveryRow } from '../db/deliveries.ts'
import { WEBHOOK_ATTEMPTS_MAX } from '../domain/webhook-schedule.ts'
import { printInstant } from './instant.ts'

/** A delivery as lists print it. `next_attempt_at` is business time; null once nothing follows. */
export function renderDelivery(row: DeliveryRow) {
  return {
    object: 'delivery' as const,
    id: row.id,
    webhook_id: row.webhook_id,
    event_id: row.event_id,
    event_type: row.event_type,
    state: row.state,
    reason: row.reason,
    cause: row.cause,
    copy_of: row.copy_of,
    attempt_count: row.attempt_count,
    attempts_max: WEBHOOK_ATTEMPTS_MAX,
    last_status_code: row.last_status,
    last_error: row.last_error,
    next_attempt_at:
      row.state === 'pending' && row.sending_since === null
        ? printInstant(row.next_attempt_at)
        : null,
    created_at: printInstant(row.created_at),
    ended_at: row.ended_at === null ? null : printInstant(row.ended_at),
  }
}

/** One HTTP try, as it went over the wire; signatures and cookies are blanked. */
export function renderAttempt(row: AttemptRow) {
  return {
    object: 'attempt' as const,
    id: row.id,
    number: row.number,
    state: row.state,
    started_at: printInstant(row.started_at),
    finished_at: row.finished_at === null ? null : printInstant(row.finished_at),
    duration_ms: row.duration_ms,
    error: row.error,
    request: { headers: row.request_headers },
    response:
      row.status_code === null
        ? null
        : {
            status_code: row.status_code,
            headers: row.response_headers,
            body: row.response_body,
            retry_after: row.retry_after,
          },
  }
}

/** A delivery with the event that is sent and every attempt. */
export function renderDeliveryDetail<Event>(
  row: DeliveryRow,
  event: Event,
  attempts: AttemptRow[],
) {
  return { ...renderDelivery(row), event, attempts: attempts.map(renderAttempt) }
}
