import type { Tx } from '../db/client.ts'
import { lockPayment, type PaymentProblem, type PaymentRow } from '../db/payments.ts'
import { tellOrderRefunded } from '../db/order-money.ts'
import { moveHeld, updateRefund, type RefundRow } from '../db/refunds.ts'
import { emitPaymentEvent } from './payment-changes.ts'
import { postRefund, postRefundReturned } from './payment-postings.ts'

/** The ends of a refund, under the locks of its payment and of the order that it paid. Safe to repeat: only a change of state moves money. */

/** The money has left for the payer. */
export async function settleRefund(
  tx: Tx,
  payment: PaymentRow,
  refund: RefundRow,
  providerId?: string,
): Promise<void> {
  if (refund.state === 'succeeded' || refund.state === 'failed') return
  const amount = refund.amount_minor
  await updateRefund(tx, keyOf(refund), {
    state: 'succeeded',
    ask_at: null,
    last_error: null,
    ...(providerId === undefined ? {} : { provider_id: providerId }),
  })
  await moveHeld(tx, payment, { held: -amount, refunded: amount })
  await postRefund(tx, payment, refund)
  const owner = { accountId: payment.account_id, customerId: null }
  await emitPaymentEvent(tx, await lockPayment(tx, owner, payment.id), 'payment.refunded')
  const { account_id: accountId, transaction_id: transactionId } = payment
  if (transactionId !== null) await tellOrderRefunded(tx, { accountId, transactionId })
}

/** The money stays with the merchant, or came back. */
export async function failRefund(
  tx: Tx,
  payment: PaymentRow,
  refund: RefundRow,
  problem: PaymentProblem | null,
  providerId?: string,
): Promise<void> {
  if (refund.state === 'failed') return
  const amount = refund.amount_minor
  await updateRefund(tx, keyOf(refund), {
    state: 'failed',
    ask_at: null,
    last_error: problem,
    ...(providerId === undefined ? {} : { provider_id: providerId }),
  })
  const wasSettled = refund.state === 'succeeded'
  await moveHeld(
    tx,
    payment,
    wasSettled ? { held: 0n, refunded: -amount } : { held: -amount, refunded: 0n },
  )
  if (wasSettled) await postRefundReturned(tx, payment, refund)
}

function keyOf(refund: RefundRow) {
  return { accountId: refund.account_id, refundId: refund.id }
}
