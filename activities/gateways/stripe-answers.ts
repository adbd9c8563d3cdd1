import type { Stripe } from 'stripe'
import type {
  ListedPayment,
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

export function readListed(intent: Stripe.PaymentIntent): ListedPayment {
  const paymentId = intent.metadata['bark_payment'] ?? null
  return { ...readPayment(intent), paymentId, currency: intent.currency.toUpperCase() }
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
  const taken = dispute.balance_transactions.filter(({ amount }) => amount < 0)
  const given = dispute.balance_transactions.filter(({ amount }) => amount > 0)
  const sum = (of: Stripe.BalanceTransaction[], field: 'amount' | 'fee') =>
    BigInt(of.reduce((all, entry) => all + entry[field], 0))
  return {
    providerId: dispute.id,
    paymentProviderId: idOf(dispute.payment_intent) ?? '',
    amountMinor: BigInt(dispute.amount),
    currency: dispute.currency.toUpperCase(),
    reason: dispute.reason,
    state: DISPUTE_STATES[dispute.status] ?? 'needs_response',
    evidenceDueAt: instantOf(dispute.evidence_details.due_by ?? dispute.created),
    withdrawnMinor: -sum(taken, 'amount'),
    feeMinor: sum(taken, 'fee'),
    returnedMinor: sum(given, 'amount'),
    feeReturnedMinor: -sum(given, 'fee'),
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

export function readMovement(entry: Stripe.BalanceTransaction): ProviderMovement {
  const kind = KINDS[entry.reporting_category] ?? 'other'
  const source = objectOf(entry.source)
  const payment =
    source !== null && 'payment_intent' in source ? (idOf(source.payment_intent) ?? '') : ''
  return {
    id: entry.id,
    kind,
    amountMinor: BigInt(entry.amount),
    feeMinor: BigInt(entry.fee),
    currency: entry.currency.toUpperCase(),
    paymentProviderId: payment,
    sourceId: kind === 'capture' ? payment : (idOf(entry.source) ?? entry.id),
    createdAt: instantOf(entry.created),
  }
}

const KINDS: Readonly<Record<string, ProviderMovement['kind'] | undefined>> = {
  charge: 'capture',
  refund: 'refund',
  refund_failure: 'refund_failed',
  dispute: 'dispute',
  dispute_reversal: 'dispute_won',
  payout: 'payout',
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
