import type { z } from '@hono/zod-openapi'
import type { Tx } from '../../../db/client.ts'
import { findOpenOperation, insertOperation } from '../../../db/payment-operations.ts'
import {
  insertPayment,
  lockPayment,
  updatePayment,
  wakePayment,
  type PaymentOwner,
  type PaymentRow,
} from '../../../db/payments.ts'
import { hasOrderEnded } from '../../../db/order-money.ts'
import { getTransactionView } from '../../../db/transactions.ts'
import { getCustomer } from '../../../db/customers.ts'
import { DomainError } from '../../../domain/error.ts'
import { isId, paymentIntentIdOf } from '../../../domain/id.ts'
import { OPERATION_ALLOWED } from '../../../domain/payment.ts'
import { newId } from '../../../new-id.ts'
import { notFound, requireId } from '../../fields.ts'
import type { Caller } from '../../route.ts'
import { requireTransactionId } from '../orders/order-calls.ts'
import {
  readInstrument,
  refuse,
  refuseCardNumbers,
  requireUsable,
  type InstrumentBody,
  type paymentBody,
} from './payment-fields.ts'

/** What the payment routes do: each writes what was asked for, and a workflow carries it out. */

/** `pi_X` of `pi_X` or `pay_X`; both are taken everywhere. Throws `not_found` for anything else. */
export function requirePaymentId(id: string): string {
  if (!isId('paymentIntent', id) && !isId('payment', id)) throw notFound('payment')
  return paymentIntentIdOf(id)
}

export function paymentOwner(caller: Caller): PaymentOwner {
  return { accountId: caller.accountId, customerId: caller.customerId }
}

/** Writes a payment and, when it can be tried at once, the operation that tries it. */
export async function createPayment(
  tx: Tx,
  caller: Caller,
  body: z.output<typeof paymentBody>,
): Promise<PaymentRow> {
  refuseCardNumbers(body)
  const instrument = readInstrument(caller, body)
  const captureMethod = body.capture_method ?? 'automatic'
  const { currency } = body
  requireUsable(caller, instrument.method, { currency, manual: captureMethod === 'manual' })
  const about = await readSubject(tx, caller, body)
  const payment = await insertPayment(tx, {
    id: newId('paymentIntent'),
    accountId: caller.accountId,
    ...about,
    amountMinor: BigInt(body.amount),
    currency,
    captureMethod,
    method: instrument.method,
    token: instrument.token,
    state: instrument.ready ? 'processing' : 'requires_payment_method',
    returnUrl: body.return_url ?? null,
    metadata: body.metadata ?? {},
  })
  if (instrument.ready) await begin(tx, payment, 'authorize', payment.amount_minor)
  return payment
}

/** Whose payment it is, and for which order. */
async function readSubject(
  tx: Tx,
  caller: Caller,
  body: z.output<typeof paymentBody>,
): Promise<{ customerId: string | null; transactionId: string | null }> {
  const asked = body.customer_id ?? null
  if (caller.customerId !== null && asked !== null && asked !== caller.customerId) {
    throw notFound('customer')
  }
  if (body.order_id === undefined || body.order_id === null) {
    const customerId = asked ?? caller.customerId
    if (customerId !== null) await getCustomer(tx, caller, requireId('customer', customerId))
    return { customerId, transactionId: null }
  }
  const id = requireTransactionId(body.order_id)
  const { facts, money } = await getTransactionView(tx, caller, id)
  if (asked !== null && asked !== facts.customer_id) {
    throw refuse('customer_id', 'Not the customer of this order')
  }
  if (facts.currency !== body.currency) {
    throw refuse('currency', `The order is in ${facts.currency}`)
  }
  if (money === null) throw refuse('order_id', 'This order is on credit: its invoice is paid')
  if (await hasOrderEnded(tx, { accountId: caller.accountId, transactionId: id })) {
    throw new DomainError('payment_state', 'Nothing of this order is open any more.')
  }
  if (money.due !== null && body.amount > money.due - money.captured) {
    throw refuse('amount', `At most the ${money.due - money.captured} that are not paid yet`)
  }
  return { customerId: facts.customer_id, transactionId: facts.id }
}

/** Tries a payment, again with another method if the first one failed. */
export async function confirmPayment(
  tx: Tx,
  caller: Caller,
  paymentId: string,
  body: InstrumentBody,
): Promise<PaymentRow> {
  refuseCardNumbers(body)
  const payment = await lockFor(tx, caller, paymentId, 'authorize')
  const named = body.payment_method !== undefined || body.payment_method_data !== undefined
  const instrument = named
    ? readInstrument(caller, body)
    : { method: payment.method, token: payment.token, ready: payment.token !== null }
  if (!instrument.ready) throw refuse('payment_method', 'Name a token to try this payment with')
  requireUsable(caller, instrument.method, {
    currency: payment.currency,
    manual: payment.capture_method === 'manual',
  })
  const tried = await updatePayment(tx, keyOf(payment), {
    state: 'processing',
    method: instrument.method,
    token: instrument.token,
    last_error: null,
    action_url: null,
    ask_at: null,
    ...(body.return_url === undefined ? {} : { return_url: body.return_url }),
  })
  await begin(tx, tried, 'authorize', tried.amount_minor)
  return tried
}

/** Captures what is held, once; its amount may be partial. */
export async function capturePayment(
  tx: Tx,
  caller: Caller,
  paymentId: string,
  amount: number | undefined,
): Promise<PaymentRow> {
  const payment = await lockFor(tx, caller, paymentId, 'capture')
  const amountMinor = amount === undefined ? payment.authorized_minor : BigInt(amount)
  if (amountMinor > payment.authorized_minor) {
    throw refuse('amount', `At most the ${payment.authorized_minor} that are held`)
  }
  await begin(tx, payment, 'capture', amountMinor)
  return payment
}

/** Lets go of what is not captured. */
export async function cancelPayment(
  tx: Tx,
  caller: Caller,
  paymentId: string,
): Promise<PaymentRow> {
  const locked = await lockPayment(tx, paymentOwner(caller), paymentId)
  if (locked.state === 'cancelled') return locked // to ask again is to be sure
  const payment = await lockFor(tx, caller, paymentId, 'cancel')
  if (payment.provider_id === null) {
    // Nobody but us has heard of it.
    return updatePayment(tx, keyOf(payment), { state: 'cancelled', ask_at: null })
  }
  await begin(tx, payment, 'cancel', null)
  return payment
}

/**
 * Locks a payment on which an operation may be begun now.
 *
 * @throws DomainError `not_found`, `payment_state`
 */
async function lockFor(
  tx: Tx,
  caller: Caller,
  paymentId: string,
  kind: 'authorize' | 'capture' | 'cancel',
): Promise<PaymentRow> {
  const payment = await lockPayment(tx, paymentOwner(caller), paymentId)
  const open = await findOpenOperation(tx, keyOf(payment))
  if (open === null && OPERATION_ALLOWED[kind].includes(payment.state)) return payment
  const why =
    open === null
      ? `A payment that is ${payment.state} does not allow that.`
      : `Its ${open.kind} is still under way.`
  throw new DomainError('payment_state', why)
}

async function begin(
  tx: Tx,
  payment: PaymentRow,
  kind: 'authorize' | 'capture' | 'cancel',
  amountMinor: bigint | null,
): Promise<void> {
  const key = keyOf(payment)
  const paying = kind === 'authorize' ? { method: payment.method, token: payment.token } : {}
  await insertOperation(tx, { ...key, id: newId('paymentOperation'), kind, amountMinor, ...paying })
  await wakePayment(tx, key, kind)
}

function keyOf(row: PaymentRow) {
  return { accountId: row.account_id, paymentId: row.id }
}
