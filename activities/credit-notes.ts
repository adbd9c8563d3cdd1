import { createHash } from 'node:crypto'
import { inTransaction, type Tx } from '../db/client.ts'
import { getCreditNoteView } from '../db/credit-note-views.ts'
import {
  findCreditNoteDocument,
  insertCreditNoteDocument,
  lockCorrectedInvoice,
  lockCreditNote,
  sumUndelivered,
  updateCreditNoteIssued,
  updateCreditNoteEnded,
  updateInvoiceVoid,
  type CreditNoteRow,
} from '../db/credit-notes.ts'
import { takeDocumentNumber } from '../db/document-numbers.ts'
import { emitEvent } from '../db/events.ts'
import { getInvoiceOwed, lockCustomerBalance, postJournal } from '../db/ledger.ts'
import { documentFormats } from '../documents/render.ts'
import { isOfRefund } from '../db/refunded-units.ts'
import { canonicalJson } from '../domain/canonical-json.ts'
import { computeCreditNote } from '../domain/credit-note.ts'
import type { InvoiceSnapshot } from '../domain/invoice.ts'
import { creditNoteIssued } from '../domain/ledger.ts'
import { renderCreditNote } from '../wire/credit-note.ts'
import { sendIssuedCreditNote } from './document-sends.ts'
import type { ActivityDeps } from './deps.ts'
import { settleInvoice } from './invoice-paid.ts'

type CreditNoteInput = { accountId: string; creditNoteId: string }

export function creditNoteActivities(deps: ActivityDeps) {
  const { database, press } = deps
  const { db } = database

  const readIssued = async (input: CreditNoteInput): Promise<InvoiceSnapshot> => {
    const owner = { accountId: input.accountId, customerId: null }
    const { snapshot } = await getCreditNoteView(db, owner, input.creditNoteId)
    if (snapshot === null) throw new Error(`${input.creditNoteId} is not issued yet`)
    return snapshot
  }

  return {
    /**
     * Gives a requested credit note its number and freezes its content, in one transaction with the
     * customer's balance. Safe to run twice: only a pending one is issued.
     */
    async finalizeCreditNote(input: CreditNoteInput): Promise<{ number: string }> {
      return inTransaction(db, async (tx) => {
        const note = await lockCreditNote(tx, input)
        if (note.number !== null) return { number: note.number }
        const corrected = await lockCorrectedInvoice(tx, note)
        await postCreditNote(tx, note)
        const number = await takeDocumentNumber(tx, note.account_id, 'credit_note')
        const snapshot = computeCreditNote({
          ...corrected,
          invoiceId: note.invoice_id,
          number: number.number,
          issue_date: number.issueDate,
          reason: note.reason,
        })
        await updateCreditNoteIssued(tx, {
          ...input,
          number,
          snapshot,
          snapshotHash: sha256(canonicalJson(snapshot)),
        })
        const invoiceKey = { accountId: note.account_id, invoiceId: note.invoice_id }
        await updateInvoiceVoid(tx, invoiceKey)
        await settleInvoice(tx, invoiceKey)
        const owner = { accountId: note.account_id, customerId: null }
        const view = await getCreditNoteView(tx, owner, note.id)
        await emitEvent(tx, {
          accountId: note.account_id,
          type: 'credit_note.issued',
          objectId: note.id,
          sequence: 1,
          customerId: note.customer_id,
          facts: { object: renderCreditNote(view, documentFormats(snapshot)) },
        })
        return { number: number.number }
      })
    },

    /**
     * Renders every format from the frozen content and keeps the bytes. Safe to run twice: a
     * rendering is byte-stable and the first one stays.
     */
    async renderCreditNoteDocuments(input: CreditNoteInput): Promise<void> {
      const snapshot = await readIssued(input)
      for (const format of documentFormats(snapshot)) {
        if ((await findCreditNoteDocument(db, { ...input, format })) !== null) continue
        const content = Buffer.from(await press.print(snapshot, format))
        await insertCreditNoteDocument(db, { ...input, format, content, sha256: sha256(content) })
      }
    },

    /**
     * Mails a credit note with its documents to the customer. Safe to run twice: one mail per
     * credit note; a reply lost after the server took the mail sends it again under the same
     * Message-ID.
     */
    async sendCreditNote(input: CreditNoteInput): Promise<void> {
      await sendIssuedCreditNote(deps, input)
      await updateCreditNoteEnded(db, input)
    },
  }
}

/** The customer owes less; what was paid beyond that becomes money of the customer. */
async function postCreditNote(tx: Tx, note: CreditNoteRow): Promise<void> {
  const owner = {
    accountId: note.account_id,
    customerId: note.customer_id,
    currency: note.currency,
  }
  await lockCustomerBalance(tx, owner)
  const key = { accountId: note.account_id, invoiceId: note.invoice_id }
  const sourceId = `${note.invoice_id}/${note.id}`
  const undeliveredMinor = await sumUndelivered(tx, note)
  const posting = creditNoteIssued({
    netMinor: note.subtotal_minor - undeliveredMinor,
    undeliveredMinor,
    taxMinor: note.tax_minor,
    owedMinor: await getInvoiceOwed(tx, key),
  })
  await postJournal(tx, { ...owner, posting, sourceId })
  if (!isOfRefund(note.key)) return
  const amounts = { amount: posting.amounts.excess }
  await postJournal(tx, { ...owner, posting: { kind: 'credit_note_refunded', amounts }, sourceId })
}

function sha256(content: string | Uint8Array): Buffer {
  return createHash('sha256').update(content).digest()
}
