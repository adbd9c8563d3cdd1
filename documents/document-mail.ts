import type { InvoiceSnapshot } from '../domain/invoice.ts'
import { displayAmount, displayDate, displayKind, displayPayment } from './display.ts'
import { fileName, type DocumentFormat } from './render.ts'

type DocumentMail = {
  subject: string
  body: string
  attachments: { filename: string; format: DocumentFormat }[]
}

/**
 * The mail that carries an invoice or a credit note to its customer: plain text, the figures as the
 * customer's locale writes them, and the documents.
 */
export function writeDocumentMail(
  invoice: InvoiceSnapshot,
  formats: readonly DocumentFormat[],
): DocumentMail {
  const { number, seller, buyer } = invoice
  const { opening, figures, closing } =
    invoice.corrects === undefined ? aboutInvoice(invoice) : aboutCreditNote(invoice)
  const labelWidth = Math.max(...figures.map(([label]) => label.length)) + 2
  return {
    subject: `${displayKind(invoice)} ${number} from ${seller.legal_name}: ${amountIn(invoice)(invoice.total_minor)}`,
    body: [
      `Dear ${buyer.name},`,
      '',
      opening,
      '',
      ...figures.map(([label, value]) => `  ${label.padEnd(labelWidth)}${value}`),
      '',
      ...closing,
      `Questions? Answer this mail or write to ${seller.email}.`,
      '',
      seller.legal_name,
    ].join('\n'),
    attachments: formats.map((format) => ({ filename: fileName(number, format), format })),
  }
}

type Content = { opening: string; figures: [label: string, value: string][]; closing: string[] }

function aboutInvoice(invoice: InvoiceSnapshot): Content {
  const { locale } = invoice
  const amount = amountIn(invoice)
  const orders = invoice.transactions.length
  const ordered = orders === 1 ? 'order' : `${orders} orders`
  const day = `${displayDate(invoice.business_date, locale)} (${invoice.business_time_zone})`
  return {
    opening: `please find attached invoice ${invoice.number} for your ${ordered} of ${day}.`,
    figures: [
      ['Purchase order', invoice.purchase_order_number],
      ['Issued', displayDate(invoice.issue_date, locale)],
      ['Net', amount(invoice.subtotal_minor)],
      ['Tax', amount(invoice.tax_minor)],
      ['Total', amount(invoice.total_minor)],
      ...paidAlready(invoice),
      ['Due', displayDate(invoice.due_date, locale)],
      ...payTo(invoice),
    ],
    closing: [],
  }
}

function payTo({ seller, number, due_minor }: InvoiceSnapshot): Content['figures'] {
  const { bank_account: account } = seller
  if (account === undefined || due_minor === '0') return []
  return [['Pay to', displayPayment(account, number).replaceAll('\u00a0', ' ')]]
}

function paidAlready(invoice: InvoiceSnapshot): Content['figures'] {
  if (invoice.prepaid_minor === '0') return []
  const amount = amountIn(invoice)
  return [
    ['Already paid', amount(invoice.prepaid_minor)],
    ['Still to pay', amount(invoice.due_minor)],
  ]
}

function aboutCreditNote(note: InvoiceSnapshot): Content {
  const { corrects, locale } = note
  if (corrects === undefined) throw new TypeError(`${note.number} takes no invoice back`)
  const amount = amountIn(note)
  const date = displayDate(corrects.issue_date, locale)
  return {
    opening: `please find attached credit note ${note.number} for invoice ${corrects.number} of ${date}.`,
    figures: [
      ['Reason', note.notes.join(' ')],
      ['Net', amount(note.subtotal_minor)],
      ['Tax', amount(note.tax_minor)],
      ['Credited', amount(note.total_minor)],
    ],
    closing: ['The amount is set off against the invoice or paid back.', ''],
  }
}

function amountIn({ currency, locale }: InvoiceSnapshot): (minor: string) => string {
  return (minor) => `${displayAmount(minor, currency, locale)} ${currency}`
}
