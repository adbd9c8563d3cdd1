import { DomainError } from './error.ts'
import type { DomainReason, FieldProblem } from './error.ts'
import { formatDecimal } from './money.ts'

/** Why SQL's `accept_orders` wrote nothing; the other fields depend on the reason. */
export type OrderRefusal = {
  reason: DomainReason
  fields?: FieldProblem[]
  /** For `client_reference_conflict`: the order that has the reference. */
  transaction_id?: string
  /** For `mixed_currency`. */
  currencies?: string[]
  /** For `credit_exceeded`, in minor units of `currency`. */
  currency?: string
  limit_minor?: number
  used_minor?: number
  total_minor?: number
}

const RETRY_AFTER_SECONDS = 1

/** The refusal as an error whose message says what to do about it, with the amounts in it. */
export function orderRefused(refusal: OrderRefusal): DomainError {
  const { reason, fields } = refusal
  return new DomainError(reason, messageOf(refusal), {
    ...(fields === undefined ? {} : { fields }),
    ...(reason === 'idempotency_in_flight' ? { retryAfterSeconds: RETRY_AFTER_SECONDS } : {}),
  })
}

function messageOf(refusal: OrderRefusal): string {
  const { reason, fields, transaction_id, currencies } = refusal
  if (reason === 'credit_exceeded') return creditMessage(refusal)
  if (reason === 'client_reference_conflict') {
    return `This client_reference belongs to ${transaction_id ?? 'another order'}, which has other content.`
  }
  if (reason === 'idempotency_in_flight') {
    return 'An order with this Idempotency-Key is being accepted right now.'
  }
  if (reason === 'idempotency_key_reuse') {
    return 'This Idempotency-Key was used for an order with other content.'
  }
  if (reason === 'out_of_stock') return 'Not every code is in stock now, and nothing was ordered.'
  if (currencies !== undefined) {
    return `One order has one currency; these products are sold in ${currencies.join(' and ')}.`
  }
  const first = fields?.[0]
  return first === undefined ? 'The order was refused.' : `${first.field}: ${first.message}`
}

function creditMessage(refusal: OrderRefusal): string {
  const { currency = '', limit_minor = 0, used_minor = 0, total_minor = 0 } = refusal
  const print = (minor: number): string => formatDecimal(BigInt(minor), currency)
  return (
    `The order of ${print(total_minor)} ${currency} exceeds the credit limit: ` +
    `${print(used_minor)} of ${print(limit_minor)} ${currency} are used.`
  )
}
