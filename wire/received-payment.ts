import { minorToNumber } from '../domain/money.ts'
import { printInstant } from './instant.ts'

export type ReceivedPaymentToRender = {
  id: string
  invoice_id: string
  customer_id: string
  currency: string
  amount_minor: bigint
  allocated_minor: bigint
  method: string
  reference: string
  received_on: string
  recorded_at: Date
  reversed_on: string | null
  reversal_reason: string | null
}

/** Money that came in for an invoice. Nothing of it ever changes; it may go back as a whole. */
export function renderReceivedPayment(payment: ReceivedPaymentToRender) {
  const { currency } = payment
  const unallocated = payment.amount_minor - payment.allocated_minor
  return {
    object: 'received_payment' as const,
    id: payment.id,
    invoice_id: payment.invoice_id,
    customer_id: payment.customer_id,
    currency,
    amount: minorToNumber(payment.amount_minor, currency),
    amount_minor: Number(payment.amount_minor),
    allocated: minorToNumber(payment.allocated_minor, currency),
    allocated_minor: Number(payment.allocated_minor),
    unallocated: minorToNumber(unallocated, currency),
    unallocated_minor: Number(unallocated),
    method: payment.method,
    reference: payment.reference,
    received_on: payment.received_on,
    recorded_at: printInstant(payment.recorded_at),
    status: payment.reversed_on === null ? ('recorded' as const) : ('reversed' as const),
    reversed_on: payment.reversed_on,
    reversal_reason: payment.reversal_reason,
    links: { invoice: `/v2/invoices/${payment.invoice_id}` },
  }
}
