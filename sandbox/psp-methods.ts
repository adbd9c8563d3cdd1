import { findTestCard, TEST_BEHAVIOURS, TEST_CARDS } from '../domain/test-card.ts'
import type { Desk } from './psp-desk.ts'
import { PspFailure } from './psp-failure.ts'
import { groupOf, requireText, textOf, type Params } from './psp-form.ts'
import { secondsOf, type PaymentMethod } from './psp-objects.ts'

/** Methods that are not cards, by Stripe's type, with the token whose behaviour they have. */
const TYPES: Readonly<Record<string, string>> = {
  paypal: 'pm_paypal',
  us_bank_account: 'pm_us_bank_account',
  customer_balance: 'pm_customer_balance',
  affirm: 'pm_affirm',
  klarna: 'pm_klarna',
  crypto: 'pm_crypto',
}

const LAST_DIGITS = 4
const EXPIRES = { exp_month: 12, exp_year: 2040 }

/** `POST /v1/payment_methods`: the only place that a card number may come to. */
export function createMethod(desk: Desk, params: Params): PaymentMethod {
  const type = requireText(params, 'type')
  if (type !== 'card') return keep(desk, type, behavesOf(type), null)
  const card = groupOf(params, 'card')
  const known = findTestCard(requireText(card, 'number'))
  if (known === undefined) {
    throw new PspFailure(402, {
      type: 'card_error',
      code: 'incorrect_number',
      message: 'This is not one of the published test numbers.',
      param: 'number',
    })
  }
  return keep(desk, 'card', known.token, {
    brand: known.brand,
    last4: known.number.slice(-LAST_DIGITS),
    exp_month: Number(requireText(card, 'exp_month')),
    exp_year: Number(requireText(card, 'exp_year')),
  })
}

/** The method that a request names, by id, by a documented token, or by its data; else null. */
export function readMethod(desk: Desk, params: Params): PaymentMethod | null {
  const data = groupOf(params, 'payment_method_data')
  if (Object.keys(data).length > 0) return createMethod(desk, data)
  const id = textOf(params, 'payment_method')
  if (id === null) return null
  const kept = desk.find('payment_method', id)
  if (kept !== undefined) return kept
  if (!Object.hasOwn(TEST_BEHAVIOURS, id)) throw PspFailure.missing('PaymentMethod', id)
  return id.startsWith('pm_card_') ? cardOf(desk, id) : keep(desk, typeOf(id), id, null)
}

/** The documented token that a request's method behaves like; nothing is kept. */
export function tokenOf(desk: Desk, params: Params): string {
  const data = groupOf(params, 'payment_method_data')
  const number = textOf(groupOf(data, 'card'), 'number')
  if (number !== null) return findTestCard(number)?.token ?? ''
  const id = textOf(params, 'payment_method') ?? TYPES[textOf(data, 'type') ?? ''] ?? ''
  return desk.find('payment_method', id)?.behaves ?? id
}

/** A token stands for a fresh method each time, as at Stripe. */
function cardOf(desk: Desk, token: string): PaymentMethod {
  const card = TEST_CARDS.find((each) => each.token === token)
  return keep(desk, 'card', token, {
    brand: card?.brand ?? 'visa',
    last4: (card?.number ?? '4242').slice(-LAST_DIGITS),
    ...EXPIRES,
  })
}

function typeOf(token: string): string {
  const found = Object.entries(TYPES).find(([, each]) => token.startsWith(each))
  return found?.[0] ?? 'card'
}

function behavesOf(type: string): string {
  const token = Object.hasOwn(TYPES, type) ? TYPES[type] : undefined
  if (token === undefined) throw PspFailure.invalid(`Unknown payment method type ${type}`, 'type')
  return token
}

function keep(
  desk: Desk,
  type: string,
  behaves: string,
  card: PaymentMethod['card'],
): PaymentMethod {
  const method = {
    id: desk.newId('pm'),
    account: desk.account,
    created: secondsOf(desk.nowMs),
    type,
    behaves,
    card,
  }
  desk.save({ kind: 'payment_method', object: method })
  return method
}
