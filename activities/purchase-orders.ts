import { requestAccountDay } from '../db/account-days.ts'
import { inTransaction, type Tx } from '../db/client.ts'
import { insertOperatorDecision } from '../db/operator-decisions.ts'
import {
  closePurchaseOrder,
  getBusinessNow,
  getPurchaseOrder,
  hasTransactionsToAwait,
  scheduleIssue,
  updatePurchaseOrderHold,
  type PurchaseOrderRow,
} from '../db/purchase-orders.ts'
import { endWait } from '../db/waits.ts'
import type { RegisteredWait } from '../domain/story.ts'
import { waitForDay } from './billing-waits.ts'
import type { ActivityDeps } from './deps.ts'

type PurchaseOrderInput = { accountId: string; purchaseOrderId: string }

/** What the day's workflow does next. */
export type PurchaseOrderStep =
  | { step: 'wait'; state: 'open' | 'settling'; wait: RegisteredWait; held: boolean }
  | { step: 'bill' }

export function purchaseOrderActivities({ database }: ActivityDeps) {
  return {
    /**
     * Takes a purchase order as far as its clock allows: closes it when its period is over, and
     * says what to wait for next. The first one of its date that closes lets finance expect the date.
     * Safe to run twice: closing is a conditional update, and the wait is replaced.
     */
    async stepPurchaseOrder(input: PurchaseOrderInput): Promise<PurchaseOrderStep> {
      const { po, step } = await inTransaction(database.db, (tx) => takeStep(tx, input))
      if (po.state !== 'open') {
        // On its own: whoever closes holds the customer, and orders must not wait for a whole account.
        await requestAccountDay(database.db, {
          accountId: po.account_id,
          businessDate: po.business_date,
          again: false,
        })
      }
      return step
    },

    /** An operator's `closeNow`. Key: the Update's id. */
    async closePurchaseOrderNow(
      input: PurchaseOrderInput & { key: string; note?: string },
    ): Promise<void> {
      await inTransaction(database.db, async (tx) => {
        await recordDecision(tx, input, 'closeNow')
        await closePurchaseOrder(tx, { ...input, early: true })
      })
    },

    /** An operator's `hold` or `release`. Key: the Update's id. */
    async holdPurchaseOrder(
      input: PurchaseOrderInput & { key: string; note?: string; held: boolean },
    ): Promise<void> {
      await inTransaction(database.db, async (tx) => {
        await recordDecision(tx, input, input.held ? 'hold' : 'release')
        await updatePurchaseOrderHold(tx, input)
      })
    },
  }
}

async function takeStep(
  tx: Tx,
  input: PurchaseOrderInput,
): Promise<{ po: PurchaseOrderRow; step: PurchaseOrderStep }> {
  await closePurchaseOrder(tx, { ...input, early: false })
  await scheduleIssue(tx, input)
  const po = await getPurchaseOrder(tx, input)
  const wait = await describeWait(tx, po)
  if (wait === null) {
    await endWait(tx, po.account_id, po.id)
    return { po, step: { step: 'bill' } }
  }
  const state = po.state === 'open' ? 'open' : 'settling'
  const registered = await waitForDay(tx, po, wait)
  return { po, step: { step: 'wait', state, held: po.held_at !== null, wait: registered } }
}

/** What an unbilled purchase order waits for, or null when it can be billed. */
async function describeWait(
  tx: Tx,
  po: PurchaseOrderRow,
): Promise<{ dueAt: Date | null; needsPerson?: boolean; reason: string } | null> {
  if (po.state === 'open') {
    return { dueAt: po.period_end, reason: `the end of ${po.business_date} in ${po.time_zone}` }
  }
  if (po.state !== 'settling') return null
  if (po.held_at !== null) {
    return { dueAt: null, needsPerson: true, reason: 'an operator holds the invoice: release it' }
  }
  if (po.settle_until === null) throw new Error(`${po.id} is settling without a settle window`)
  const now = await getBusinessNow(tx, po.account_id)
  if (now < po.settle_until && (await hasTransactionsToAwait(tx, keyOf(po)))) {
    return { dueAt: po.settle_until, reason: 'late codes until the settle window is over' }
  }
  if (po.issue_after === null || now >= po.issue_after) return null
  return { dueAt: po.issue_after, reason: 'its turn among the invoices of the same cut-off' }
}

function keyOf(po: PurchaseOrderRow): PurchaseOrderInput {
  return { accountId: po.account_id, purchaseOrderId: po.id }
}

async function recordDecision(
  tx: Tx,
  input: PurchaseOrderInput & { key: string; note?: string },
  verb: string,
): Promise<void> {
  await insertOperatorDecision(tx, {
    accountId: input.accountId,
    storyId: input.purchaseOrderId,
    key: input.key,
    verb,
    note: input.note,
  })
}
