import type { Tx } from '../db/client.ts'
import { emitEvent, nextSequence } from '../db/events.ts'
import { listPrepayments, sumPrepayments, type Prepayment } from '../db/invoice-prepayments.ts'
import { getInvoiceView } from '../db/invoice-views.ts'
import { updateInvoicePaid } from '../db/received-payments.ts'
import type { PurchaseOrderRow } from '../db/purchase-orders.ts'
import { documentFormats } from '../documents/render.ts'
import { computeInvoice, type InvoiceInput, type InvoiceSnapshot } from '../domain/invoice.ts'
import { renderInvoice } from '../wire/invoice.ts'

type InvoiceKey = { accountId: string; invoiceId: string }

/** Calls an invoice paid, and tells of it, when the ledger says that nothing is owed. Safe to repeat. */
export async function settleInvoice(tx: Tx, key: InvoiceKey): Promise<void> {
  if (!(await updateInvoicePaid(tx, key))) return
  const { accountId, invoiceId } = key
  const view = await getInvoiceView(tx, { accountId, customerId: null }, invoiceId)
  await emitEvent(tx, {
    accountId,
    type: 'invoice.paid',
    objectId: invoiceId,
    sequence: await nextSequence(tx, accountId, invoiceId),
    customerId: view.snapshot.buyer.customer_id,
    facts: {
      object: renderInvoice({
        ...view,
        sentAt: view.sent_at,
        formats: documentFormats(view.snapshot),
        creditedMinor: view.credited_minor,
        paidMinor: view.paid_minor,
      }),
    },
  })
}

/** The same for invoices of which something was paid before they were issued. */
export async function settlePrepaid(
  tx: Tx,
  accountId: string,
  invoiceIds: readonly string[],
): Promise<void> {
  for (const invoiceId of invoiceIds) await settleInvoice(tx, { accountId, invoiceId })
}

/** The document's content: what the payments of its orders have paid before is taken off. */
export async function computePrepaid(
  tx: Tx,
  input: InvoiceInput,
  po: PurchaseOrderRow,
  invoiceLineIds: string[],
): Promise<{ snapshot: InvoiceSnapshot; prepayments: Prepayment[] }> {
  const snapshot = computeInvoice(input)
  const prepayments = await listPrepayments(tx, {
    accountId: po.account_id,
    purchaseOrderId: po.id,
    invoiceLineIds,
    atMostMinor: BigInt(snapshot.total_minor),
  })
  if (prepayments.length === 0) return { snapshot, prepayments }
  const prepaid = computeInvoice({ ...input, prepaid_minor: sumPrepayments(prepayments) })
  return { snapshot: prepaid, prepayments }
}
