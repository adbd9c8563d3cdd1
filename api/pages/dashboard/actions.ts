import { html } from 'hono/html'
import type { WebhookRow } from '../../../db/webhooks.ts'
import { renderFormKey } from '../form-call.ts'
import type { Markup } from '../layout.ts'

const OVERLAPS = [
  { seconds: 0, words: 'now: one has leaked' },
  { seconds: 3_600, words: 'in an hour' },
  { seconds: 86_400, words: 'in 24 hours' },
  { seconds: 604_800, words: 'in 7 days' },
] as const

/** What can be done with an endpoint: each is a form, and so a key press away. */
export function renderWebhookActions(row: WebhookRow): Markup {
  const path = `/dashboard/webhooks/${row.id}`
  const button = (verb: string, words: string) =>
    html`<form method="post" action="${path}/${verb}">
      ${renderFormKey()}<button>${words}</button>
    </form>`
  return html`<div class="actions">
      ${
        row.active
          ? html`${button('test', 'Send a test event')} ${button('pause', 'Pause')}`
          : button('resume', 'Resume')
      }
    </div>
    <details>
      <summary>Rotate the secret</summary>
      <form class="filter" method="post" action="${path}/rotate">
        ${renderFormKey()}
        <div>
          <label for="overlap_seconds">Old secrets end</label>
          <select id="overlap_seconds" name="overlap_seconds">
            ${OVERLAPS.map(
              ({ seconds, words }) =>
                html`<option value="${seconds}" ${seconds === 86_400 ? 'selected' : ''}>
                  ${words}
                </option>`,
            )}
          </select>
        </div>
        <div>
          <label for="sign_with">Until then X-Webhook-Signature is made with</label>
          <select id="sign_with" name="sign_with">
            <option value="old">the old secret</option>
            <option value="new">the new secret</option>
          </select>
        </div>
        <button class="main">Make a new secret</button>
      </form>
    </details>`
}
