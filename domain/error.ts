/**
 * The exact words of everything that can be refused. Each word has one row in `api/errors.ts`
 * (HTTP status and wire code); the message is safe for the customer, `detail` is for them too
 * when it carries `fields`, and for the log otherwise.
 */
export const DOMAIN_REASONS = [
  'account_mode_mismatch',
  'already_reversed',
  'amount_too_large',
  'busy',
  'card_number_refused',
  'cash_exceeded',
  'client_reference_conflict',
  'clock_already_advancing',
  'clock_backward',
  'credit_exceeded',
  'credit_exceeds_invoice',
  'customer_exists',
  'customer_required',
  'dispute_state',
  'document_format_unavailable',
  'document_pending',
  'duplicate_code',
  'forbidden_scope',
  'idempotency_in_flight',
  'idempotency_key_required',
  'idempotency_key_reuse',
  'invalid_amount',
  'invalid_body',
  'invalid_cursor',
  'invalid_fields',
  'invalid_key',
  'invalid_parameter',
  'live_account',
  'method_not_allowed',
  'mixed_currency',
  'not_billed',
  'not_found',
  'order_final',
  'out_of_stock',
  'outbox_full',
  'payload_too_large',
  'payment_disputed',
  'payment_method_not_entitled',
  'payment_method_unavailable',
  'payment_state',
  'physical_unavailable',
  'plain_http',
  'precondition_failed',
  'price_mismatch',
  'product_unavailable',
  'rate_limited',
  'refund_exceeds',
  'seller_incomplete',
  'service_unavailable',
  'sku_exists',
  'supplier_exists',
  'supplier_sku_exists',
  'tax_undecided',
  'unexpected',
  'unit_not_cancellable',
  'unit_not_claimable',
  'version_mismatch',
  'webhook_inactive',
  'webhook_url_refused',
] as const

export type DomainReason = (typeof DOMAIN_REASONS)[number]

/** One field of a request that is not as it must be; `field` is a dotted path such as `items.0.sku`. */
export type FieldProblem = { field: string; message: string }

export type DomainErrorDetail = {
  fields?: FieldProblem[]
  hint?: string
  retryAfterSeconds?: number
  [key: string]: unknown
}

/** What a DomainError says, without the stack: making one costs more than all the rest of an answer. */
export type Refused = Pick<DomainError, 'reason' | 'message' | 'detail'>

/** A refusal or an expected failure of the world. Never thrown for a programmer's mistake. */
export class DomainError extends Error {
  readonly reason: DomainReason
  readonly detail: DomainErrorDetail

  constructor(reason: DomainReason, message: string, detail: DomainErrorDetail = {}) {
    super(message)
    this.name = 'DomainError'
    this.reason = reason
    this.detail = detail
  }

  static of({ reason, message, detail }: Refused): DomainError {
    return new DomainError(reason, message, detail)
  }
}
