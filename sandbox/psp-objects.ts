/** The objects of the sandbox PSP as it keeps them, and as Stripe's API prints them. */

type Owned = { id: string; account: string; created: number }

export type PaymentMethod = Owned & {
  type: string
  /** The documented token whose behaviour it has. */
  behaves: string
  card: { brand: string; last4: string; exp_month: number; exp_year: number } | null
}

export type IntentStatus =
  | 'requires_payment_method'
  | 'requires_confirmation'
  | 'requires_action'
  | 'processing'
  | 'requires_capture'
  | 'succeeded'
  | 'canceled'

export type PaymentError = {
  type: 'card_error'
  code: string
  decline_code?: string
  message: string
}

export type Intent = Owned & {
  amount: number
  amount_capturable: number
  amount_received: number
  currency: string
  capture_method: 'automatic' | 'manual'
  status: IntentStatus
  payment_method: string | null
  payment_method_types: string[]
  latest_charge: string | null
  last_payment_error: PaymentError | null
  /** The page that the payer must pass. */
  action_url: string | null
  return_url: string | null
  canceled_at: number | null
  cancellation_reason: string | null
  metadata: Record<string, string>
}

export type Charge = Owned & {
  amount: number
  amount_captured: number
  amount_refunded: number
  currency: string
  captured: boolean
  payment_intent: string
  payment_method: string
  balance_transaction: string | null
  disputed: boolean
  capture_before: number | null
  metadata: Record<string, string>
}

export type Refund = Owned & {
  amount: number
  currency: string
  charge: string
  payment_intent: string
  status: 'pending' | 'succeeded' | 'failed'
  reason: string | null
  failure_reason: string | null
  balance_transaction: string | null
  failure_balance_transaction: string | null
  metadata: Record<string, string>
}

export type Dispute = Owned & {
  amount: number
  currency: string
  charge: string
  payment_intent: string
  reason: string
  status: 'needs_response' | 'under_review' | 'won' | 'lost'
  evidence: Record<string, string>
  due_by: number
  submission_count: number
  balance_transactions: string[]
}

/** A paper of the evidence, without its bytes. */
export type EvidenceFile = Owned & {
  filename: string | null
  purpose: string
  size: number
  type: string
  /** Hex SHA-256 of its bytes. */
  digest: string
}

export type Payout = Owned & {
  amount: number
  currency: string
  arrival_date: number
  status: 'paid'
  balance_transaction: string
}

export type BalanceTransaction = Owned & {
  type: 'charge' | 'refund' | 'refund_failure' | 'adjustment' | 'payout'
  reporting_category: string
  amount: number
  fee: number
  net: number
  currency: string
  source: string
}

export type PspEvent = Owned & { type: string; object: object }

/** A date as Stripe writes it: whole seconds. */
export const secondsOf = (ms: number): number => Math.floor(ms / 1000)

export function printMethod(method: PaymentMethod) {
  return {
    id: method.id,
    object: 'payment_method',
    type: method.type,
    created: method.created,
    livemode: false,
    customer: null,
    metadata: {},
    ...(method.card === null
      ? { [method.type]: {} }
      : { card: { ...method.card, funding: 'credit', wallet: null } }),
  }
}

export function printIntent(intent: Intent) {
  const { account: _account, action_url, return_url, ...fields } = intent
  return {
    ...fields,
    object: 'payment_intent',
    livemode: false,
    client_secret: `${intent.id}_secret_sandbox`,
    confirmation_method: 'automatic',
    customer: null,
    description: null,
    next_action:
      intent.status === 'requires_action' && action_url !== null
        ? { type: 'redirect_to_url', redirect_to_url: { url: action_url, return_url } }
        : null,
  }
}

export function printCharge(charge: Charge) {
  const { account: _account, capture_before, ...fields } = charge
  return {
    ...fields,
    object: 'charge',
    livemode: false,
    paid: true,
    refunded: charge.amount_refunded === charge.amount_captured && charge.amount_captured > 0,
    status: 'succeeded',
    payment_method_details: { type: 'card', card: { capture_before } },
  }
}

export function printRefund(refund: Refund) {
  const { account: _account, failure_reason, failure_balance_transaction, ...fields } = refund
  return {
    ...fields,
    object: 'refund',
    ...(failure_reason === null ? {} : { failure_reason, failure_balance_transaction }),
  }
}

/** With its lines of the ledger, as Stripe always prints them. */
export function printDispute(dispute: Dispute, entries: BalanceTransaction[]) {
  const { account: _account, due_by, submission_count, ...fields } = dispute
  return {
    ...fields,
    object: 'dispute',
    livemode: false,
    is_charge_refundable: false,
    balance_transactions: entries.map(printBalanceTransaction),
    evidence_details: {
      due_by,
      has_evidence: Object.keys(dispute.evidence).length > 0,
      past_due: dispute.status === 'lost' && submission_count === 0,
      submission_count,
    },
    metadata: {},
  }
}

export function printFile(file: EvidenceFile) {
  const { account: _account, digest: _digest, ...fields } = file
  return { ...fields, object: 'file', expires_at: null, links: null, title: null, url: null }
}

export function printPayout(payout: Payout) {
  const { account: _account, ...fields } = payout
  return {
    ...fields,
    object: 'payout',
    automatic: false,
    livemode: false,
    metadata: {},
    method: 'standard',
    source_type: 'card',
    type: 'bank_account',
  }
}

export function printBalanceTransaction(entry: BalanceTransaction) {
  const { account: _account, ...fields } = entry
  return {
    ...fields,
    object: 'balance_transaction',
    available_on: entry.created,
    description: null,
    exchange_rate: null,
    fee_details: [
      {
        amount: entry.fee,
        application: null,
        currency: entry.currency,
        description: 'Processing fee',
        type: 'stripe_fee',
      },
    ],
    status: 'available',
  }
}

export function printEvent(event: PspEvent) {
  return {
    id: event.id,
    object: 'event',
    account: event.account,
    api_version: 'sandbox',
    created: event.created,
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type: event.type,
    data: { object: event.object },
  }
}
