import type { InvoiceSnapshot } from '../domain/invoice.ts'
import { formatDecimal } from '../domain/money.ts'
import { fileName, type DocumentFormat } from './render.ts'

export type InvoiceMail = {
  subject: string
  body: string
  attachments: { filename: string; format: DocumentFormat }[]
}

/** The mail that carries an invoice to its customer: plain text, the figures, and the documents. */
export function writeInvoiceMail(
  invoice: InvoiceSnapshot,
  formats: readonly DocumentFormat[],
): InvoiceMail {
  const amount = (minor: string) =>
    `${formatDecimal(BigInt(minor), invoice.currency)} ${invoice.currency}`
  const orders = invoice.transactions.length
  return {
    subject: `Invoice ${invoice.number} from ${invoice.seller.legal_name}: ${amount(invoice.total_minor)}`,
    body: [
      `Dear ${invoice.buyer.name},`,
      '',
      `please find attached invoice ${invoice.number} for your ${orders === 1 ? 'order' : `${orders} orders`} of ${invoice.business_date} (${invoice.business_time_zone}).`,
      '',
      `  Purchase order  ${invoice.purchase_order_number}`,
      `  Issued          ${invoice.issue_date}`,
      `  Net             ${amount(invoice.subtotal_minor)}`,
      `  Tax             ${amount(invoice.tax_minor)}`,
      `  Total           ${amount(invoice.total_minor)}`,
      `  Due             ${invoice.due_date}`,
      '',
      `Questions? Answer this mail or write to ${invoice.seller.email}.`,
      '',
      invoice.seller.legal_name,
    ].join('\n'),
    attachments: formats.map((format) => ({ filename: fileName(invoice.number, format), format })),
  }
}
