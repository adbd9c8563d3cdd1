import { Stripe } from 'stripe'
import type { ProviderOutcome, ProviderPayment, ProviderProblem } from './payment-provider.ts'
import { readPayment } from './stripe-answers.ts'

/**
 * Sorts what came of a call. A lost connection, a time-out and every 5xx are `unknown`: Stripe may
 * have done it. A key that is in use, and too many requests, are `busy`: it has not been carried
 * out by this request, and the same key may be sent again.
 */
export async function outcomeOf<Value>(
  work: () => Promise<Value>,
  readRefused: (error: unknown) => Value | null,
): Promise<ProviderOutcome<Value>> {
  try {
    return { kind: 'answered', value: await work() }
  } catch (error) {
    if (!(error instanceof Stripe.errors.StripeError)) throw error
    return judge(error, readRefused(error))
  }
}

function judge<Value>(
  error: Stripe.errors.StripeError,
  value: Value | null,
): ProviderOutcome<Value> {
  const status = error.statusCode
  if (error instanceof Stripe.errors.StripeCardError) {
    return { kind: 'declined', value, problem: problemOf(error) }
  }
  if (status === undefined || status >= 500) {
    return { kind: 'unknown', said: status === undefined ? 'no answer' : `HTTP ${status}` }
  }
  if (status === 429 || (status === 409 && error.code === 'idempotency_key_in_use')) {
    return { kind: 'busy', said: `HTTP ${status}` }
  }
  return { kind: 'refused', problem: problemOf(error) }
}

/** Words for operators and clients; never a request's content. */
function problemOf(error: Stripe.errors.StripeError): ProviderProblem {
  return {
    code: error.code ?? error.type,
    declineCode: error.decline_code ?? null,
    message: error.message.slice(0, 300),
  }
}

/** What a decline carries with it: the payment as it is now. */
export function readDeclined(error: unknown): ProviderPayment | null {
  if (!(error instanceof Stripe.errors.StripeCardError)) return null
  return error.payment_intent === undefined ? null : readPayment(error.payment_intent)
}
