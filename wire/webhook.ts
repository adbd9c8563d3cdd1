import type { WebhookRow } from '../db/webhooks.ts'
import { printInstant } from './instant.ts'

/** An endpoint as the API and the event `webhook.disabled` print it: never with a secret. */
export function renderWebhook(row: WebhookRow) {
  return {
    object: 'webhook' as const,
    id: row.id,
    url: row.url,
    events: row.events,
    description: row.description,
    metadata: row.metadata,
    active: row.active,
    disabled_at: row.disabled_at === null ? null : printInstant(row.disabled_at),
    disabled_reason: row.disabled_reason,
    failing_since: row.failing_since === null ? null : printInstant(row.failing_since),
    throttle: { per_second: row.per_second_max, in_flight: row.in_flight_max },
    version: row.version,
    created_at: printInstant(row.created_at),
    updated_at: printInstant(row.updated_at),
  }
}
