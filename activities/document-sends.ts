import { getCreditNoteView } from '../db/credit-note-views.ts'
import { findCreditNoteDocument, updateCreditNoteSent } from '../db/credit-notes.ts'
import {
  getDeliverySettings,
  getSend,
  toFormats,
  updateSendEnded,
  type DeliverySettings,
} from '../db/document-sends.ts'
import {
  findInvoiceDocument,
  getIssuedInvoice,
  listIssuedInvoices,
  updateInvoiceSent,
  type IssuedInvoice,
} from '../db/invoices.ts'
import { writeDocumentMail } from '../documents/document-mail.ts'
import { documentFormats, type DocumentFormat } from '../documents/render.ts'
import type { InvoiceSnapshot } from '../domain/invoice.ts'
import type { ActivityDeps } from './deps.ts'
import { sendDocumentMail } from './mails.ts'

type SendInput = { accountId: string; sendId: string }

export function documentSendActivities(deps: ActivityDeps) {
  const { db } = deps.database
  return {
    /**
     * Mails the documents of an invoice or a credit note once more, to whom and as what the wish
     * says. Safe to run twice: one mail per wish.
     */
    async resendDocuments(input: SendInput): Promise<{ taken: boolean }> {
      const wish = await getSend(db, input)
      const { accountId } = input
      const document =
        wish.credit_note_id === null
          ? invoiceToSend(
              deps,
              accountId,
              await getIssuedInvoice(db, { accountId, invoiceId: wish.invoice_id }),
            )
          : await getCreditNoteToSend(deps, { accountId, creditNoteId: wish.credit_note_id })
      const taken = await sendDocument(deps, accountId, document, {
        key: `documents/${wish.id}`,
        ...(wish.recipients === null ? {} : { recipients: wish.recipients }),
        ...(wish.formats === null ? {} : { formats: toFormats(wish.formats) }),
      })
      await updateSendEnded(db, input)
      return { taken }
    },
  }
}

/** Mails every invoice of a purchase order that was not mailed yet. Safe to run twice: one mail each. */
export async function sendIssuedInvoices(
  deps: ActivityDeps,
  input: { accountId: string; purchaseOrderId: string },
): Promise<void> {
  const { accountId } = input
  for (const invoice of await listIssuedInvoices(deps.database.db, input)) {
    const document = invoiceToSend(deps, accountId, invoice)
    await sendDocument(deps, accountId, document, { key: `invoice/${invoice.id}` })
  }
}

/** Mails a credit note for the first time. Safe to run twice: one mail. */
export async function sendIssuedCreditNote(
  deps: ActivityDeps,
  input: { accountId: string; creditNoteId: string },
): Promise<void> {
  const document = await getCreditNoteToSend(deps, input)
  await sendDocument(deps, input.accountId, document, { key: `credit-note/${input.creditNoteId}` })
}

/** An issued document, its kept bytes, and how it is told that somebody received it. */
type ToSend = {
  about: { invoiceId: string } | { creditNoteId: string }
  snapshot: InvoiceSnapshot
  findKept: (format: DocumentFormat) => Promise<Buffer | null>
  updateSent: () => Promise<void>
}

function invoiceToSend(deps: ActivityDeps, accountId: string, invoice: IssuedInvoice): ToSend {
  const { db } = deps.database
  const key = { accountId, invoiceId: invoice.id }
  return {
    about: { invoiceId: invoice.id },
    snapshot: invoice.snapshot,
    findKept: (format) => findInvoiceDocument(db, { ...key, format }),
    updateSent: () => updateInvoiceSent(db, key),
  }
}

async function getCreditNoteToSend(
  deps: ActivityDeps,
  key: { accountId: string; creditNoteId: string },
): Promise<ToSend> {
  const { db } = deps.database
  const { accountId, creditNoteId } = key
  const owner = { accountId, customerId: null }
  const { snapshot } = await getCreditNoteView(db, owner, creditNoteId)
  if (snapshot === null) throw new Error(`${creditNoteId} is not issued yet`)
  return {
    about: { creditNoteId },
    snapshot,
    findKept: (format) => findCreditNoteDocument(db, { ...key, format }),
    updateSent: () => updateCreditNoteSent(db, key),
  }
}

/**
 * Mails a document as its customer's settings say, or as wished; answers whether anybody took it.
 * Safe to run twice under the same key.
 */
async function sendDocument(
  deps: ActivityDeps,
  accountId: string,
  { about, snapshot, findKept, updateSent }: ToSend,
  wish: { key: string } & Partial<DeliverySettings>,
): Promise<boolean> {
  const customerId = snapshot.buyer.customer_id
  const settings = await getDeliverySettings(deps.database.db, { accountId, customerId })
  const formats = wish.formats ?? settings.formats
  const known = documentFormats(snapshot)
  const available = formats.filter((format) => known.includes(format))
  const taken = await sendDocumentMail(
    deps,
    {
      // What the norm cannot express is sent as what it can always be.
      ...writeDocumentMail(snapshot, available.length === 0 ? ['pdf'] : available),
      accountId,
      key: wish.key,
      recipients: wish.recipients ?? settings.recipients,
      ...about,
    },
    async ({ format }) =>
      (await findKept(format)) ?? Buffer.from(await deps.press.print(snapshot, format)),
  )
  if (taken) await updateSent()
  deps.log.info({ ...about, taken }, 'document mailed')
  return taken
}
