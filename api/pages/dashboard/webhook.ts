import { z } from '@hono/zod-openapi'
import { html } from 'hono/html'
import { listDeliveries, type DeliveryRow } from '../../../db/deliveries.ts'
import { getWebhook, type WebhookRow } from '../../../db/webhooks.ts'
import { EVENT_TYPES } from '../../../domain/event-type.ts'
import { WEBHOOK_ATTEMPTS_MAX } from '../../../domain/webhook-schedule.ts'
import { requireId } from '../../fields.ts'
import { parseInput } from '../../input.ts'
import { renderWebhookActions } from './actions.ts'
import {
  describeAnswer,
  renderDeliveryState,
  renderInstant,
  renderWebhookState,
  type DashboardContent,
  type DashboardView,
} from './view.ts'
import { renderPager, renderTable, type Column, type Markup } from '../layout.ts'
import { optional, pageNumber, ROWS_PER_PAGE } from '../page-query.ts'

const STATES = ['pending', 'delivered', 'failed', 'cancelled'] as const

const DONE = {
  paused: 'It is paused: what was still tried ends as cancelled, and nothing new is sent.',
  resumed: 'It is active again. Replay missing events by the API, if you want them.',
  tested: 'A test event is on its way.',
  resent: 'The event is sent again, as a new delivery.',
} as const

const pageQuery = z.object({
  page: pageNumber,
  state: optional(z.enum(STATES)),
  event: optional(z.enum(EVENT_TYPES)),
  done: optional(z.enum(['paused', 'resumed', 'tested', 'resent'])),
})

/** One endpoint: what it is, what can be done with it, and what it was sent. */
export async function renderWebhookPage(view: DashboardView): Promise<DashboardContent> {
  const { db } = view.deps.database
  const { page, state, event, done } = parseInput(pageQuery, view.query, 'query')
  const key = {
    accountId: view.accountId,
    webhookId: requireId('webhook', view.params['id'] ?? ''),
  }
  const row = await getWebhook(db, key)
  const found = await listDeliveries(
    db,
    key,
    { state, eventType: event },
    { kind: 'page', page, limit: ROWS_PER_PAGE },
  )
  const path = `/dashboard/webhooks/${row.id}`
  const isFiltered = state !== undefined || event !== undefined
  const body = html`<h1 class="break">${row.url}</h1>
    <p>${row.description === '' ? 'A webhook of your account.' : row.description}</p>
    ${done === undefined ? '' : html`<p class="notice" role="status">${DONE[done]}</p>`}
    ${renderFacts(row, view.timeZone)} ${view.mayWrite ? renderWebhookActions(row) : ''}
    <h2>Deliveries</h2>
    <p class="lead">The newest first; times are those of ${view.timeZone}.</p>
    ${renderFilter(path, state, event)}
    ${renderTable(
      columns(path, view.timeZone),
      found.rows,
      isFiltered ? 'No delivery is like that.' : 'Nothing has been sent yet.',
    )}
    ${renderPager({
      path,
      query: { state, event },
      number: page,
      limit: ROWS_PER_PAGE,
      rows: found.rows.length,
      total: found.total ?? 0,
    })}`
  return { title: row.url, body }
}

function renderFacts(row: WebhookRow, timeZone: string): Markup {
  const perSecond = row.per_second_max === null ? 'any number' : String(row.per_second_max)
  return html`<dl>
    <dt>State</dt>
    <dd>${renderWebhookState(row, timeZone)}</dd>
    <dt>Events</dt>
    <dd class="mono">${row.events.join(', ')}</dd>
    <dt>Limits</dt>
    <dd>${perSecond} per second, ${row.in_flight_max} at the same time</dd>
    <dt>Id</dt>
    <dd class="mono">${row.id}</dd>
  </dl>`
}

function renderFilter(path: string, state: string | undefined, event: string | undefined): Markup {
  const option = (value: string, chosen: string | undefined) =>
    html`<option value="${value}" ${value === chosen ? 'selected' : ''}>${value}</option>`
  return html`<form class="filter" method="get" action="${path}">
    <div>
      <label for="state">State</label>
      <select id="state" name="state">
        <option value="">All</option>
        ${STATES.map((each) => option(each, state))}
      </select>
    </div>
    <div>
      <label for="event">Event</label>
      <select id="event" name="event">
        <option value="">All</option>
        ${EVENT_TYPES.map((each) => option(each, event))}
      </select>
    </div>
    <button>Show</button>
  </form>`
}

function columns(path: string, timeZone: string): Column<DeliveryRow>[] {
  return [
    {
      head: 'Event',
      cell: (row) =>
        html`<a class="mono nowrap" href="${path}/deliveries/${row.id}">${row.event_type}</a>
          ${row.cause === 'event' ? '' : html`<span class="small">${CAUSES[row.cause]}</span>`}`,
    },
    { head: 'Created', cell: (row) => renderInstant(row.created_at, timeZone) },
    { head: 'State', cell: renderDeliveryState },
    {
      head: 'Attempts',
      number: true,
      cell: (row) => `${row.attempt_count} of ${WEBHOOK_ATTEMPTS_MAX}`,
    },
    { head: 'Last answer', cell: (row) => describeAnswer(row.last_status, row.last_error) },
    {
      head: 'Next attempt',
      cell: (row) =>
        row.state === 'pending'
          ? renderInstant(row.next_attempt_at, timeZone)
          : html`<span class="quiet">–</span>`,
    },
  ]
}

const CAUSES: Readonly<Record<Exclude<DeliveryRow['cause'], 'event'>, string>> = {
  replay: 'replayed',
  resend: 'sent again by hand',
  recovery: 'recovered',
  test: 'a test',
}
