import type { InvoiceSnapshot } from '../domain/invoice.ts'
import { formatDecimal } from '../domain/money.ts'
import { formatRate } from '../domain/tax.ts'

/** Numbers are cells that a spreadsheet may read as numbers; texts are defused. */
export type Cell = string | { number: string }

/**
 * The lines of an invoice as CSV (RFC 4180: comma, CRLF, quotes doubled; UTF-8 without a mark), one
 * row per line under a header. Amounts are decimals in `currency`, `tax_rate` is in percent.
 */
export function renderInvoiceCsv(invoice: InvoiceSnapshot): Uint8Array {
  const amount = (minor: string) => amountCell(minor, invoice.currency)
  return renderCsv([
    [
      ...columnsOf(invoice),
      'position',
      'sku',
      'name',
      'quantity',
      'unit_price',
      'net',
      'tax_category',
      'tax_rate',
      'currency',
    ],
    ...invoice.lines.map((line) => [
      ...invoiceCells(invoice),
      { number: String(line.position) },
      line.sku,
      line.name,
      { number: String(line.quantity) },
      amount(line.unit_price_minor),
      amount(line.net_minor),
      line.tax_category,
      { number: formatRate(line.tax_rate_bp) },
      invoice.currency,
    ]),
  ])
}

/**
 * The transactions behind an invoice as CSV, one row each, in the same dialect. `total` is without
 * tax; the totals add up to the subtotal of the invoice.
 */
export function renderTransactionsCsv(invoice: InvoiceSnapshot): Uint8Array {
  return renderCsv([
    [
      ...columnsOf(invoice),
      'transaction_id',
      'client_reference',
      'accepted_at',
      'units',
      'total',
      'currency',
    ],
    ...invoice.transactions.map((transaction) => [
      ...invoiceCells(invoice),
      transaction.transaction_id,
      transaction.client_reference ?? '',
      transaction.accepted_at,
      { number: String(transaction.units) },
      amountCell(transaction.total_minor, invoice.currency),
      invoice.currency,
    ]),
  ])
}

/**
 * The columns that say on every row which document it is, so that files can be put together. The
 * amounts of a credit note are positive and owed the other way round.
 */
function columnsOf(invoice: InvoiceSnapshot): string[] {
  return documentCells(invoice).map(([name]) => name)
}

function invoiceCells(invoice: InvoiceSnapshot): Cell[] {
  return documentCells(invoice).map(([, value]) => value)
}

function documentCells(invoice: InvoiceSnapshot): [name: string, value: string][] {
  const { corrects } = invoice
  return [
    ...(corrects === undefined
      ? ([['invoice_number', invoice.number]] satisfies [string, string][])
      : ([
          ['credit_note_number', invoice.number],
          ['invoice_number', corrects.number],
          ['invoice_date', corrects.issue_date],
        ] satisfies [string, string][])),
    ['issue_date', invoice.issue_date],
    ['due_date', invoice.due_date],
    ['customer_id', invoice.buyer.customer_id],
    ['purchase_order_id', invoice.purchase_order_id],
    ['purchase_order_number', invoice.purchase_order_number],
    ['business_date', invoice.business_date],
  ]
}

/** Minor units as a decimal of `currency`. */
export function amountCell(minor: string | bigint, currency: string): Cell {
  return { number: formatDecimal(BigInt(minor), currency) }
}

/** Rows in the dialect of every CSV that we write. */
export function renderCsv(rows: Cell[][]): Uint8Array {
  return new TextEncoder().encode(rows.map(renderCsvRow).join(''))
}

/** One row with its line end. */
export function renderCsvRow(row: Cell[]): string {
  return row.map(renderCell).join(',') + '\r\n'
}

function renderCell(cell: Cell): string {
  if (typeof cell !== 'string') return cell.number
  const safe = defuse(cell)
  return /[",\r\n]|^ | $/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** A text that a spreadsheet would run as a formula gets an apostrophe, which it shows as text. */
function defuse(text: string): string {
  return /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text
}
