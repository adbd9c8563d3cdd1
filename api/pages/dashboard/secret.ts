import { html } from 'hono/html'
import { rotatedSecret } from '../../v2/webhooks/webhook-fields.ts'
import type { DashboardContent } from './view.ts'

/** The page that shows a new secret, once. `rotated` is what the route answered. */
export function renderNewSecret(rotated: unknown): DashboardContent {
  const { webhook_id: id, ...shown } = rotatedSecret.parse(rotated)
  const body = html`<h1>The new secret</h1>
    <p>It is shown this once. Copy it to the receiver before the old ones end.</p>
    <dl>
      <dt>Secret</dt>
      <dd class="mono">${shown.secret}</dd>
      ${
        shown.standard_secret === shown.secret
          ? ''
          : html`<dt>For Standard Webhooks libraries</dt>
              <dd class="mono">${shown.standard_secret}</dd>`
      }
      <dt>Old secrets end</dt>
      <dd>${shown.old_secrets_end_at}</dd>
    </dl>
    <p><a href="/dashboard/webhooks/${id}">Back to the webhook</a></p>`
  return { title: 'The new secret', body }
}
