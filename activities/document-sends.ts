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
import { documentFormats } from '../documents/render.ts'
import { writeInvoiceMail } from '../documents/invoice-mail.ts'
import type { ActivityDeps } from './index.ts'
import { sendDocumentMail } from './mails.ts'

type SendInput = { accountId: string; sendId: string }

export function documentSendActivities(deps: ActivityDeps) {
  const { db } = deps.database
  return {
    /**
     * Mails an invoice's documents once more, to whom and as what the wish says. Safe to run twice:
     * one mail per wish.
     */
    async resendDocuments(input: SendInput): Promise<{ taken: boolean }> {
      const wish = await getSend(db, input)
      const { accountId } = input
      const invoice = await getIssuedInvoice(db, { accountId, invoiceId: wish.invoice_id })
      const taken = await sendInvoice(deps, {
        accountId,
        invoice,
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
  for (const invoice of await listIssuedInvoices(deps.database.db, input)) {
    await sendInvoice(deps, { accountId: input.accountId, invoice, key: `invoice/${invoice.id}` })
  }
}

/**
 * Mails an invoice as its customer's settings say, or as wished; answers whether anybody took it.
 * Safe to run twice under the same key.
 */
async function sendInvoice(
  deps: ActivityDeps,
  sending: { accountId: string; invoice: IssuedInvoice; key: string } & Partial<DeliverySettings>,
): Promise<boolean> {
  const { accountId, invoice, key } = sending
  const { db } = deps.database
  const customerId = invoice.customer_id
  const settings = await getDeliverySettings(db, { accountId, customerId })
  const formats = sending.formats ?? settings.formats
  const known = documentFormats(invoice.snapshot)
  const available = formats.filter((format) => known.includes(format))
  const taken = await sendDocumentMail(
    deps,
    {
      // What the norm cannot express is sent as what it can always be.
      ...writeInvoiceMail(invoice.snapshot, available.length === 0 ? ['pdf'] : available),
      accountId,
      key,
      recipients: sending.recipients ?? settings.recipients,
      invoiceId: invoice.id,
    },
    async ({ format }) => {
      const kept = await findInvoiceDocument(db, { accountId, invoiceId: invoice.id, format })
      return kept ?? Buffer.from(await deps.press.print(invoice.snapshot, format))
    },
  )
  if (taken) await updateInvoiceSent(db, { accountId, invoiceId: invoice.id })
  deps.log.info({ invoice: invoice.id, taken }, 'invoice mailed')
  return taken
}
