import { html } from 'hono/html'
import { listAttempts, type AttemptRow } from '../../../db/attempts.ts'
import { getDelivery, type DeliveryRow } from '../../../db/deliveries.ts'
import { getEvent } from '../../../db/events.ts'
import { getWebhook } from '../../../db/webhooks.ts'
import { WEBHOOK_ATTEMPTS_MAX } from '../../../domain/webhook-schedule.ts'
import { renderEvent } from '../../../wire/event.ts'
import { requireId } from '../../fields.ts'
import {
  describeAnswer,
  renderDeliveryState,
  renderInstant,
  type DashboardContent,
  type DashboardView,
} from './view.ts'
import { renderFormKey } from '../form-call.ts'
import { renderState, type Markup, type Tone } from '../layout.ts'

/** One delivery: the body that is sent, and each attempt with what came back. */
export async function renderDeliveryPage(view: DashboardView): Promise<DashboardContent> {
  const { db } = view.deps.database
  const { accountId, timeZone, params } = view
  const webhookId = requireId('webhook', params['id'] ?? '')
  const deliveryId = requireId('delivery', params['delivery'] ?? '')
  const webhook = await getWebhook(db, { accountId, webhookId })
  const row = await getDelivery(db, { accountId, webhookId, deliveryId })
  const [stored, attempts] = await Promise.all([
    getEvent(db, { accountId, customerId: null }, row.event_id),
    listAttempts(db, { accountId, deliveryId }),
  ])
  const { transaction, ...event } = stored
  const mayResend = view.mayWrite && webhook.active
  const body = html`<h1>${row.event_type}</h1>
    <p>To <a class="break" href="/dashboard/webhooks/${webhookId}">${webhook.url}</a></p>
    ${renderFacts(row, timeZone)}
    ${
      mayResend
        ? html`<form
            class="actions"
            method="post"
            action="/dashboard/webhooks/${webhookId}/deliveries/${deliveryId}/resend"
          >
            ${renderFormKey()}<button>Send it again</button>
          </form>`
        : ''
    }
    <h2>Attempts</h2>
    ${
      attempts.length === 0
        ? html`<p class="empty">It has not been tried yet.</p>`
        : attempts.map((attempt) =>
            renderAttempt(attempt, timeZone, { isLast: attempt === attempts.at(-1) }),
          )
    }
    <h2>Body</h2>
    <p class="lead">The same on every attempt; sent without the line breaks.</p>
    <pre tabindex="0">${JSON.stringify(renderEvent(event, transaction), null, 2)}</pre>`
  return { title: `${row.event_type} ${row.id}`, body }
}

function renderFacts(row: DeliveryRow, timeZone: string): Markup {
  return html`<dl>
    <dt>State</dt>
    <dd>${renderDeliveryState(row)}</dd>
    <dt>Attempts</dt>
    <dd>${row.attempt_count} of ${WEBHOOK_ATTEMPTS_MAX}</dd>
    ${
      row.state === 'pending'
        ? html`<dt>Next attempt</dt>
            <dd>${renderInstant(row.next_attempt_at, timeZone)}</dd>`
        : ''
    }
    <dt>Created</dt>
    <dd>${renderInstant(row.created_at, timeZone)} <span class="quiet">${timeZone}</span></dd>
    ${
      row.copy_of === null
        ? ''
        : html`<dt>Sent again from</dt>
            <dd>
              <a class="mono" href="/dashboard/webhooks/${row.webhook_id}/deliveries/${row.copy_of}"
                >${row.copy_of}</a
              >
            </dd>`
    }
    <dt>Event</dt>
    <dd class="mono">${row.event_id}</dd>
    <dt>Delivery</dt>
    <dd class="mono">${row.id}</dd>
  </dl>`
}

const TONES: Readonly<Record<AttemptRow['state'], Tone>> = {
  sending: 'wait',
  delivered: 'good',
  failed: 'bad',
}

/** The last one is open where it went wrong, so that the answer is seen without a click. */
function renderAttempt(
  attempt: AttemptRow,
  timeZone: string,
  { isLast }: { isLast: boolean },
): Markup {
  const took = attempt.duration_ms === null ? '' : `, ${attempt.duration_ms} ms`
  return html`<details ${isLast && attempt.state === 'failed' ? 'open' : ''}>
    <summary>
      ${renderState(`attempt ${attempt.number}`, TONES[attempt.state])}
      <span class="quiet">
        ${renderInstant(attempt.started_at, timeZone)},
        ${
          attempt.state === 'sending'
            ? 'on its way'
            : describeAnswer(attempt.status_code, attempt.error)
        }${took}
      </span>
    </summary>
    ${renderHeaders('Request headers', attempt.request_headers)}
    ${renderHeaders('Answer headers', attempt.response_headers)}
    ${
      attempt.response_body === null || attempt.response_body === ''
        ? ''
        : html`<h3>Answer</h3>
            <pre tabindex="0">${attempt.response_body}</pre>`
    }
  </details>`
}

function renderHeaders(head: string, headers: Record<string, string> | null): Markup {
  if (headers === null) return html``
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
  return html`<h3>${head}</h3>
    <pre tabindex="0">${lines.join('\n')}</pre>`
}
