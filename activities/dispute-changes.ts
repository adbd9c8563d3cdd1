import type { Tx } from '../db/client.ts'
import {
  getDispute,
  moveDisputed,
  updateDispute,
  type DisputeKey,
  type DisputeRow,
} from '../db/disputes.ts'
import { emitEvent } from '../db/events.ts'
import { refundExcess } from '../db/order-money.ts'
import type { PaymentRow } from '../db/payments.ts'
import { canDisputeMove, nextDisputeQuestion, type DisputeState } from '../domain/dispute.ts'
import type { EventType } from '../domain/event-type.ts'
import { renderDispute } from '../wire/dispute.ts'
import type { ProviderDispute } from './gateways/payment-provider.ts'
import { postDispute } from './payment-postings.ts'

/**
 * Makes a dispute what the provider says it is, as far as its states allow, posts what that moved
 * and tells of it. The caller holds the locks of the payment and of the order that it paid. Safe to
 * repeat: the same word twice changes nothing.
 */
export async function applyProviderDispute(
  tx: Tx,
  payment: PaymentRow,
  row: DisputeRow,
  said: ProviderDispute,
  now: Date,
): Promise<void> {
  const isNew = row.opened_at === null
  const moves = said.state !== row.state && canDisputeMove(row.state, said.state)
  const state = moves ? said.state : row.state
  const isDecided = state === 'won' || state === 'lost'
  const changed = await updateDispute(tx, keyOf(row), {
    ...(isNew ? { opened_at: now } : {}),
    ...(moves ? { state } : {}),
    reason: said.reason,
    amount_minor: said.amountMinor,
    currency: said.currency,
    withdrawn_minor: said.withdrawnMinor,
    fee_minor: said.feeMinor,
    returned_minor: said.returnedMinor,
    fee_returned_minor: said.feeReturnedMinor,
    evidence_due_at: said.evidenceDueAt,
    ask_at: isDecided ? null : nextDisputeQuestion(said.evidenceDueAt, now),
  })
  const taken = (dispute: DisputeRow) => dispute.withdrawn_minor - dispute.returned_minor
  if (taken(changed) !== taken(row)) await moveDisputed(tx, payment, taken(changed) - taken(row))
  await postDispute(tx, payment, changed)
  if (isNew) await emitDisputeEvent(tx, payment, changed, 'dispute.opened')
  const type = moves ? MOVE_EVENTS[state] : null
  if (type !== null) await emitDisputeEvent(tx, payment, changed, type)
  const { account_id: accountId, transaction_id: transactionId } = payment
  // What was to go back while the bank decided was kept waiting for this.
  if (moves && isDecided && transactionId !== null) {
    await refundExcess(tx, { accountId, transactionId })
  }
}

const MOVE_EVENTS: Readonly<Record<DisputeState, EventType | null>> = {
  needs_response: null,
  under_review: 'dispute.under_review',
  won: 'dispute.won',
  lost: 'dispute.lost',
}

/** Writes an event about a dispute with the next number of its own. */
export async function emitDisputeEvent(
  tx: Tx,
  payment: PaymentRow,
  row: DisputeRow,
  type: EventType,
): Promise<void> {
  const owner = { accountId: row.account_id, customerId: null }
  const { event_sequence } = await getDispute(tx, owner, row.id)
  const { event_sequence: sequence } = await updateDispute(tx, keyOf(row), {
    event_sequence: event_sequence + 1,
  })
  await emitEvent(tx, {
    accountId: row.account_id,
    type,
    objectId: row.id,
    sequence,
    customerId: payment.customer_id,
    facts: { object: renderDispute(await getDispute(tx, owner, row.id)) },
  })
}

function keyOf(row: DisputeRow): DisputeKey {
  return { accountId: row.account_id, disputeId: row.id }
}
