import type { EvidenceKind, EvidenceTexts } from '../../domain/dispute.ts'
import type { PaymentMethodName } from '../../domain/payment-method.ts'

/** On whose behalf a call is made. */
export type ProviderAccount = {
  accountId: string
  /** The account at the provider, where the merchant has one of its own. */
  reference: string | null
  /** Business time of the account: the sandbox measures its delays by it. */
  now: Date
}

/** What a payer pays with: a token of the provider, or a method that needs none. */
export type Instrument = { token: string | null; method: PaymentMethodName }

/** Why a payment or a refund did not happen; `code` is the provider's word. */
export type ProviderProblem = { code: string; declineCode: string | null; message: string }

/** A payment as the provider has it now. Amounts are minor units of the payment's currency. */
export type ProviderPayment = {
  providerId: string
  state:
    | 'requires_payment_method'
    | 'requires_action'
    | 'processing'
    | 'requires_capture'
    | 'succeeded'
    | 'cancelled'
  amountMinor: bigint
  /** Held and not yet captured. */
  capturableMinor: bigint
  capturedMinor: bigint
  /** What the provider kept of the capture; null before, or where it does not say. */
  feeMinor: bigint | null
  problem: ProviderProblem | null
  /** The page that the payer must pass. */
  actionUrl: string | null
  /** When the provider lets go of what is held. */
  captureBefore: Date | null
  card: { brand: string; last4: string } | null
}

export type ProviderRefund = {
  providerId: string
  state: 'pending' | 'succeeded' | 'failed'
  amountMinor: bigint
  problem: ProviderProblem | null
}

/** A dispute as the provider has it now. Amounts are minor units of the payment's currency. */
export type ProviderDispute = {
  providerId: string
  paymentProviderId: string
  /** What the payer disputes. */
  amountMinor: bigint
  currency: string
  /** The provider's word, for example `fraudulent`. */
  reason: string
  state: 'needs_response' | 'under_review' | 'won' | 'lost'
  evidenceDueAt: Date
  /** What left the balance, and what came back; positive, without and with the fees. */
  withdrawnMinor: bigint
  feeMinor: bigint
  returnedMinor: bigint
  feeReturnedMinor: bigint
}

/** What answers a dispute: texts, and papers by the provider's names of them. */
export type ProviderEvidence = {
  texts: EvidenceTexts
  files: Partial<Record<EvidenceKind, string>>
}

/**
 * What came of a call.
 *
 * - `answered`: it is done, and this is how it stands
 * - `declined`: a definite no of the payer's side, never tried again by itself
 * - `refused`: a definite no of the provider; nothing happened
 * - `busy`: not carried out now; the same key may be sent again
 * - `unknown`: it may or may not have happened; only asking can tell
 */
export type ProviderOutcome<Value> =
  | { kind: 'answered'; value: Value }
  | { kind: 'declined'; value: Value | null; problem: ProviderProblem }
  | { kind: 'refused'; problem: ProviderProblem }
  | { kind: 'busy'; said: string }
  | { kind: 'unknown'; said: string }

/** A movement on the provider's balance, for reconciliation. */
export type ProviderMovement = {
  id: string
  kind: 'capture' | 'refund' | 'refund_failed' | 'dispute' | 'dispute_won' | 'payout' | 'other'
  /** Positive: towards the merchant. Without the fee. */
  amountMinor: bigint
  feeMinor: bigint
  currency: string
  /** Empty for what is of no payment. */
  paymentProviderId: string
  /** The provider's id of the refund, dispute or payout, or of the payment for a capture. */
  sourceId: string
  createdAt: Date
}

/** A payment in a list, with our name of it where the provider keeps one. */
export type ListedPayment = ProviderPayment & { paymentId: string | null; currency: string }

/** A page of a list, the newest first; `next` asks for the one after it, null ends. */
export type ProviderPage<Row> = { rows: Row[]; next: string | null }

/** A range of time at the provider, and where in it to go on. */
export type ProviderRange = { from: Date; before: Date; after: string | null }

export type AuthorizeRequest = {
  paymentId: string
  /** The provider's id, when an earlier try made the payment there. */
  providerId: string | null
  amountMinor: bigint
  currency: string
  captureMethod: 'automatic' | 'manual'
  instrument: Instrument
  returnUrl: string | null
}

/**
 * A payment service. Nothing here throws for what the other side or the network does: that is an
 * outcome. Every call that moves money takes the key that the operation row has kept since before
 * the call; the same key never moves money twice. Nothing is retried inside.
 */
export type PaymentProvider = {
  authorize(
    account: ProviderAccount,
    key: string,
    request: AuthorizeRequest,
  ): Promise<ProviderOutcome<ProviderPayment>>
  capture(
    account: ProviderAccount,
    key: string,
    request: { providerId: string; amountMinor: bigint },
  ): Promise<ProviderOutcome<ProviderPayment>>
  cancel(
    account: ProviderAccount,
    key: string,
    request: { providerId: string },
  ): Promise<ProviderOutcome<ProviderPayment>>
  refund(
    account: ProviderAccount,
    key: string,
    request: { refundId: string; providerId: string; amountMinor: bigint },
  ): Promise<ProviderOutcome<ProviderRefund>>
  /** The payment by the provider's id or, where that is not known, by ours; null when it has none. */
  findPayment(
    account: ProviderAccount,
    by: { providerId: string } | { paymentId: string },
  ): Promise<ProviderOutcome<ProviderPayment | null>>
  /** The refund of a payment that was made under our id; null when there is none. */
  findRefund(
    account: ProviderAccount,
    by: { paymentProviderId: string; refundId: string },
  ): Promise<ProviderOutcome<ProviderRefund | null>>
  /** Null when the provider has no such dispute. */
  findDispute(
    account: ProviderAccount,
    by: { disputeProviderId: string },
  ): Promise<ProviderOutcome<ProviderDispute | null>>
  /** Hands over a paper of the evidence. Moves nothing: repeating it only makes another name. */
  uploadEvidence(
    account: ProviderAccount,
    file: { name: string; media: string; content: Uint8Array },
  ): Promise<ProviderOutcome<{ providerId: string }>>
  submitEvidence(
    account: ProviderAccount,
    key: string,
    request: { disputeProviderId: string; evidence: ProviderEvidence },
  ): Promise<ProviderOutcome<ProviderDispute>>
  acceptDispute(
    account: ProviderAccount,
    key: string,
    request: { disputeProviderId: string },
  ): Promise<ProviderOutcome<ProviderDispute>>
  /** Everything that moved on the balance in a range. */
  listMovements(
    account: ProviderAccount,
    range: ProviderRange,
  ): Promise<ProviderOutcome<ProviderPage<ProviderMovement>>>
  /** Every payment that was made in a range. */
  listPayments(
    account: ProviderAccount,
    range: ProviderRange,
  ): Promise<ProviderOutcome<ProviderPage<ListedPayment>>>
  close(): Promise<void>
}
