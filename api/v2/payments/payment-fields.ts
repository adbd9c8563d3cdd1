import { z } from '@hono/zod-openapi'
import { DomainError } from '../../../domain/error.ts'
import { findCardNumber } from '../../../domain/card-number.ts'
import { AMOUNT_MINOR_MAX } from '../../../domain/money.ts'
import {
  capabilitiesOf,
  isPaymentMethod,
  isTriedAtOnce,
  PAID_METHODS,
  refuseMethod,
  type PaymentMethodName,
} from '../../../domain/payment-method.ts'
import { PAYMENT_STATES, REFUND_STATES } from '../../../domain/payment.ts'
import { findTestCard, TEST_BEHAVIOURS } from '../../../domain/test-card.ts'
import { currencyField, instantField, line, metadataField, webUrlField } from '../../fields.ts'
import type { Caller } from '../../route.ts'

/** What the payment routes are asked by and answer; `wire/payment.ts` prints exactly this. */

const text = z.string()
const count = z.int().min(0)

/** Whole minor units; a decimal is refused and never rounded. */
export const minorAmount = z
  .int({ error: 'Must be a whole number of minor units, for example 19999 for 199.99' })
  .min(1)
  .max(Number(AMOUNT_MINOR_MAX))
  .openapi({ example: 19_999 })

export const problemObject = z
  .strictObject({ code: text, decline_code: text.nullable(), message: text })
  .openapi('PaymentError')

export const paymentObject = z
  .strictObject({
    object: z.literal('payment_intent'),
    id: text.openapi({ example: 'pi_0199c0de5a000123456789abcd' }),
    payment_id: text.openapi({ example: 'pay_0199c0de5a000123456789abcd' }),
    status: z.enum(PAYMENT_STATES),
    amount: count,
    amount_authorized: count,
    amount_captured: count,
    amount_refunded: count,
    amount_disputed: count.openapi({ description: 'Taken by disputes, open or lost.' }),
    currency: text.openapi({ example: 'usd' }),
    capture_method: z.enum(['automatic', 'manual']),
    payment_method: text.openapi({ example: 'card' }),
    card: z.strictObject({ brand: text, last4: text }).nullable(),
    order_id: text.nullable(),
    customer_id: text.nullable(),
    last_error: problemObject.nullable(),
    next_action: z
      .strictObject({ type: z.literal('redirect_to_url'), url: text })
      .nullable()
      .openapi({ description: 'Send the payer there; the payment goes on by itself afterwards.' }),
    capture_before: instantField.nullable(),
    metadata: metadataField,
    created_at: instantField,
    links: z.strictObject({ self: text, order: text.nullable(), refunds: text }),
  })
  .openapi('PaymentIntent')

export const refundObject = z
  .strictObject({
    object: z.literal('refund'),
    id: text.openapi({ example: 're_0199c0de5a000123456789abcd' }),
    payment_id: text,
    status: z.enum(REFUND_STATES),
    amount: count,
    currency: text,
    reason: text.nullable(),
    cause: z.enum(['request', 'units_failed', 'order_cancelled', 'late_money']),
    refund_application_fee: z.boolean(),
    line_ids: z.array(text),
    expected_by: z.iso.date().openapi({ description: 'Ten business days after it was asked for.' }),
    last_error: problemObject.nullable(),
    metadata: metadataField,
    created_at: instantField,
  })
  .openapi('Refund')

const cardField = z.strictObject({
  number: line(40),
  exp_month: z.union([z.int(), line(2)]),
  exp_year: z.union([z.int(), line(4)]),
  cvc: line(4).optional(),
})

/** What a payer pays with, as the bodies of create and confirm carry it. */
export const instrumentFields = {
  payment_method: line(100)
    .optional()
    .openapi({
      description: `A type (${PAID_METHODS.join(', ')}) or a token (\`pm_…\`).`,
      example: 'card',
    }),
  payment_method_data: z
    .strictObject({ type: z.literal('card').optional(), card: cardField })
    .optional()
    .openapi({ description: 'Test keys only: one of the published test cards.' }),
  return_url: webUrlField.optional().openapi({
    description: 'Where a payer comes back to after a page of the bank.',
  }),
}

export const paymentBody = z
  .strictObject({
    amount: minorAmount,
    currency: currencyField,
    ...instrumentFields,
    capture_method: z.enum(['automatic', 'manual']).optional(),
    order_id: line(100).nullish(),
    customer_id: line(100).nullish(),
    metadata: metadataField.optional(),
  })
  .openapi('PaymentIntentCreate')

export const confirmBody = z.strictObject(instrumentFields).openapi('PaymentIntentConfirm')

export const captureBody = z
  .strictObject({
    amount: minorAmount.optional().openapi({
      description: 'All of it when left out; what is not captured is released.',
    }),
  })
  .openapi('PaymentCapture')

export const refundBody = z
  .strictObject({
    amount: minorAmount.optional().openapi({ description: 'What is left when left out.' }),
    reason: line(200).optional(),
    refund_application_fee: z.boolean().optional().openapi({
      description:
        'Kept with the refund and printed with it. No fee of a platform is taken from a payment, so there is none to give back.',
    }),
    line_ids: z.array(line(100)).max(1_000).optional().openapi({
      description:
        'Lines of the order that this is for. Together they bound the amount, and are the amount when that is left out.',
    }),
    metadata: metadataField.optional(),
  })
  .openapi('PaymentRefund')

export type InstrumentBody = z.output<typeof confirmBody>

/** What a payment is tried with; `ready` when nothing more is needed to try it. */
export type ReadInstrument = { method: PaymentMethodName; token: string | null; ready: boolean }

/**
 * A method by its type or a token. A published test number becomes its token here, at the edge, and
 * is never kept; any other number that may be a card's is refused.
 *
 * @throws DomainError `card_number_refused`, `invalid_fields`
 */
export function readInstrument(caller: Caller, body: InstrumentBody): ReadInstrument {
  const { payment_method: named, payment_method_data: data } = body
  if (data !== undefined) {
    if (named !== undefined && named !== 'card') {
      throw refuse('payment_method', 'Not together with payment_method_data')
    }
    const card = caller.mode === 'test' ? findTestCard(data.card.number) : undefined
    if (card === undefined) throw refuseNumber('payment_method_data.card.number')
    return { method: 'card', token: card.token, ready: true }
  }
  const method = (named ?? 'card').replaceAll(' ', '') // the reference prints `pm_ Stripe_12345`
  if (method.startsWith('pm_')) return readToken(caller, method)
  if (!isPaymentMethod(method) || method === 'credit') {
    throw refuse('payment_method', `Must be a token, or one of ${PAID_METHODS.join(', ')}`)
  }
  const { needsToken, group } = capabilitiesOf(method)
  // A device's wallet hands over a token; in the sandbox it is a good card.
  const isDevice = needsToken === true && group === 'wallet'
  const token = isDevice && caller.mode === 'test' ? 'pm_card_visa' : null
  return { method, token, ready: isTriedAtOnce(method, token) }
}

function readToken(caller: Caller, token: string): ReadInstrument {
  const isKnown = Object.hasOwn(TEST_BEHAVIOURS, token)
  if (caller.mode === 'test' && !isKnown) {
    throw refuse('payment_method', 'Not one of the sandbox tokens of docs/payments.md')
  }
  const method = TOKEN_METHODS.find(([start]) => token.startsWith(start))?.[1] ?? 'card'
  return { method, token, ready: true }
}

const TOKEN_METHODS: readonly (readonly [string, PaymentMethodName])[] = [
  ['pm_us_bank_account', 'ach'],
  ['pm_customer_balance', 'wire'],
  ['pm_paypal', 'paypal'],
  ['pm_affirm', 'affirm'],
  ['pm_klarna', 'klarna'],
]

/**
 * Whether the account may use a method so.
 *
 * @throws DomainError `payment_method_not_entitled` (403), `payment_method_unavailable` (422)
 */
export function requireUsable(
  caller: Caller,
  method: PaymentMethodName,
  use: { currency: string; manual: boolean },
): void {
  const refusal = refuseMethod(method, { plan: caller.plan, ...use })
  if (refusal === null) return
  if (refusal === 'enterprise_only') {
    throw new DomainError('payment_method_not_entitled', `${method} is for the Enterprise plan.`)
  }
  const message =
    refusal === 'currency'
      ? `Not in ${use.currency}`
      : 'Cannot be held first: capture automatically'
  throw new DomainError('payment_method_unavailable', `payment_method: ${message}`, {
    fields: [{ field: 'payment_method', message }],
  })
}

/** Refuses a body that holds what may be a real card's number anywhere but in the card itself. */
export function refuseCardNumbers(body: InstrumentBody & Record<string, unknown>): void {
  const { payment_method_data: data, ...rest } = body
  const { number: _number, ...card } = data?.card ?? { number: '' }
  const found = findCardNumber(rest) ?? findCardNumber(card)
  if (found !== null) throw refuseNumber(found)
}

export function refuseNumber(field: string): DomainError {
  const message = 'Card numbers are not taken here'
  return new DomainError('card_number_refused', `${message}.`, { fields: [{ field, message }] })
}

export function refuse(field: string, message: string): DomainError {
  return new DomainError('invalid_fields', `${field}: ${message}`, { fields: [{ field, message }] })
}
