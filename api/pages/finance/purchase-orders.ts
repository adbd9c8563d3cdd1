import { z } from '@hono/zod-openapi'
import { html } from 'hono/html'
import {
  getFinancePurchaseOrder,
  listFinancePurchaseOrders,
  listFinanceTransactions,
  type FinancePurchaseOrder,
} from '../../../db/finance.ts'
import { displayCount, displayDate } from '../../../documents/display.ts'
import { requireId } from '../../fields.ts'
import { parseInput } from '../../input.ts'
import { renderExport, walkList } from './list.ts'
import { numberOf, type FinanceContent, type FinanceView } from './view.ts'
import { transactionColumns } from './transactions.ts'
import {
  renderAmount,
  renderClock,
  renderState,
  renderTable,
  type Column,
  type Markup,
  type Tone,
} from '../layout.ts'
import { optional } from '../page-query.ts'

const STATES = ['open', 'settling', 'invoiced', 'settled'] as const

/** What the list, and its file, can be narrowed down by. */
export const purchaseOrderQuery = z.object({
  date: optional(z.iso.date('Must be a day such as 2026-01-31')),
  status: optional(z.enum(STATES)),
})

/** Every purchase order, the latest first. */
export async function renderPurchaseOrderList(view: FinanceView): Promise<FinanceContent> {
  const filter = parseInput(purchaseOrderQuery, view.query, 'query')
  const { date, status } = filter
  const path = '/finance/purchase-orders'
  const { rows, pager } = await walkList(view, path, filter, (request) =>
    listFinancePurchaseOrders(
      view.deps.database.db,
      view.accountId,
      { businessDate: date, status },
      request,
    ),
  )
  const body = html`<h1>Purchase orders</h1>
    <p>What each customer ordered in one business day and currency.</p>
    <form class="filter" method="get" action="${path}">
      <div>
        <label for="date">Business day</label>
        <input id="date" name="date" type="date" value="${date ?? ''}" />
      </div>
      <div>
        <label for="status">State</label>
        <select id="status" name="status">
          <option value="">All</option>
          ${STATES.map(
            (state) =>
              html`<option value="${state}" ${state === status ? 'selected' : ''}>
                ${state}
              </option>`,
          )}
        </select>
      </div>
      <button>Show</button>
    </form>
    ${renderTable(
      purchaseOrderColumns(),
      rows,
      date === undefined && status === undefined
        ? 'There is no purchase order yet.'
        : 'No purchase order is like that.',
    )}
    ${pager} ${renderExport('purchase-orders', filter)}`
  return { title: 'Purchase orders', body }
}

/** How lists show a purchase order; times are those of its customer's zone. */
export function purchaseOrderColumns(): Column<FinancePurchaseOrder>[] {
  return [
    {
      head: 'Customer',
      cell: (po) =>
        html`${po.customer_name}
          <a class="small nowrap" href="/finance/purchase-orders/${po.id}">${numberOf(po)}</a>`,
    },
    { head: 'Business day', cell: (po) => html`<span class="nowrap">${po.business_date}</span>` },
    { head: 'State', cell: (po) => renderPurchaseOrderState(po) },
    {
      head: 'Closes',
      cell: (po) =>
        html`<span class="nowrap"
            >${renderClock(po.closed_at ?? po.scheduled_end, po.time_zone)}</span
          >
          <span class="small nowrap"
            >${po.closed_at === null ? '' : 'closed, '}${po.time_zone}</span
          >`,
    },
    {
      head: 'Invoice',
      cell: (po) =>
        po.invoices.length === 0 ? html`<span class="quiet">–</span>` : invoiceLinks(po),
    },
    {
      head: 'Transactions',
      number: true,
      cell: (po) => displayCount(Number(po.transaction_count)),
    },
    { head: 'Total', number: true, cell: (po) => renderAmount(po.total_minor, po.currency) },
  ]
}

/** One purchase order with its transactions. */
export async function renderPurchaseOrderPage(view: FinanceView): Promise<FinanceContent> {
  const id = requireId('purchaseOrder', view.id)
  const { db } = view.deps.database
  const po = await getFinancePurchaseOrder(db, view.accountId, id)
  const path = `/finance/purchase-orders/${id}`
  const { rows, pager } = await walkList(view, path, {}, (request) =>
    listFinanceTransactions(db, view.accountId, id, request),
  )
  const title = numberOf(po)
  const body = html`<h1>${title}</h1>
    <p>${po.customer_name}, ${displayDate(po.business_date)}</p>
    <dl>
      <dt>State</dt>
      <dd>${renderPurchaseOrderState(po)}</dd>
      <dt>Day</dt>
      <dd>
        ${renderClock(po.period_start, po.time_zone)} –
        ${renderClock(po.scheduled_end, po.time_zone)}
        <span class="quiet">${po.time_zone}</span>
      </dd>
      ${
        po.closed_at === null
          ? ''
          : html`<dt>Closed</dt>
              <dd>${renderClock(po.closed_at, po.time_zone)}</dd>`
      }
      ${
        po.state === 'settling' && po.settle_until !== null
          ? html`<dt>Late codes until</dt>
              <dd>${renderClock(po.settle_until, po.time_zone)}</dd>`
          : ''
      }
      <dt>Ordered</dt>
      <dd>${renderAmount(po.total_minor, po.currency)}</dd>
      <dt>Invoice</dt>
      <dd>${po.invoices.length === 0 ? 'none yet' : invoiceLinks(po)}</dd>
      <dt>Id</dt>
      <dd class="mono">${po.id}</dd>
    </dl>
    <h2>Transactions</h2>
    ${renderTable(transactionColumns(po.time_zone), rows, 'It has no transaction.')} ${pager}
    ${renderExport('transactions', { purchase_order_id: id })}`
  return { title, body }
}

const TONES: Readonly<Record<FinancePurchaseOrder['state'], Tone>> = {
  open: 'quiet',
  settling: 'wait',
  invoiced: 'good',
  settled: 'good',
}

function renderPurchaseOrderState({ state, held_at }: FinancePurchaseOrder): Markup {
  if (held_at !== null && state === 'settling') return renderState('settling, held', 'bad')
  return renderState(state, TONES[state])
}

function invoiceLinks({ invoices }: FinancePurchaseOrder): Markup {
  return html`${invoices.map(
    ({ id, number }) => html`<a class="nowrap" href="/finance/invoices/${id}">${number}</a> `,
  )}`
}
