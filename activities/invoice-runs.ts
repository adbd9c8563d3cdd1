import { inTransaction } from '../db/client.ts'
import {
  getInvoiceRun,
  scheduleInvoiceRun,
  updateInvoiceRunBilled,
  updateInvoiceRunEnded,
} from '../db/invoice-runs.ts'
import { listInvoiceNumbers } from '../db/invoices.ts'
import { getBusinessNow, lockPurchaseOrder } from '../db/purchase-orders.ts'
import { endWait } from '../db/waits.ts'
import type { RegisteredWait } from '../domain/story.ts'
import { billOrStop, billUnbilled } from './billing.ts'
import { waitForRun } from './billing-waits.ts'
import { sendIssuedInvoices } from './document-sends.ts'
import type { ActivityDeps } from './deps.ts'
import { settlePrepaid } from './invoice-paid.ts'

type InvoiceRunInput = { accountId: string; invoiceRunId: string }

/** What a supplementary run does next. */
export type InvoiceRunStep =
  { step: 'wait'; wait: RegisteredWait } | { step: 'bill'; purchaseOrderId: string }

export function invoiceRunActivities(deps: ActivityDeps) {
  const { database, taxPolicies: policies } = deps
  const { db } = database
  return {
    /** What a supplementary run waits for: its cut-off. Safe to run twice: the wait is replaced. */
    async stepInvoiceRun(input: InvoiceRunInput): Promise<InvoiceRunStep> {
      return inTransaction(db, async (tx) => {
        const run = await getInvoiceRun(tx, input)
        const now = await getBusinessNow(tx, input.accountId)
        if (now >= run.due_at) {
          await endWait(tx, input.accountId, run.id)
          return { step: 'bill', purchaseOrderId: run.purchase_order_id }
        }
        const reason = 'the cut-off after a late delivery'
        return { step: 'wait', wait: await waitForRun(tx, run, { dueAt: run.due_at, reason }) }
      })
    },

    /**
     * Issues the supplementary invoices of what was delivered since. Safe to run twice: a run is
     * billed once, in the transaction that says so. Stops like `billPurchaseOrder`.
     */
    async billInvoiceRun(input: InvoiceRunInput): Promise<{ invoices: string[] }> {
      return billOrStop(db, async (tx) => {
        const found = await getInvoiceRun(tx, input)
        const key = { accountId: input.accountId, purchaseOrderId: found.purchase_order_id }
        const po = await lockPurchaseOrder(tx, key)
        const run = await getInvoiceRun(tx, input)
        if (run.billed_at === null) {
          const billed = await billUnbilled(tx, po, { run: run.run, policies })
          await updateInvoiceRunBilled(tx, { ...input, manifestHash: billed.manifestHash })
          await settlePrepaid(tx, input.accountId, billed.prepaid)
        }
        return { invoices: await listInvoiceNumbers(tx, { ...key, run: run.run }) }
      })
    },

    /** Mails the invoices of a run and ends it. Safe to run twice, like `sendInvoices`. */
    async sendInvoiceRun(input: InvoiceRunInput): Promise<void> {
      const run = await getInvoiceRun(db, input)
      const key = { accountId: input.accountId, purchaseOrderId: run.purchase_order_id }
      await sendIssuedInvoices(deps, key)
      await inTransaction(db, async (tx) => {
        await updateInvoiceRunEnded(tx, input)
        await scheduleInvoiceRun(tx, key)
      })
    },
  }
}
