import { html } from 'hono/html'
import { displayCount, displayDate, wallClock } from '../../../documents/display.ts'
import { listFinanceInvoices, sumFinanceInvoices } from '../../../db/finance-invoices.ts'
import { sumFinanceDay, sumFinanceDays } from '../../../db/finance-days.ts'
import { listFinancePurchaseOrders } from '../../../db/finance.ts'
import { renderExport, walkList } from './list.ts'
import type { FinanceContent, FinanceView } from './view.ts'
import { invoiceColumns, renderInvoiceTotals } from './invoices.ts'
import { purchaseOrderColumns } from './purchase-orders.ts'
import { CHART_DAYS, renderCharts } from './charts.ts'
import { renderAmount, renderTable } from '../layout.ts'

const LATEST_INVOICES = 10

/** Today's purchase orders by customer and currency, and what has been invoiced so far. */
export async function renderToday(view: FinanceView): Promise<FinanceContent> {
  const { db } = view.deps.database
  const [day, totals, days, invoices, latest] = await Promise.all([
    walkList(view, '/finance', {}, (request) =>
      listFinancePurchaseOrders(db, view.accountId, { today: true }, request),
    ),
    sumFinanceDay(db, view.accountId),
    sumFinanceDays(db, view.accountId, CHART_DAYS),
    sumFinanceInvoices(db, view.accountId, {}),
    listFinanceInvoices(db, view.accountId, {}, { kind: 'page', page: 1, limit: LATEST_INVOICES }),
  ])
  const [date = '', time = ''] = wallClock(view.timeZone)(view.now.toISOString()).split(' ')
  const body = html`<h1>Today</h1>
    <p>${displayDate(date)}, ${time.slice(0, 5)} in ${view.timeZone}</p>
    ${
      totals.length === 0
        ? ''
        : html`<ul class="cards">
            ${totals.map(
              (total) =>
                html`<li>
                  <b>${renderAmount(total.total_minor, total.currency)}</b>
                  <span class="quiet">
                    ${count(total.transactions, 'transaction')} on
                    ${count(total.purchase_orders, 'purchase order')}
                  </span>
                </li>`,
            )}
          </ul>`
    }
    ${renderTable(
      purchaseOrderColumns(),
      day.rows,
      'Nothing has been ordered today. The first order of a customer opens its purchase order.',
    )}
    ${day.pager} ${renderExport('today', {})} ${renderCharts(days)}
    <h2>Invoices by currency</h2>
    ${renderInvoiceTotals(invoices)}
    <h2>Latest invoices</h2>
    ${renderTable(invoiceColumns(), latest.rows, 'No invoice has been issued yet.')}
    ${
      (latest.total ?? 0) > latest.rows.length
        ? html`<p><a href="/finance/invoices">All invoices</a></p>`
        : ''
    }`
  return { title: 'Today', body }
}

/** "1 transaction", "1,204 transactions". */
function count(many: bigint, noun: string): string {
  return `${displayCount(Number(many))} ${noun}${many === 1n ? '' : 's'}`
}
