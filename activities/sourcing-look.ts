import type { Tx } from '../db/client.ts'
import type { FulfillmentProgress } from '../db/fulfillment.ts'
import { getSourcingOutlook } from '../db/sourcing-outlook.ts'
import { stepTransaction, type TransactionKey } from '../db/sourcing.ts'
import { endWait, registerWait } from '../db/waits.ts'
import { describeSourcing } from '../domain/sourcing-report.ts'
import type { RegisteredWait } from '../domain/story.ts'
import type { TaxPolicy } from '../domain/tax.ts'
import { beginOrderMoney } from './order-money.ts'

/** How a transaction stands. `toSource`: `sourceCodes` has something to do at once. */
export type CodesLook = FulfillmentProgress & {
  /** Lines for the operator: per supplier what was asked, what came, its last answer. */
  detail: string[]
  /** What an order waits for that is not codes. */
  stage?: string
} & (
    | { ended: true; toSource: false; waiting: null }
    | { ended: false; toSource: true; waiting: null }
    /** `dueAt` null: only units in doubt for a day are open, and a person must find out. */
    | {
        ended: false
        toSource: false
        waiting: RegisteredWait
        /** What comes when the wait is over by itself: a supplier's turn, or a look of our own. */
        afterwards: 'source' | 'look'
      }
  )

/**
 * Looks at a transaction: a step of it first, then what sourcing does next. When there is nothing to do
 * now, the wait until then is registered. Safe to repeat.
 */
export async function lookAtCodes(
  tx: Tx,
  input: TransactionKey,
  policies: readonly TaxPolicy[] | undefined,
): Promise<CodesLook> {
  const step = await stepPaidTransaction(tx, input, policies)
  const { units, open, ended, deadlineAt, now } = step
  const progress = { units, open }
  if (ended) return { ...progress, ended, toSource: false, waiting: null, detail: [] }
  if (step.awaitedMoney !== null) {
    const waiting = await registerWait(tx, {
      accountId: input.accountId,
      storyId: input.transactionId,
      workflow: 'fulfillTransaction',
      subject: { transaction_id: input.transactionId },
      dueAt: step.awaitedMoney.payBy,
      reason: step.awaitedMoney.reason,
    })
    const stage = { stage: 'awaiting_payment', detail: [] }
    return { ...progress, ...stage, ended, toSource: false, waiting, afterwards: 'look' }
  }

  const outlook = await getSourcingOutlook(tx, input, { now, deadlineAt })
  const words = describeSourcing({
    units,
    suppliers: outlook.suppliers,
    sellable: outlook.sellable,
    deadlineAt: deadlineAt.toISOString(),
  })
  const { detail } = words
  if (outlook.nextAt !== null && outlook.nextAt <= now) {
    await endWait(tx, input.accountId, input.transactionId)
    return { ...progress, ended, toSource: true, waiting: null, detail }
  }
  const unbought = (units.queued ?? 0) + (units.backordered ?? 0)
  const givenUpAt = unbought > 0 ? deadlineAt : null
  const dueAt = earliest(givenUpAt, outlook.nextAt)
  const waiting = await registerWait(tx, {
    accountId: input.accountId,
    storyId: input.transactionId,
    workflow: 'fulfillTransaction',
    subject: { transaction_id: input.transactionId },
    dueAt,
    needsPerson: dueAt === null,
    reason: words.reason,
  })
  const afterwards =
    dueAt !== null && dueAt.getTime() === outlook.nextAt?.getTime() ? 'source' : 'look'
  return { ...progress, ended, toSource: false, waiting, afterwards, detail }
}

/** A step; where the money is not there, what there is to pay is decided and its payment begun. */
async function stepPaidTransaction(
  tx: Tx,
  input: TransactionKey,
  policies: readonly TaxPolicy[] | undefined,
) {
  const first = await stepTransaction(tx, input)
  if (first.awaitedMoney === null) return { ...first, awaitedMoney: null }
  const problem = await beginOrderMoney(tx, input, policies)
  const { awaitedMoney, ...step } = await stepTransaction(tx, input)
  if (awaitedMoney === null) return { ...step, awaitedMoney }
  const { payBy, dueMinor, paidMinor } = awaitedMoney
  const reason = problem ?? `money: ${paidMinor} of ${dueMinor ?? '?'} minor units have come`
  return { ...step, awaitedMoney: { payBy, reason } }
}

function earliest(...instants: (Date | null)[]): Date | null {
  const known = instants.flatMap((at) => at?.getTime() ?? [])
  return known.length === 0 ? null : new Date(Math.min(...known))
}
