import { html } from 'hono/html'
import { getFinanceInvoice, type FinanceInvoiceDocument } from '../../../db/finance-invoices.ts'
import { findInvoiceDocument } from '../../../db/invoices.ts'
import {
  addressLines,
  displayCount,
  displayDate,
  displayRate,
  wallClock,
} from '../../../documents/display.ts'
import type { InvoiceSnapshot } from '../../../domain/invoice.ts'
import type { InvoiceLine, InvoiceTransaction } from '../../../domain/invoice-lines.ts'
import type { ApiContext } from '../../context.ts'
import type { ApiDeps } from '../../deps.ts'
import { requireId } from '../../fields.ts'
import { renderDocumentList, renderSums, sendFile } from './documents.ts'
import { renderInvoiceMoney } from './invoice-money.ts'
import { pageRows } from './list.ts'
import type { FinanceContent, FinanceView } from './view.ts'
import { renderInvoiceState } from './invoices.ts'
import { renderDone } from './done.ts'
import { renderAmount, renderClock, renderTable, type Column, type Markup } from '../layout.ts'

/** One invoice as it was issued, from the snapshot that its documents are made from. */
export async function renderInvoicePage(view: FinanceView): Promise<FinanceContent> {
  const id = requireId('invoice', view.id)
  const invoice = await getFinanceInvoice(view.deps.database.db, view.accountId, id)
  const { snapshot } = invoice
  const path = `/finance/invoices/${id}`
  const lines = await pageRows(view, path, 'lines', snapshot.lines)
  const transactions = await pageRows(view, path, 'transactions', snapshot.transactions)
  const body = html`<h1>Invoice ${snapshot.number}</h1>
    <p>${snapshot.buyer.name}, ${displayDate(snapshot.business_date)}</p>
    ${renderDocumentList(path, snapshot)} ${renderDone(view)} ${renderHead(view, invoice)}
    ${await renderInvoiceMoney(view, invoice)}
    <h2>Lines</h2>
    ${renderTable(lineColumns(snapshot), lines.rows, 'It has no line.', renderSums(snapshot, { before: 5 }))}
    ${lines.pager}
    ${snapshot.tax_breakdown
      .flatMap(({ exemption_text }) => exemption_text ?? [])
      .map((text) => html`<p class="small">${text}</p>`)}
    <h2>Transactions</h2>
    ${renderTable(transactionColumns(snapshot), transactions.rows, 'It bills no transaction.')}
    ${transactions.pager}
    <p class="export"><a href="${path}/documents/csv?rows=transactions">CSV</a></p>`
  return { title: snapshot.number, body }
}

/** The bytes of an invoice's document. */
export async function sendInvoiceDocument(
  deps: ApiDeps,
  ctx: ApiContext,
  { accountId }: { accountId: string },
): Promise<Response> {
  const id = requireId('invoice', ctx.req.param('id') ?? '')
  const { db } = deps.database
  const { snapshot } = await getFinanceInvoice(db, accountId, id)
  return sendFile(ctx, snapshot, (format) =>
    findInvoiceDocument(db, { accountId, invoiceId: id, format }),
  )
}

function renderHead(view: FinanceView, invoice: FinanceInvoiceDocument): Markup {
  const { snapshot } = invoice
  const { buyer } = snapshot
  return html`<dl>
    <dt>State</dt>
    <dd>${renderInvoiceState(invoice)}</dd>
    <dt>Owed</dt>
    <dd>${renderAmount(invoice.owed_minor, snapshot.currency)}</dd>
    <dt>Issued</dt>
    <dd>${displayDate(snapshot.issue_date)}</dd>
    <dt>Due</dt>
    <dd>${displayDate(snapshot.due_date)}</dd>
    <dt>Sent</dt>
    <dd>${invoice.sent_at === null ? 'not yet' : renderClock(invoice.sent_at, view.timeZone)}</dd>
    <dt>Bill to</dt>
    <dd>
      <a href="/finance/customers/${invoice.customer_id}/statement?currency=${snapshot.currency}"
        >${buyer.name}</a
      >
      ${
        buyer.address === undefined
          ? ''
          : addressLines(buyer.address).map((line) => html`<span class="small">${line}</span>`)
      }
      ${buyer.tax_id === undefined ? '' : html`<span class="small">Tax id ${buyer.tax_id}</span>`}
    </dd>
    <dt>Purchase order</dt>
    <dd>
      <a href="/finance/purchase-orders/${invoice.purchase_order_id}"
        >${snapshot.purchase_order_number}</a
      >
    </dd>
    <dt>Id</dt>
    <dd class="mono">${invoice.id}</dd>
  </dl>`
}

function lineColumns({ currency }: InvoiceSnapshot): Column<InvoiceLine>[] {
  return [
    { head: '#', number: true, cell: ({ position }) => displayCount(position) },
    {
      head: 'Product',
      cell: ({ name, sku }) => html`${name} <span class="small mono">${sku}</span>`,
    },
    { head: 'Tax', cell: (line) => displayRate(line.tax_category, line.tax_rate_bp) },
    { head: 'Quantity', number: true, cell: ({ quantity }) => displayCount(quantity) },
    {
      head: 'Price',
      number: true,
      cell: ({ unit_price_minor }) => renderAmount(unit_price_minor, currency),
    },
    { head: 'Net', number: true, cell: ({ net_minor }) => renderAmount(net_minor, currency) },
  ]
}

function transactionColumns(snapshot: InvoiceSnapshot): Column<InvoiceTransaction>[] {
  const clock = wallClock(snapshot.business_time_zone)
  return [
    {
      head: 'Transaction',
      cell: ({ transaction_id, client_reference }) =>
        html`<a class="mono" href="/finance/transactions/${transaction_id}">${transaction_id}</a> ${
            client_reference === undefined
              ? ''
              : html`<span class="small">${client_reference}</span>`
          }`,
    },
    {
      head: `Accepted (${snapshot.business_time_zone})`,
      cell: ({ accepted_at }) => html`<span class="nowrap">${clock(accepted_at)}</span>`,
    },
    { head: 'Units', number: true, cell: ({ units }) => displayCount(units) },
    {
      head: 'Net',
      number: true,
      cell: ({ total_minor }) => renderAmount(total_minor, snapshot.currency),
    },
  ]
}
