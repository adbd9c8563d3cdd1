import { divideHalfEven } from '../domain/money.ts'
import { behaviourOf, type Desk } from './psp-desk.ts'
import { PspFailure } from './psp-failure.ts'
import { book } from './psp-ledger.ts'
import { amountOf, groupOf, requireText, textOf, textsOf, type Params } from './psp-form.ts'
import {
  printCharge,
  printRefund,
  secondsOf,
  type BalanceTransaction,
  type Charge,
  type Refund,
} from './psp-objects.ts'

/** 2.9 % and 30 minor units of what is captured. */
const FEE_PER_MILLE = 29n
const FEE_FIXED = 30
const REFUND_SECONDS = 5 * 86_400

/** Moves the money: the charge, its fee, and what may follow by itself. */
export function captureCharge(desk: Desk, charge: Charge, amount: number): Charge {
  const fee = Number(divideHalfEven(BigInt(amount) * FEE_PER_MILLE, 1_000n)) + FEE_FIXED
  const entry = book(desk, {
    type: 'charge',
    reporting_category: 'charge',
    amount,
    fee: Math.min(fee, amount),
    currency: charge.currency,
    source: charge.id,
  })
  const captured: Charge = {
    ...charge,
    captured: true,
    amount_captured: amount,
    capture_before: null,
    balance_transaction: entry.id,
  }
  desk.save({ kind: 'charge', object: captured })
  desk.emit('charge.succeeded', printCharge(captured))
  const { dispute } = behaviourOf(desk.find('payment_method', charge.payment_method))
  if (dispute !== undefined) desk.schedule('dispute', charge.id, 0)
  return captured
}

/** `POST /v1/refunds`. */
export function createRefund(desk: Desk, params: Params): Refund {
  const intent = desk.get('payment_intent', requireText(params, 'payment_intent'))
  const charge = desk.get('charge', intent.latest_charge ?? '')
  const disputes = desk
    .list('dispute')
    .filter((each) => each.charge === charge.id && each.status !== 'won')
  const lost = disputes.reduce((sum, { amount: disputed }) => sum + disputed, 0)
  const left = charge.amount_captured - charge.amount_refunded - lost
  const amount = amountOf(params, 'amount') ?? left
  // What a lost dispute left of a payment may be refunded; beside an open one nothing is.
  if (disputes.some(({ status }) => status !== 'lost') || (lost > 0 && left === 0)) {
    throw PspFailure.invalid(
      `Charge ${charge.id} has been charged back.`,
      'charge',
      'charge_disputed',
    )
  }
  if (left === 0) {
    throw PspFailure.invalid(
      `Charge ${charge.id} has already been refunded.`,
      'charge',
      'charge_already_refunded',
    )
  }
  if (amount > left) {
    throw PspFailure.invalid(
      'Refund amount is greater than unrefunded amount on charge.',
      'amount',
      'amount_too_large',
    )
  }
  if (textOf(params, 'refund_application_fee') === 'true') {
    throw PspFailure.invalid(
      `Attempting to refund_application_fee on ${charge.id}, but it has no application fee`,
      'refund_application_fee',
    )
  }
  const behaves = behaviourOf(desk.find('payment_method', charge.payment_method)).refund
  const id = desk.newId('re')
  const entry = bookRefund(desk, charge, id, amount)
  const refund: Refund = {
    id,
    account: desk.account,
    created: secondsOf(desk.nowMs),
    amount,
    currency: charge.currency,
    charge: charge.id,
    payment_intent: intent.id,
    status: behaves === 'pending' || behaves === 'fails_later' ? 'pending' : 'succeeded',
    reason: textOf(params, 'reason'),
    failure_reason: null,
    balance_transaction: entry.id,
    failure_balance_transaction: null,
    metadata: textsOf(groupOf(params, 'metadata')),
  }
  desk.save({ kind: 'refund', object: refund })
  desk.save({
    kind: 'charge',
    object: { ...charge, amount_refunded: charge.amount_refunded + amount },
  })
  desk.emit('refund.created', printRefund(refund))
  if (behaves === 'pending') desk.schedule('settle_refund', id, REFUND_SECONDS)
  if (behaves === 'fails_later') desk.schedule('fail_refund', id, REFUND_SECONDS)
  return refund
}

/** A refund that was on its way arrives, or comes back. */
export function runRefundJob(
  desk: Desk,
  action: 'settle_refund' | 'fail_refund',
  id: string,
): void {
  const refund = desk.get('refund', id)
  if (refund.status !== 'pending') return
  if (action === 'settle_refund') {
    const settled: Refund = { ...refund, status: 'succeeded' }
    desk.save({ kind: 'refund', object: settled })
    desk.emit('refund.updated', printRefund(settled))
    return
  }
  const charge = desk.get('charge', refund.charge)
  const entry = book(desk, {
    type: 'refund_failure',
    reporting_category: 'refund_failure',
    amount: refund.amount,
    fee: 0,
    currency: refund.currency,
    source: refund.id,
  })
  const failed: Refund = {
    ...refund,
    status: 'failed',
    failure_reason: 'expired_or_canceled_card',
    failure_balance_transaction: entry.id,
  }
  desk.save(
    { kind: 'refund', object: failed },
    {
      kind: 'charge',
      object: { ...charge, amount_refunded: charge.amount_refunded - refund.amount },
    },
  )
  desk.emit('refund.failed', printRefund(failed))
}

function bookRefund(desk: Desk, charge: Charge, id: string, amount: number): BalanceTransaction {
  return book(desk, {
    type: 'refund',
    reporting_category: 'refund',
    amount: -amount,
    fee: 0,
    currency: charge.currency,
    source: id,
  })
}
