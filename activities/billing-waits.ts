import type { Tx } from '../db/client.ts'
import type { InvoiceRunRow } from '../db/invoice-runs.ts'
import type { PurchaseOrderRow } from '../db/purchase-orders.ts'
import { registerWait } from '../db/waits.ts'
import type { RegisteredWait } from '../domain/story.ts'

type Waiting = { dueAt: Date | null; needsPerson?: boolean; reason: string }

/** The wait of a purchase order's day. Safe to repeat: the row is replaced. */
export async function waitForDay(
  tx: Tx,
  po: PurchaseOrderRow,
  wait: Waiting,
): Promise<RegisteredWait> {
  return registerWait(tx, {
    accountId: po.account_id,
    storyId: po.id,
    workflow: 'runPurchaseOrderDay',
    subject: {
      purchase_order_id: po.id,
      customer_id: po.customer_id,
      currency: po.currency,
      business_date: po.business_date,
      sequence: po.sequence,
    },
    ...wait,
  })
}

/** The wait of a supplementary invoice. Safe to repeat: the row is replaced. */
export async function waitForRun(
  tx: Tx,
  run: InvoiceRunRow,
  wait: Waiting,
): Promise<RegisteredWait> {
  return registerWait(tx, {
    accountId: run.account_id,
    storyId: run.id,
    workflow: 'issueInvoice',
    subject: {
      invoice_run_id: run.id,
      purchase_order_id: run.purchase_order_id,
      run: run.run,
      customer_id: run.customer_id,
    },
    ...wait,
  })
}
