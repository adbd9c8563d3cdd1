import { orderIdOf } from '../domain/id.ts'
import type { PaymentProblem, PaymentRow } from '../db/payments.ts'
import type { RefundRow } from '../db/refunds.ts'
import { printInstant } from './instant.ts'

/** A payment as the API and its events print it. Amounts are minor units of `currency`. */
export function renderPayment(row: PaymentRow) {
  return {
    object: 'payment_intent' as const,
    id: row.id,
    payment_id: row.id.replace(/^pi_/, 'pay_'),
    status: row.state,
    amount: Number(row.amount_minor),
    amount_authorized: Number(row.authorized_minor),
    amount_captured: Number(row.captured_minor),
    amount_refunded: Number(row.refunded_minor),
    amount_disputed: Number(row.disputed_minor),
    currency: row.currency.toLowerCase(),
    capture_method: row.capture_method,
    payment_method: row.method,
    card: row.card,
    order_id: row.transaction_id === null ? null : orderIdOf(row.transaction_id),
    customer_id: row.customer_id,
    last_error: renderProblem(row.last_error),
    next_action:
      row.state === 'requires_action' && row.action_url !== null
        ? { type: 'redirect_to_url' as const, url: row.action_url }
        : null,
    capture_before: row.capture_before === null ? null : printInstant(row.capture_before),
    metadata: row.metadata,
    created_at: printInstant(row.created_at),
    links: {
      self: `/v2/payments/intents/${row.id}`,
      order: row.transaction_id === null ? null : `/v2/orders/${orderIdOf(row.transaction_id)}`,
      refunds: `/v2/refunds?payment_id=${row.id}`,
    },
  }
}

/** A refund as the API prints it. */
export function renderRefund(row: RefundRow) {
  return {
    object: 'refund' as const,
    id: row.id,
    payment_id: row.payment_id.replace(/^pi_/, 'pay_'),
    status: row.state,
    amount: Number(row.amount_minor),
    currency: row.currency.toLowerCase(),
    reason: row.reason,
    cause: row.cause,
    refund_application_fee: row.refund_application_fee,
    line_ids: row.line_ids,
    expected_by: row.expected_by,
    last_error: renderProblem(row.last_error),
    metadata: row.metadata,
    created_at: printInstant(row.created_at),
  }
}

export function renderProblem(problem: PaymentProblem | null) {
  if (problem === null) return null
  return {
    code: problem.code,
    decline_code: problem.decline_code,
    message: problem.message,
  }
}
