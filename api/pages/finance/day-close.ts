import { z } from '@hono/zod-openapi'
import { html } from 'hono/html'
import { findToldDay, type ToldDay } from '../../../db/account-days.ts'
import { getBusinessDay } from '../../../db/billing-settings.ts'
import { getDayClose, type Check, type CheckName, type DayTotals } from '../../../db/day-close.ts'
import { displayCount, displayDate } from '../../../documents/display.ts'
import { DomainError } from '../../../domain/error.ts'
import { parseInput } from '../../input.ts'
import type { FinanceContent, FinanceView } from './view.ts'
import { renderFormKey } from '../form-call.ts'
import {
  renderAmount,
  renderClock,
  renderState,
  renderTable,
  type Column,
  type Markup,
} from '../layout.ts'
import { optional } from '../page-query.ts'

const PATH = '/finance/day-close'

const query = z.object({ date: optional(z.iso.date('Must be a day such as 2026-01-31')) })

/** What each check is called, and what is meant. */
const TITLES: Readonly<Record<CheckName, string>> = {
  open_purchase_orders: 'Purchase orders without their invoice',
  held_purchase_orders: 'Invoices that an operator holds',
  open_orders: 'Orders that are not finished',
  unfulfilled_codes: 'Codes still to be delivered',
  unpaid_prepaid_orders: 'Prepaid orders without their money',
  failed_captures: 'Captures that failed or are unknown',
  documents_not_sent: 'Documents that nobody received',
}

/** Where a thing is shown, by the prefix of its id; the others have no page. */
const PAGES: Readonly<Record<string, string>> = {
  po: '/finance/purchase-orders',
  txn: '/finance/transactions',
  inv: '/finance/invoices',
  cn: '/finance/credit-notes',
}

/** The checklist of a business date; the present one unless another is asked for. */
export async function renderDayClose(view: FinanceView): Promise<FinanceContent> {
  const { db } = view.deps.database
  const { accountId } = view
  const asked = parseInput(query, view.query, 'query').date
  const date = asked ?? (await getBusinessDay(db, { accountId, customerId: null })).business_date
  const day = await getDayClose(db, { accountId, businessDate: date }).catch(noneOrdered)
  const body = html`<h1>Day close</h1>
    <p>What is still to be done before a business day is over for finance.</p>
    <form class="filter" method="get" action="${PATH}">
      <div>
        <label for="date">Business day</label>
        <input id="date" name="date" type="date" value="${date}" />
      </div>
      <button>Show</button>
    </form>
    ${
      day === null
        ? html`<p>Nothing was ordered on ${displayDate(date)}: there is nothing to close.</p>`
        : html`<p>
              ${renderState(day.state, day.state === 'closed' ? 'good' : 'wait')}:
              ${displayDate(date)}, in each customer’s own time zone.
            </p>
            ${renderTable(totalColumns(), day.totals, '')}
            <h2>Checklist</h2>
            ${renderTable(checkColumns(), day.checks, '')}
            ${renderDigest(view, date, await findToldDay(db, { accountId, businessDate: date }))}`
    }`
  return { title: `Day close ${displayDate(date)}`, body }
}

/** What finance was told of the date, and the form that tells it again. */
function renderDigest(
  { timeZone, mayWrite }: FinanceView,
  date: string,
  told: ToldDay | null,
): Markup {
  return html`<h2>Digest</h2>
    <p>${sayDigest(told, timeZone)}</p>
    ${
      mayWrite && told?.ended_at
        ? html`<form method="post" action="${PATH}/${date}/digest">
            ${renderFormKey()}
            <button>Send it again</button>
          </form>`
        : ''
    }`
}

function sayDigest(told: ToldDay | null, timeZone: string): Markup {
  if (told === null) return html`It is mailed to finance after the last purchase order of the date.`
  const to = told.recipients.join(', ')
  if (told.ended_at === null) {
    return html`Waits for the last purchase order of the date; then it goes to ${to}.`
  }
  if (told.sent_at === null) return html`Nobody took the mail to ${to}.`
  const more = 'while purchase orders were open: another one follows when they are done'
  return html`Sent to ${to} on
  ${renderClock(told.sent_at, timeZone)}${told.complete === true ? '' : `, ${more}`}.`
}

function noneOrdered(error: unknown): null {
  if (error instanceof DomainError && error.reason === 'not_found') return null
  throw error
}

function totalColumns(): Column<DayTotals>[] {
  const amount = (head: string, minor: (row: DayTotals) => bigint): Column<DayTotals> => ({
    head,
    number: true,
    cell: (row) => renderAmount(minor(row), row.currency),
  })
  const count = (head: string, many: (row: DayTotals) => number): Column<DayTotals> => ({
    head,
    number: true,
    cell: (row) => displayCount(many(row)),
  })
  return [
    { head: 'Currency', cell: (row) => row.currency },
    count('Purchase orders', (row) => row.purchase_orders),
    count('Orders', (row) => row.transactions),
    amount('Accepted, net', (row) => row.accepted_minor),
    count('Invoices', (row) => row.invoices),
    amount('Invoiced', (row) => row.invoiced_minor),
    amount('Credited', (row) => row.credited_minor),
  ]
}

function checkColumns(): Column<Check>[] {
  return [
    {
      head: 'State',
      cell: ({ count }) =>
        count === 0 ? renderState('done', 'good') : renderState('to do', 'bad'),
    },
    { head: 'Check', cell: ({ name }) => TITLES[name] },
    { head: 'Left', number: true, cell: ({ count }) => displayCount(count) },
    { head: 'The first of them', cell: renderIds },
  ]
}

function renderIds({ ids, count }: Check): Markup {
  const links = ids.map((id) => {
    const page = PAGES[id.slice(0, id.indexOf('_'))]
    return page === undefined
      ? html`<span class="nowrap small">${id}</span> `
      : html`<a class="nowrap small" href="${page}/${id}">${id}</a> `
  })
  return html`${links}${count > ids.length ? html`<span class="quiet">…</span>` : ''}`
}
