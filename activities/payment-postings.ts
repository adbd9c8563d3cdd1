import type { Tx } from '../db/client.ts'
import type { DisputeRow } from '../db/disputes.ts'
import { postJournal } from '../db/ledger.ts'
import type { PaymentRow } from '../db/payments.ts'
import type { RefundRow } from '../db/refunds.ts'
import type { Posting } from '../domain/ledger.ts'

/**
 * Posts what a payment's change of state moved. Safe to repeat: the same journal about the same
 * payment is posted once.
 */
export async function postPayment(tx: Tx, before: PaymentRow, after: PaymentRow): Promise<void> {
  if (before.state === after.state) return
  const held = before.state === 'requires_capture' ? before.authorized_minor : 0n
  const post = (posting: Posting) => postTo(tx, after, posting, after.id)
  if (after.state === 'requires_capture') {
    await post({ kind: 'payment_authorised', amounts: { amount: after.authorized_minor } })
  } else if (after.state === 'succeeded') {
    const amount = after.captured_minor
    await post({ kind: 'payment_captured', amounts: { amount, authorised: held } })
    await post({ kind: 'psp_fee_charged', amounts: { amount: after.fee_minor } })
  } else if (held > 0n) {
    await post({ kind: 'authorisation_released', amounts: { amount: held } })
  }
}

/** Posts a refund that the provider has made. Safe to repeat, likewise. */
export async function postRefund(tx: Tx, payment: PaymentRow, refund: RefundRow): Promise<void> {
  const amounts = { prepaid: refund.amount_minor }
  await postTo(tx, payment, { kind: 'refund_succeeded', amounts }, refund.id)
}

/** Posts that a refund which had been made came back. */
export async function postRefundReturned(
  tx: Tx,
  payment: PaymentRow,
  refund: RefundRow,
): Promise<void> {
  const amounts = { amount: refund.amount_minor }
  await postTo(tx, payment, { kind: 'refund_returned', amounts }, refund.id)
}

/**
 * Posts what a dispute has moved so far: what was taken back, what came back, and what is lost for
 * good. Safe to repeat, likewise.
 */
export async function postDispute(tx: Tx, payment: PaymentRow, row: DisputeRow): Promise<void> {
  const { withdrawn_minor: withdrawn, returned_minor: returned } = row
  const post = (posting: Posting) => postTo(tx, payment, posting, row.id)
  await post({ kind: 'dispute_opened', amounts: { amount: withdrawn, fee: row.fee_minor } })
  await post({ kind: 'dispute_won', amounts: { amount: returned, fee: row.fee_returned_minor } })
  if (row.state === 'lost') {
    await post({ kind: 'dispute_lost', amounts: { amount: withdrawn - returned } })
  }
}

async function postTo(
  tx: Tx,
  payment: PaymentRow,
  posting: Posting,
  sourceId: string,
): Promise<void> {
  await postJournal(tx, {
    accountId: payment.account_id,
    customerId: payment.customer_id,
    currency: payment.currency,
    posting,
    sourceId,
  })
}
