import type { Tx } from '../db/client.ts'
import {
  clearDisputeRefresh,
  getDisputeRow,
  updateDispute,
  type DisputeKey,
  type DisputeRow,
} from '../db/disputes.ts'
import { lockOrderOfPayment } from '../db/order-money.ts'
import { endOperation, getOperation, type OperationRow } from '../db/payment-operations.ts'
import { getPayingAccount, lockPayment, type PaymentRow } from '../db/payments.ts'
import { repeatedDisputeQuestion } from '../domain/dispute.ts'
import { applyProviderDispute } from './dispute-changes.ts'
import type {
  ProviderAccount,
  ProviderDispute,
  ProviderOutcome,
} from './gateways/payment-provider.ts'
import { leaveBusy, leaveUndone, leaveUnknown } from './operation-outcomes.ts'
import { problemOf } from './payment-changes.ts'

export type DisputeWork = { payment: PaymentRow; dispute: DisputeRow; account: ProviderAccount }

/** A call to the provider that is about to be made; `operation` is null for a plain look. */
export type DisputeCall =
  | { act: 'send'; work: DisputeWork; operation: OperationRow }
  | { act: 'ask'; work: DisputeWork; operation: OperationRow | null }

/** What the provider answered; null when it has no such dispute. */
export type DisputeOutcome = ProviderOutcome<ProviderDispute | null>

/** A dispute with its payment, both locked by the payment's lock, and before it the order's. */
export async function lockDisputeWork(tx: Tx, input: DisputeKey): Promise<DisputeWork> {
  const { payment_id } = await getDisputeRow(tx, input)
  await lockOrderOfPayment(tx, { accountId: input.accountId, paymentId: payment_id })
  const owner = { accountId: input.accountId, customerId: null }
  const payment = await lockPayment(tx, owner, payment_id)
  const { now, reference } = await getPayingAccount(tx, input.accountId)
  return {
    payment,
    dispute: await getDisputeRow(tx, input),
    account: { accountId: input.accountId, reference, now },
  }
}

/** What came of a call, written under the payment's lock: the first outcome stays. */
export async function recordDispute(
  tx: Tx,
  claim: DisputeCall,
  outcome: DisputeOutcome,
): Promise<void> {
  const key = keyOf(claim.work.dispute)
  const { account } = claim.work
  const { payment, dispute } = await lockDisputeWork(tx, key)
  const operation =
    claim.operation === null ? null : await getOperation(tx, account.accountId, claim.operation.id)
  const seen = claim.work.dispute.refresh_wanted_at
  if (claim.act === 'ask' && seen !== null) await clearDisputeRefresh(tx, key, seen)
  if (outcome.kind !== 'answered') {
    await recordNoAnswer(tx, { payment, dispute, account }, claim.act, operation, outcome)
    return
  }
  const said = outcome.value
  if (said === null) {
    // Nothing that a look could wait for: what an event told of is not there.
    await updateDispute(tx, key, { ask_at: null })
    if (operation !== null) await endOperation(tx, operation, { state: 'errored', error: GONE })
    return
  }
  if (operation !== null && operation.ended_at === null) {
    if (claim.act === 'send' || said.state !== 'needs_response') {
      await endOperation(tx, operation, { state: 'succeeded' })
    } else {
      await leaveUndone(tx, operation, account.now) // it still waits for an answer
    }
  }
  await applyProviderDispute(tx, payment, dispute, said, account.now)
}

const GONE = {
  code: 'no_such_dispute',
  decline_code: null,
  message: 'The provider has no such dispute.',
}

/** A definite no, nobody with time, or silence. */
async function recordNoAnswer(
  tx: Tx,
  { dispute, account }: DisputeWork,
  act: 'send' | 'ask',
  operation: OperationRow | null,
  outcome: Exclude<DisputeOutcome, { kind: 'answered' }>,
): Promise<void> {
  const { now } = account
  if (operation === null || operation.ended_at !== null) {
    await updateDispute(tx, keyOf(dispute), { ask_at: repeatedDisputeQuestion(now) })
  } else if (outcome.kind === 'busy') {
    await leaveBusy(tx, operation, now)
  } else if (act === 'send' && (outcome.kind === 'refused' || outcome.kind === 'declined')) {
    await endOperation(tx, operation, { state: 'errored', error: problemOf(outcome.problem) })
    await updateDispute(tx, keyOf(dispute), { ask_at: now })
  } else {
    await leaveUnknown(tx, operation, now)
  }
}

function keyOf(row: DisputeRow): DisputeKey {
  return { accountId: row.account_id, disputeId: row.id }
}
