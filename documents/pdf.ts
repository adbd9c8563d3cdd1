import type { InvoiceSnapshot } from '../domain/invoice.ts'
import {
  displayAmount,
  displayCount,
  displayDate,
  displayKind,
  displayRate,
  wallClock,
} from './display.ts'
import { attachFacturX } from './facturx.ts'
import { closeSheet, collectBytes } from './pdf-frames.ts'
import { drawHead, invoiceHead } from './pdf-head.ts'
import { openSheet, xmlSafe } from './pdf-sheet.ts'
import type { Sheet } from './pdf-sheet.ts'
import { drawTable } from './pdf-table.ts'
import type { Column } from './pdf-table.ts'
import { drawNotes, drawTotals, totalsHeight } from './pdf-totals.ts'

/**
 * The invoice as PDF/A-3b with its XML inside (Factur-X) where the norm can express it. The bytes
 * depend on the snapshot alone: dates and ids of the file come from the issue date, so rendering
 * again gives the same file.
 */
export async function renderInvoicePdf(invoice: InvoiceSnapshot): Promise<Uint8Array> {
  const issued = new Date(`${invoice.issue_date}T00:00:00Z`)
  const sheet = openSheet({
    subset: 'PDF/A-3b',
    pdfVersion: '1.7',
    tagged: true,
    // The labels are English; figures and dates are written as in the customer's locale.
    lang: 'en',
    displayTitle: true,
    info: {
      Title: `${displayKind(invoice)} ${xmlSafe(invoice.number)}`,
      Subject: `Purchase order ${xmlSafe(invoice.purchase_order_id)}`,
      Producer: 'Bark',
      Creator: 'Bark',
      CreationDate: issued,
      ModDate: issued,
    },
  })
  const bytes = collectBytes(sheet)
  attachFacturX(sheet.document, invoice, issued)
  drawHead(sheet, invoiceHead(invoice))
  drawLines(sheet, invoice)
  drawTotals(sheet, invoice)
  drawNotes(sheet, invoice)
  drawTransactions(sheet, invoice)
  closeSheet(sheet, {
    head: `${displayKind(invoice)} ${invoice.number}`,
    date: displayDate(invoice.issue_date, invoice.locale),
    foot: [invoice.seller.legal_name, invoice.seller.tax_id, invoice.number],
  })
  return bytes
}

function drawLines(sheet: Sheet, invoice: InvoiceSnapshot): void {
  const { currency, locale } = invoice
  // Where one treatment covers the document, the breakdown below the lines says it once.
  const showTax = invoice.tax_breakdown.length > 1
  const taxColumn: Column = { title: 'VAT', align: 'right', widthMax: 60 }
  const columns: Column[] = [
    { title: '#', align: 'right', widthMax: 40 },
    { title: 'SKU', align: 'left', widthMax: 92 },
    { title: 'Description', align: 'left', widthMax: 'rest' },
    { title: 'Quantity', align: 'right', widthMax: 60 },
    { title: `Unit price (${currency})`, align: 'right', widthMax: 110 },
    ...(showTax ? [taxColumn] : []),
    { title: `Net (${currency})`, align: 'right', widthMax: 110 },
  ]
  const rows = invoice.lines.map((line) => {
    return [
      String(line.position),
      line.sku,
      line.name,
      displayCount(line.quantity, locale),
      displayAmount(line.unit_price_minor, currency, locale),
      ...(showTax ? [displayRate(line.tax_category, line.tax_rate_bp, locale)] : []),
      displayAmount(line.net_minor, currency, locale),
    ]
  })
  drawTable(sheet, { columns, rows, keepBelow: totalsHeight(sheet, invoice) })
}

function drawTransactions(sheet: Sheet, invoice: InvoiceSnapshot): void {
  const { currency, locale, transactions } = invoice
  const clock = wallClock(invoice.business_time_zone, locale)
  const rows = transactions.map((transaction) => [
    transaction.transaction_id,
    transaction.client_reference ?? '',
    clock(transaction.accepted_at),
    displayCount(transaction.units, locale),
    displayAmount(transaction.total_minor, currency, locale),
  ])
  const units = transactions.reduce((sum, transaction) => sum + transaction.units, 0)
  sheet.y += 18
  drawTable(sheet, {
    title: `Transactions of ${displayDate(invoice.business_date, locale)}`,
    columns: [
      { title: 'Transaction', align: 'left', widthMax: 190 },
      { title: 'Your reference', align: 'left', widthMax: 'rest' },
      { title: `Accepted (${invoice.business_time_zone})`, align: 'left', widthMax: 130 },
      { title: 'Units', align: 'right', widthMax: 60 },
      { title: `Net (${currency})`, align: 'right', widthMax: 110 },
    ],
    rows,
    total: [
      `${displayCount(transactions.length, locale)} ${transactions.length === 1 ? 'transaction' : 'transactions'}`,
      '',
      '',
      displayCount(units, locale),
      displayAmount(invoice.subtotal_minor, currency, locale),
    ],
  })
}
