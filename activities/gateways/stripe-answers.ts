import type { Stripe } from 'stripe'
import type {
  ProviderDispute,
  ProviderMovement,
  ProviderPayment,
  ProviderRefund,
} from './payment-provider.ts'

/** Stripe's objects in the words of the port. */

export function readPayment(intent: Stripe.PaymentIntent): ProviderPayment {
  const charge = objectOf(intent.latest_charge)
  const entry = objectOf(charge?.balance_transaction ?? null)
  const method = objectOf(intent.payment_method)
  const error = intent.last_payment_error
  const before = charge?.payment_method_details?.card?.capture_before
  return {
    providerId: intent.id,
    state: stateOf(intent.status),
    amountMinor: BigInt(intent.amount),
    capturableMinor: BigInt(intent.amount_capturable),
    capturedMinor: BigInt(intent.amount_received),
    feeMinor: entry === null ? null : BigInt(entry.fee),
    problem:
      error === null
        ? null
        : {
            code: error.code ?? error.type,
            declineCode: error.decline_code ?? null,
            message: error.message ?? 'The payment failed.',
          },
    actionUrl: intent.next_action?.redirect_to_url?.url ?? null,
    captureBefore: before === undefined || before === null ? null : instantOf(before),
    card: readCard(method),
  }
}

/** A word that Stripe adds one day is money on its way until it says more. */
function stateOf(status: string): ProviderPayment['state'] {
  return STATES[status] ?? 'processing'
}

const STATES: Readonly<Record<string, ProviderPayment['state'] | undefined>> = {
  requires_payment_method: 'requires_payment_method',
  requires_confirmation: 'requires_payment_method',
  requires_action: 'requires_action',
  requires_capture: 'requires_capture',
  succeeded: 'succeeded',
  canceled: 'cancelled',
}

function readCard(method: Stripe.PaymentMethod | null): ProviderPayment['card'] {
  const card = method?.card
  return card === undefined ? null : { brand: card.brand, last4: card.last4 }
}

export function readRefund(refund: Stripe.Refund): ProviderRefund {
  const failed = refund.status === 'failed' || refund.status === 'canceled'
  return {
    providerId: refund.id,
    state: REFUND_STATES[refund.status ?? ''] ?? 'pending',
    amountMinor: BigInt(refund.amount),
    problem: failed
      ? {
          code: refund.failure_reason ?? 'refund_failed',
          declineCode: null,
          message: 'The refund did not reach the payer.',
        }
      : null,
  }
}

const REFUND_STATES: Readonly<Record<string, ProviderRefund['state'] | undefined>> = {
  failed: 'failed',
  canceled: 'failed',
  succeeded: 'succeeded',
}

export function readDispute(dispute: Stripe.Dispute): ProviderDispute {
  return {
    providerId: dispute.id,
    paymentProviderId: idOf(dispute.payment_intent) ?? '',
    amountMinor: BigInt(dispute.amount),
    feeMinor: 0n,
    currency: dispute.currency.toUpperCase(),
    reason: dispute.reason,
    state: DISPUTE_STATES[dispute.status] ?? 'needs_response',
    evidenceDueAt: instantOf(dispute.evidence_details.due_by ?? dispute.created),
  }
}

/** Whatever is not decided and not with the bank still asks for an answer. */
const DISPUTE_STATES: Readonly<Record<string, ProviderDispute['state'] | undefined>> = {
  won: 'won',
  warning_closed: 'won',
  prevented: 'won',
  lost: 'lost',
  under_review: 'under_review',
  warning_under_review: 'under_review',
  appeal_under_review: 'under_review',
}

/** Null for what is no movement of a payment: payouts, fees of the platform, top-ups. */
export function readMovement(entry: Stripe.BalanceTransaction): ProviderMovement | null {
  const kind = KINDS[entry.reporting_category]
  const source = objectOf(entry.source)
  if (kind === undefined || source === null) return null
  const payment = 'payment_intent' in source ? idOf(source.payment_intent) : null
  return {
    id: entry.id,
    kind,
    amountMinor: BigInt(entry.amount),
    feeMinor: BigInt(entry.fee),
    currency: entry.currency.toUpperCase(),
    paymentProviderId: payment ?? '',
    sourceId: kind === 'capture' ? (payment ?? '') : source.id,
    createdAt: instantOf(entry.created),
  }
}

const KINDS: Readonly<Record<string, ProviderMovement['kind'] | undefined>> = {
  charge: 'capture',
  refund: 'refund',
  refund_failure: 'refund_failed',
  dispute: 'dispute',
  dispute_reversal: 'dispute_won',
}

/** An expanded reference; null for one that is only an id. */
function objectOf<Kind extends object>(reference: string | Kind | null): Kind | null {
  return typeof reference === 'string' ? null : reference
}

function idOf(reference: string | { id: string } | null | undefined): string | null {
  if (reference === null || reference === undefined) return null
  return typeof reference === 'string' ? reference : reference.id
}

function instantOf(seconds: number): Date {
  return new Date(seconds * 1000)
}
