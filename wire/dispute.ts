import { orderIdOf } from '../domain/id.ts'
import type { DisputeView } from '../db/disputes.ts'
import { printInstant } from './instant.ts'
import { renderProblem } from './payment.ts'

/** A dispute as the API and its events print it. Amounts are minor units of `currency`. */
export function renderDispute(row: DisputeView) {
  const orderId = row.transaction_id === null ? null : orderIdOf(row.transaction_id)
  return {
    object: 'dispute' as const,
    id: row.id,
    payment_id: row.payment_id.replace(/^pi_/, 'pay_'),
    order_id: orderId,
    customer_id: row.customer_id,
    status: row.state,
    reason: row.reason,
    amount: Number(row.amount_minor),
    amount_returned: Number(row.returned_minor),
    fee: Number(row.fee_minor - row.fee_returned_minor),
    currency: row.currency.toLowerCase(),
    evidence_due_at: printInstant(row.evidence_due_at),
    evidence: {
      transaction_details: row.evidence.transaction_details ?? null,
      shipping_proof: row.evidence.shipping_proof ?? null,
      communication_logs: row.evidence.communication_logs ?? null,
    },
    files: row.files.map(({ kind, name, media, size_bytes }) => ({
      kind,
      name,
      content_type: media,
      size_bytes,
    })),
    response: renderAnswer(row.answer),
    created_at: printInstant(row.opened_at),
    links: {
      self: `/v2/payments/disputes/${row.id}`,
      payment: `/v2/payments/intents/${row.payment_id}`,
      order: orderId === null ? null : `/v2/orders/${orderId}`,
    },
  }
}

/** What the merchant did about it: `pending` until the provider has taken it. */
function renderAnswer(answer: DisputeView['answer']) {
  if (answer === null) return null
  const status = ANSWER_STATUS[answer.state]
  return {
    kind: answer.kind === 'accept' ? ('accepted' as const) : ('evidence' as const),
    status,
    last_error: renderProblem(answer.error),
    created_at: printInstant(answer.created_at),
  }
}

const ANSWER_STATUS = {
  created: 'pending',
  submitted: 'pending',
  unknown: 'pending',
  succeeded: 'submitted',
  declined: 'failed',
  errored: 'failed',
} as const
