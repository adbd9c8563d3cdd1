import { behaviourOf, type Desk } from './psp-desk.ts'
import { captureCharge } from './psp-charges.ts'
import { PspFailure } from './psp-failure.ts'
import { amountOf, groupOf, requireText, textOf, textsOf, type Params } from './psp-form.ts'
import { readMethod } from './psp-methods.ts'
import {
  printIntent,
  printMethod,
  secondsOf,
  type Intent,
  type IntentStatus,
  type PaymentError,
  type PaymentMethod,
} from './psp-objects.ts'

/** An authorization that is not captured ends after so long, as at the card brands. */
export const AUTHORIZATION_SECONDS = 7 * 86_400

/** `POST /v1/payment_intents`, confirmed at once if asked to. */
export function createIntent(desk: Desk, params: Params): Intent {
  const amount = amountOf(params, 'amount')
  if (amount === null) {
    throw PspFailure.invalid('Missing required param: amount.', 'amount', 'parameter_missing')
  }
  const method = readMethod(desk, params)
  const intent: Intent = {
    id: desk.newId('pi'),
    account: desk.account,
    created: secondsOf(desk.nowMs),
    amount,
    amount_capturable: 0,
    amount_received: 0,
    currency: requireText(params, 'currency').toLowerCase(),
    capture_method: textOf(params, 'capture_method') === 'manual' ? 'manual' : 'automatic',
    status: method === null ? 'requires_payment_method' : 'requires_confirmation',
    payment_method: method?.id ?? null,
    payment_method_types: [method?.type ?? 'card'],
    latest_charge: null,
    last_payment_error: null,
    action_url: null,
    return_url: textOf(params, 'return_url'),
    canceled_at: null,
    cancellation_reason: null,
    metadata: textsOf(groupOf(params, 'metadata')),
  }
  keep(desk, intent)
  desk.emit('payment_intent.created', printIntent(intent))
  return textOf(params, 'confirm') === 'true'
    ? confirm(desk, intent, method, mayRedirect(params))
    : intent
}

/** `POST /v1/payment_intents/:id/confirm`, also with another method. */
export function confirmIntent(desk: Desk, intent: Intent, params: Params): Intent {
  requireStatus(intent, ['requires_payment_method', 'requires_confirmation', 'requires_action'])
  const method = readMethod(desk, params) ?? currentMethod(desk, intent) ?? null
  const returnUrl = textOf(params, 'return_url') ?? intent.return_url
  return confirm(desk, { ...intent, return_url: returnUrl }, method, mayRedirect(params))
}

/** Whether somebody is there who can pass a page. */
function mayRedirect(params: Params): boolean {
  return textOf(params, 'error_on_requires_action') !== 'true'
}

function confirm(
  desk: Desk,
  intent: Intent,
  method: PaymentMethod | null,
  redirects: boolean,
): Intent {
  if (method === null) {
    throw PspFailure.invalid(
      'You cannot confirm this PaymentIntent because it is missing a payment method.',
      'payment_method',
      'payment_intent_unexpected_state',
    )
  }
  const chosen: Intent = {
    ...intent,
    payment_method: method.id,
    payment_method_types: [method.type],
    last_payment_error: null,
  }
  const { decline, redirect } = behaviourOf(method)
  if (decline !== undefined) {
    const { code, declineCode: decline_code, message } = decline
    throw declined(desk, chosen, { type: 'card_error', code, decline_code, message })
  }
  if (redirect === true && !redirects) {
    throw declined(desk, chosen, {
      type: 'card_error',
      code: 'authentication_required',
      decline_code: 'authentication_required',
      message: 'Your card was declined. This transaction requires authentication.',
    })
  }
  if (redirect === true) {
    const waiting: Intent = {
      ...chosen,
      status: 'requires_action',
      action_url: `${desk.url}/authenticate/${intent.account}/${intent.id}`,
    }
    keep(desk, waiting)
    desk.emit('payment_intent.requires_action', printIntent(waiting))
    return waiting
  }
  return begin(desk, chosen, method)
}

/** The payer has passed the page, or needed none. */
function begin(desk: Desk, intent: Intent, method: PaymentMethod): Intent {
  const { settles } = behaviourOf(method)
  if (settles !== undefined) {
    const processing: Intent = { ...intent, status: 'processing', action_url: null }
    keep(desk, processing)
    desk.emit('payment_intent.processing', printIntent(processing))
    desk.schedule(settles.fails ? 'fail' : 'settle', intent.id, settles.afterSeconds)
    return processing
  }
  return authorize(desk, intent, method)
}

/** The money is there: held until it is captured, or captured at once. */
export function authorize(desk: Desk, intent: Intent, method: PaymentMethod): Intent {
  const manual = intent.capture_method === 'manual'
  const charge = {
    id: desk.newId('ch'),
    account: desk.account,
    created: secondsOf(desk.nowMs),
    amount: intent.amount,
    amount_captured: 0,
    amount_refunded: 0,
    currency: intent.currency,
    captured: false,
    payment_intent: intent.id,
    payment_method: method.id,
    balance_transaction: null,
    disputed: false,
    capture_before: manual ? secondsOf(desk.nowMs) + AUTHORIZATION_SECONDS : null,
    metadata: intent.metadata,
  }
  desk.save({ kind: 'charge', object: charge })
  const held: Intent = {
    ...intent,
    status: 'requires_capture',
    action_url: null,
    latest_charge: charge.id,
    amount_capturable: intent.amount,
  }
  keep(desk, held)
  if (manual) {
    desk.schedule('expire', intent.id, AUTHORIZATION_SECONDS)
    desk.emit('payment_intent.amount_capturable_updated', printIntent(held))
    return held
  }
  return capture(desk, held, intent.amount)
}

/** `POST /v1/payment_intents/:id/capture`: once; what is not captured is released. */
export function captureIntent(desk: Desk, intent: Intent, params: Params): Intent {
  requireStatus(intent, ['requires_capture'])
  const amount = amountOf(params, 'amount_to_capture') ?? intent.amount_capturable
  if (amount > intent.amount_capturable) {
    throw PspFailure.invalid(
      'The amount to capture is greater than the amount that can be captured.',
      'amount_to_capture',
      'amount_too_large',
    )
  }
  if (behaviourOf(currentMethod(desk, intent)).captureFails === true) {
    cancelIntent(desk, intent, 'automatic')
    throw new PspFailure(402, {
      type: 'card_error',
      code: 'charge_expired_for_capture',
      message: 'The bank no longer holds this amount: it cannot be captured.',
    })
  }
  return capture(desk, intent, amount)
}

function capture(desk: Desk, intent: Intent, asked: number): Intent {
  const mismatch = behaviourOf(currentMethod(desk, intent)).mismatch === true
  const amount = mismatch && asked > 1 ? asked - 1 : asked
  captureCharge(desk, desk.get('charge', intent.latest_charge ?? ''), amount)
  const captured: Intent = {
    ...intent,
    status: 'succeeded',
    amount_capturable: 0,
    amount_received: amount,
  }
  keep(desk, captured)
  desk.emit('payment_intent.succeeded', printIntent(captured))
  return captured
}

/** `POST /v1/payment_intents/:id/cancel`: what is held is released. */
export function cancelIntent(desk: Desk, intent: Intent, reason: string | null): Intent {
  requireStatus(intent, [
    'requires_payment_method',
    'requires_confirmation',
    'requires_action',
    'requires_capture',
    'processing',
  ])
  const canceled: Intent = {
    ...intent,
    status: 'canceled',
    amount_capturable: 0,
    action_url: null,
    canceled_at: secondsOf(desk.nowMs),
    cancellation_reason: reason,
  }
  keep(desk, canceled)
  desk.emit('payment_intent.canceled', printIntent(canceled))
  return canceled
}

/** What happens by itself: delayed money arrives or does not, an authorization ends. */
export function runIntentJob(desk: Desk, action: 'settle' | 'fail' | 'expire', id: string): void {
  const intent = desk.get('payment_intent', id)
  const method = currentMethod(desk, intent)
  if (action === 'expire') {
    if (intent.status === 'requires_capture') cancelIntent(desk, intent, 'automatic')
    return
  }
  if (intent.status !== 'processing' || method === undefined) return
  if (action === 'settle') {
    authorize(desk, intent, method)
    return
  }
  reject(desk, intent, {
    type: 'card_error',
    code: 'payment_intent_payment_attempt_failed',
    decline_code: 'generic_decline',
    message: 'The payment was returned by the bank.',
  })
}

/** The payer passed the page, or turned back on it. A second click changes nothing. */
export function finishAction(desk: Desk, id: string, passed: boolean): Intent {
  const intent = desk.get('payment_intent', id)
  const method = currentMethod(desk, intent)
  if (intent.status !== 'requires_action' || method === undefined) return intent
  if (passed) return begin(desk, intent, method)
  return reject(desk, intent, {
    type: 'card_error',
    code: 'payment_intent_authentication_failure',
    message: 'The payer did not confirm this payment.',
  })
}

function declined(desk: Desk, intent: Intent, error: PaymentError): PspFailure {
  const method = currentMethod(desk, intent)
  const rejected = reject(desk, intent, error)
  return new PspFailure(402, {
    ...error,
    payment_intent: printIntent(rejected),
    payment_method: method === undefined ? null : printMethod(method),
  })
}

function reject(desk: Desk, intent: Intent, error: PaymentError): Intent {
  const rejected: Intent = {
    ...intent,
    status: 'requires_payment_method',
    payment_method: null,
    action_url: null,
    last_payment_error: error,
  }
  keep(desk, rejected)
  desk.emit('payment_intent.payment_failed', printIntent(rejected))
  return rejected
}

export function currentMethod(desk: Desk, intent: Intent): PaymentMethod | undefined {
  return intent.payment_method === null
    ? undefined
    : desk.find('payment_method', intent.payment_method)
}

function keep(desk: Desk, intent: Intent): void {
  desk.save({ kind: 'payment_intent', object: intent })
}

function requireStatus(intent: Intent, allowed: readonly IntentStatus[]): void {
  if (allowed.includes(intent.status)) return
  throw new PspFailure(400, {
    type: 'invalid_request_error',
    code: 'payment_intent_unexpected_state',
    message: `This PaymentIntent has a status of ${intent.status}, which does not allow that.`,
    payment_intent: printIntent(intent),
  })
}
