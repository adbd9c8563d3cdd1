import { html } from 'hono/html'
import { getFinanceInvoice, type FinanceInvoiceDocument } from '../../db/finance-invoices.ts'
import { findInvoiceDocument } from '../../db/invoices.ts'
import {
  addressLines,
  displayCount,
  displayDate,
  displayRate,
  displayTax,
  wallClock,
} from '../../documents/display.ts'
import {
  CONTENT_TYPES,
  documentFormats,
  renderDocument,
  type DocumentFormat,
} from '../../documents/render.ts'
import { DomainError } from '../../domain/error.ts'
import type { InvoiceSnapshot } from '../../domain/invoice.ts'
import type { InvoiceLine, InvoiceTransaction } from '../../domain/invoice-lines.ts'
import type { ApiContext } from '../context.ts'
import type { ApiDeps } from '../deps.ts'
import { requireId } from '../fields.ts'
import type { FinanceContent, FinanceView } from './finance-view.ts'
import { renderInvoiceState } from './finance-invoices.ts'
import { renderAmount, renderClock, renderTable, type Column, type Markup } from './layout.ts'

const FORMAT_NAMES: Readonly<Record<DocumentFormat, string>> = {
  pdf: 'PDF',
  csv: 'CSV',
  ubl: 'XML (UBL)',
  cii: 'XML (CII)',
}

/** In the order in which people want them. */
const FORMATS: readonly DocumentFormat[] = ['pdf', 'csv', 'ubl', 'cii']

/** One invoice as it was issued, from the snapshot that its documents are made from. */
export async function renderInvoicePage(view: FinanceView): Promise<FinanceContent> {
  const id = requireId('invoice', view.id)
  const invoice = await getFinanceInvoice(view.deps.database.db, view.accountId, id)
  const { snapshot } = invoice
  const body = html`<h1>Invoice ${snapshot.number}</h1>
    <p>${snapshot.buyer.name}, ${displayDate(snapshot.business_date)}</p>
    <ul class="documents">
      ${formatsOf(snapshot).map(
        (format) =>
          html`<li>
            <a href="/finance/invoices/${id}/documents/${format}">${FORMAT_NAMES[format]}</a>
          </li>`,
      )}
    </ul>
    ${renderHead(view, invoice)}
    <h2>Lines</h2>
    ${renderTable(lineColumns(snapshot), snapshot.lines, 'It has no line.', renderSums(snapshot))}
    ${snapshot.tax_breakdown
      .flatMap(({ exemption_text }) => exemption_text ?? [])
      .map((text) => html`<p class="small">${text}</p>`)}
    <h2>Transactions</h2>
    ${renderTable(transactionColumns(snapshot), snapshot.transactions, 'It bills no transaction.')}`
  return { title: snapshot.number, body }
}

/**
 * The bytes of a document: those that were sent, or, as long as none are kept, rendered now from the
 * same snapshot, which gives the same bytes. Stores nothing.
 */
export async function sendDocument(
  deps: ApiDeps,
  ctx: ApiContext,
  accountId: string,
): Promise<Response> {
  const id = requireId('invoice', ctx.req.param('id') ?? '')
  const { db } = deps.database
  const invoice = await getFinanceInvoice(db, accountId, id)
  const format = formatsOf(invoice.snapshot).find((each) => each === ctx.req.param('format'))
  if (format === undefined) {
    throw new DomainError('not_found', 'This invoice has no such document.')
  }
  const kept = await findInvoiceDocument(db, { accountId, invoiceId: id, format })
  const content = kept ?? (await renderDocument(invoice.snapshot, format))
  const extension = format === 'pdf' || format === 'csv' ? format : `${format}.xml`
  // A PDF is read in the browser; the others are for other programs.
  const disposition = format === 'pdf' ? 'inline' : 'attachment'
  return ctx.body(new Uint8Array(content), 200, {
    'Content-Type': CONTENT_TYPES[format],
    'Content-Disposition': `${disposition}; filename="${invoice.number}.${extension}"`,
  })
}

function formatsOf(snapshot: InvoiceSnapshot): DocumentFormat[] {
  const possible = documentFormats(snapshot)
  return FORMATS.filter((format) => possible.includes(format))
}

function renderHead(view: FinanceView, invoice: FinanceInvoiceDocument): Markup {
  const { snapshot } = invoice
  const { buyer } = snapshot
  return html`<dl>
    <dt>State</dt>
    <dd>${renderInvoiceState(invoice)}</dd>
    <dt>Issued</dt>
    <dd>${displayDate(snapshot.issue_date)}</dd>
    <dt>Due</dt>
    <dd>${displayDate(snapshot.due_date)}</dd>
    <dt>Sent</dt>
    <dd>
      ${
        invoice.sent_at === null
          ? 'not yet'
          : `${renderClock(invoice.sent_at, view.timeZone)} to ${buyer.email}`
      }
    </dd>
    <dt>Bill to</dt>
    <dd>
      ${buyer.name}
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

function renderSums(snapshot: InvoiceSnapshot): Markup {
  const row = (label: string, minor: string) =>
    html`<tr>
      <td colspan="5" class="number">${label}</td>
      <td class="number">${renderAmount(minor, snapshot.currency)}</td>
    </tr>`
  return html`${row('Net', snapshot.subtotal_minor)}
  ${snapshot.tax_breakdown.map((tax) => row(displayTax(tax), tax.tax_minor))}
  ${row('Total', snapshot.total_minor)}`
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
