import type { CreditNoteView } from '../db/credit-note-views.ts'
import { minorToNumber } from '../domain/money.ts'
import { printInstant } from './instant.ts'
import { renderDocumentLines, renderDocumentLinks, renderTaxLines } from './invoice.ts'

/** `pending`: the amounts are decided, the number follows within seconds. */
export const CREDIT_NOTE_STATUSES = ['pending', 'issued'] as const

/** A credit note; `formats` are those in which its document can be read, once it is issued. */
export function renderCreditNote(note: CreditNoteView, formats: readonly string[]) {
  const { currency, snapshot } = note
  return {
    object: 'credit_note' as const,
    id: note.id,
    number: snapshot?.number ?? null,
    status: note.state,
    invoice_id: note.invoice_id,
    invoice_number: note.invoice_number,
    customer_id: note.customer_id,
    reason: note.reason,
    issue_date: snapshot?.issue_date ?? null,
    sent_at: note.sent_at === null ? null : printInstant(note.sent_at),
    currency,
    subtotal: minorToNumber(note.subtotal_minor, currency),
    subtotal_minor: Number(note.subtotal_minor),
    tax: minorToNumber(note.tax_minor, currency),
    tax_minor: Number(note.tax_minor),
    total: minorToNumber(note.total_minor, currency),
    total_minor: Number(note.total_minor),
    tax_lines: snapshot === null ? [] : renderTaxLines(snapshot),
    lines: snapshot === null ? [] : renderDocumentLines(snapshot),
    documents: renderDocumentLinks(`/v2/credit-notes/${note.id}`, snapshot === null ? [] : formats),
    created_at: printInstant(note.requested_at),
    links: { self: `/v2/credit-notes/${note.id}`, invoice: `/v2/invoices/${note.invoice_id}` },
  }
}
