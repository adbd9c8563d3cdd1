import type { InvoiceSnapshot } from '../domain/invoice.ts'
import { formatDecimal } from '../domain/money.ts'
import type { InvoiceMail } from './invoice-mail.ts'

/** The mail that carries a credit note to its customer: plain text, the figures, PDF and CSV. */
export function writeCreditNoteMail(note: InvoiceSnapshot): InvoiceMail {
  const amount = (minor: string) =>
    `${formatDecimal(BigInt(minor), note.currency)} ${note.currency}`
  const { corrects } = note
  if (corrects === undefined) throw new TypeError(`${note.number} takes no invoice back`)
  return {
    subject: `Credit note ${note.number} from ${note.seller.legal_name}: ${amount(note.total_minor)}`,
    body: [
      `Dear ${note.buyer.name},`,
      '',
      `please find attached credit note ${note.number} for invoice ${corrects.number} of ${corrects.issue_date}.`,
      '',
      `  Reason    ${note.notes.join(' ')}`,
      `  Net       ${amount(note.subtotal_minor)}`,
      `  Tax       ${amount(note.tax_minor)}`,
      `  Credited  ${amount(note.total_minor)}`,
      '',
      'The amount is set off against the invoice or paid back.',
      '',
      `Questions? Answer this mail or write to ${note.seller.email}.`,
      '',
      note.seller.legal_name,
    ].join('\n'),
    attachments: [
      { filename: `${note.number}.pdf`, format: 'pdf' },
      { filename: `${note.number}.csv`, format: 'csv' },
    ],
  }
}
