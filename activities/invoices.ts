import { createHash } from 'node:crypto'
import { inTransaction } from '../db/client.ts'
import { insertInvoiceDocument, listInvoiceNumbers, listIssuedInvoices } from '../db/invoices.ts'
import {
  getPurchaseOrder,
  lockPurchaseOrder,
  endPurchaseOrder,
  updatePurchaseOrderInvoiced,
} from '../db/purchase-orders.ts'
import { getInvoiceRun, scheduleInvoiceRun } from '../db/invoice-runs.ts'
import { documentFormats } from '../documents/render.ts'
import type { RegisteredWait } from '../domain/story.ts'
import { billOrStop, billUnbilled, FIRST_RUN } from './billing.ts'
import type { ActivityDeps } from './deps.ts'
import { settlePrepaid } from './invoice-paid.ts'
import { waitForDay, waitForRun } from './billing-waits.ts'
import { sendIssuedInvoices } from './document-sends.ts'

type PurchaseOrderInput = { accountId: string; purchaseOrderId: string }
type InvoiceRunInput = { accountId: string; invoiceRunId: string }
type ParkInput = (PurchaseOrderInput | InvoiceRunInput) & { reason: string }

export function invoiceActivities(deps: ActivityDeps) {
  const { database, press, taxPolicies: policies } = deps
  const { db } = database
  return {
    /**
     * Issues the invoices of a closed purchase order, one per tax group, in one transaction: units
     * marked, figures computed, number taken, snapshot frozen. Safe to run twice: only a purchase
     * order that is settling is billed, and its state changes in the same transaction. Never tried
     * again by itself when the seller's data are incomplete: somebody has to complete them.
     */
    async billPurchaseOrder(input: PurchaseOrderInput): Promise<{ invoices: string[] }> {
      return billOrStop(db, async (tx) => {
        const po = await lockPurchaseOrder(tx, input)
        if (po.state === 'settling') {
          const billed = await billUnbilled(tx, po, { run: FIRST_RUN, policies })
          await updatePurchaseOrderInvoiced(tx, { ...input, manifestHash: billed.manifestHash })
          await settlePrepaid(tx, input.accountId, billed.prepaid)
        }
        const invoices = await listInvoiceNumbers(tx, { ...input, run: FIRST_RUN })
        if (invoices.length === 0) await endPurchaseOrder(tx, input)
        return { invoices }
      })
    },

    /**
     * Renders every format from the frozen snapshots and keeps the bytes. Safe to run twice: a
     * rendering is byte-stable and the first one stays.
     */
    async renderInvoices(input: PurchaseOrderInput): Promise<void> {
      for (const invoice of await listIssuedInvoices(db, input)) {
        for (const format of documentFormats(invoice.snapshot)) {
          if (invoice.formats.includes(format)) continue
          const content = Buffer.from(await press.print(invoice.snapshot, format))
          await insertInvoiceDocument(db, {
            accountId: input.accountId,
            invoiceId: invoice.id,
            format,
            content,
            sha256: sha256(content),
          })
        }
      }
    },

    /**
     * Mails each invoice with its PDF and CSV to the customer, and ends the purchase order. Safe to
     * run twice: one mail per invoice key; a reply lost after the server took the mail sends it
     * again under the same Message-ID.
     */
    async sendInvoices(input: PurchaseOrderInput): Promise<void> {
      await sendIssuedInvoices(deps, input)
      await inTransaction(db, async (tx) => {
        await endPurchaseOrder(tx, input)
        // What was being delivered while the invoice was made came too late for it.
        await scheduleInvoiceRun(tx, input)
      })
    },

    /** Billing cannot go on without a person. Safe to run twice: the wait is replaced. */
    async parkBilling(input: ParkInput): Promise<RegisteredWait> {
      const { reason } = input
      return inTransaction(db, async (tx) => {
        if ('invoiceRunId' in input) {
          const run = await getInvoiceRun(tx, input)
          return waitForRun(tx, run, { dueAt: null, needsPerson: true, reason })
        }
        const po = await getPurchaseOrder(tx, input)
        return waitForDay(tx, po, { dueAt: null, needsPerson: true, reason })
      })
    },
  }
}

function sha256(content: string | Uint8Array): Buffer {
  return createHash('sha256').update(content).digest()
}
