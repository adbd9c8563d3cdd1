import { z } from '@hono/zod-openapi'
import { html } from 'hono/html'
import {
  listFinanceInvoices,
  sumFinanceInvoices,
  type FinanceInvoice,
  type FinanceInvoiceTotal,
} from '../../../db/finance-invoices.ts'
import { displayCount } from '../../../documents/display.ts'
import { isCurrency } from '../../../domain/money.ts'
import { parseInput } from '../../input.ts'
import { renderExport, walkList } from './list.ts'
import type { FinanceContent, FinanceView } from './view.ts'
import {
  linkTo,
  renderAmount,
  renderState,
  renderTable,
  type Column,
  type Markup,
  type Tone,
} from '../layout.ts'
import { optional } from '../page-query.ts'

const PATH = '/finance/invoices'
const STATES = ['open', 'paid', 'void'] as const

/** What the list, and its file, can be narrowed down by. */
export const invoiceQuery = z.object({
  month: optional(z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'Must be a month such as 2026-01')),
  status: optional(z.enum(STATES)),
  currency: optional(z.string().refine(isCurrency, 'Must be a currency such as USD')),
})

/** All invoices, the latest first, with what they add up to. */
export async function renderInvoiceList(view: FinanceView): Promise<FinanceContent> {
  const { db } = view.deps.database
  const filter = parseInput(invoiceQuery, view.query, 'query')
  const [totals, { rows, pager }] = await Promise.all([
    sumFinanceInvoices(db, view.accountId, filter),
    walkList(view, PATH, filter, (request) =>
      listFinanceInvoices(db, view.accountId, filter, request),
    ),
  ])
  const isFiltered = Object.values(filter).some((value) => value !== undefined)
  const empty = isFiltered ? 'No invoice is like that.' : 'No invoice has been issued yet.'
  const body = html`<h1>Invoices</h1>
    <p>One per purchase order and tax group, issued when the day is closed and settled.</p>
    ${renderFilter(filter)} ${totals.length === 0 ? '' : renderInvoiceTotals(totals)}
    <h2>${isFiltered ? 'These invoices' : 'All invoices'}</h2>
    ${renderTable(invoiceColumns(), rows, empty)} ${pager} ${renderExport('invoices', filter)}`
  return { title: 'Invoices', body }
}

type Filter = z.output<typeof invoiceQuery>

function renderFilter({ month, status, currency }: Filter): Markup {
  return html`<form class="filter" method="get" action="${PATH}">
    <div>
      <label for="month">Issued in</label>
      <input id="month" name="month" type="month" placeholder="2026-01" value="${month ?? ''}" />
    </div>
    <div>
      <label for="status">State</label>
      <select id="status" name="status">
        <option value="">All</option>
        ${STATES.map(
          (state) =>
            html`<option value="${state}" ${state === status ? 'selected' : ''}>${state}</option>`,
        )}
      </select>
    </div>
    <div>
      <label for="currency">Currency</label>
      <input id="currency" name="currency" size="5" maxlength="3" value="${currency ?? ''}" />
    </div>
    <button>Show</button>
  </form>`
}

/** What invoices add up to; amounts of two currencies are never added. */
export function renderInvoiceTotals(totals: FinanceInvoiceTotal[]): Markup {
  const amount = (
    head: string,
    column: 'subtotal_minor' | 'tax_minor' | 'total_minor' | 'credited_minor' | 'owed_minor',
  ): Column<FinanceInvoiceTotal> => ({
    head,
    number: true,
    cell: (total) => renderAmount(total[column], total.currency),
  })
  return renderTable(
    [
      {
        head: 'Currency',
        cell: ({ currency }) => html`<a href="${linkTo(PATH, { currency })}">${currency}</a>`,
      },
      {
        head: 'Invoices',
        number: true,
        cell: ({ invoices }) => displayCount(Number(invoices)),
      },
      amount('Net', 'subtotal_minor'),
      amount('Tax', 'tax_minor'),
      amount('Total', 'total_minor'),
      amount('Credited', 'credited_minor'),
      amount('Owed', 'owed_minor'),
    ],
    totals,
    'No invoice has been issued yet.',
  )
}

/** How lists show an invoice: what it is and of which day, for whom, by when, and how much. */
export function invoiceColumns(): Column<FinanceInvoice>[] {
  return [
    {
      head: 'Invoice',
      cell: ({ id, number, business_date, purchase_order_id }) =>
        html`<a class="nowrap" href="${PATH}/${id}">${number}</a>
          <a class="small nowrap" href="/finance/purchase-orders/${purchase_order_id}"
            >day ${business_date}</a
          >`,
    },
    { head: 'Customer', cell: ({ customer_name }) => customer_name },
    {
      head: 'Issued',
      cell: ({ issue_date, due_date }) =>
        html`<span class="nowrap">${issue_date}</span>
          <span class="small nowrap">due ${due_date}</span>`,
    },
    { head: 'State', cell: renderInvoiceState },
    { head: 'Net', number: true, cell: (row) => renderAmount(row.subtotal_minor, row.currency) },
    { head: 'Tax', number: true, cell: (row) => renderAmount(row.tax_minor, row.currency) },
    { head: 'Total', number: true, cell: (row) => renderAmount(row.total_minor, row.currency) },
    { head: 'Owed', number: true, cell: (row) => renderAmount(row.owed_minor, row.currency) },
  ]
}

const TONES: Readonly<Record<FinanceInvoice['state'], Tone>> = {
  open: 'wait',
  paid: 'good',
  void: 'quiet',
}

/** An invoice that nobody was told of yet says so. */
export function renderInvoiceState(invoice: Pick<FinanceInvoice, 'state' | 'sent_at'>): Markup {
  return html`${renderState(invoice.state, TONES[invoice.state])}
  ${invoice.sent_at === null ? html`<span class="small nowrap">not sent yet</span>` : ''}`
}
