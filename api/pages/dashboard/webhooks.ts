import { html } from 'hono/html'
import { countPendingDeliveries } from '../../../db/webhook-backlog.ts'
import { listWebhooks, WEBHOOKS_PER_ACCOUNT_MAX, type WebhookRow } from '../../../db/webhooks.ts'
import { displayCount } from '../../../documents/display.ts'
import { renderWebhookState, type DashboardContent, type DashboardView } from './view.ts'
import { renderTable, type Column } from '../layout.ts'

/** Every endpoint of the account on one page: there are a hundred at most. */
export async function renderWebhookList(view: DashboardView): Promise<DashboardContent> {
  const { db } = view.deps.database
  const page = { kind: 'page', page: 1, limit: WEBHOOKS_PER_ACCOUNT_MAX } as const
  const [{ rows }, pending] = await Promise.all([
    listWebhooks(db, view.accountId, {}, page),
    countPendingDeliveries(db, view.accountId),
  ])
  const empty = 'No webhook is registered yet: POST /v2/webhooks makes one.'
  const body = html`<h1>Webhooks</h1>
    <p>Where Bark tells what happened. <a href="/docs">The API reference</a> says how.</p>
    ${renderTable(columns(view.timeZone, pending), rows, empty)}`
  return { title: 'Webhooks', body }
}

function columns(timeZone: string, pending: ReadonlyMap<string, number>): Column<WebhookRow>[] {
  return [
    {
      head: 'Endpoint',
      cell: (row) =>
        html`<a class="break" href="/dashboard/webhooks/${row.id}">${row.url}</a>
          ${row.description === '' ? '' : html`<span class="small">${row.description}</span>`}`,
    },
    { head: 'Events', cell: (row) => html`<span class="mono">${row.events.join(', ')}</span>` },
    { head: 'State', cell: (row) => renderWebhookState(row, timeZone) },
    {
      head: 'Still tried',
      number: true,
      cell: (row) => displayCount(pending.get(row.id) ?? 0),
    },
  ]
}
