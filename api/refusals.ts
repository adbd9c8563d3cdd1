import type { DomainReason } from '../domain/error.ts'
import type { ErrorCode, ErrorStatus } from './error-codes.ts'

/** What every refusal is over HTTP, and what the client can do about it. */
export const REFUSALS: Readonly<
  Record<DomainReason, { status: ErrorStatus; code: ErrorCode; hint: string }>
> = {
  account_mode_mismatch: {
    status: 403,
    code: 'authorization_error',
    hint: 'Test and live data never meet: use the key of the same mode.',
  },
  already_reversed: {
    status: 409,
    code: 'conflict',
    hint: 'A payment is reversed once. Read it again; record what came in since as a new payment.',
  },
  amount_too_large: {
    status: 422,
    code: 'validation_error',
    hint: 'Amounts have at most fifteen digits; a price is at most 1,000,000,000.00.',
  },
  busy: {
    status: 503,
    code: 'server_error',
    hint: 'Nothing was written. Repeat with the same Idempotency-Key after Retry-After.',
  },
  cash_exceeded: {
    status: 422,
    code: 'validation_error',
    hint: 'Allocate at most the unallocated cash of the customer and what the invoice still owes.',
  },
  client_reference_conflict: {
    status: 409,
    code: 'conflict',
    hint: 'A reference is unique for ever, per customer or per invoice: use a new one.',
  },
  card_number_refused: {
    status: 422,
    code: 'validation_error',
    hint: 'Card numbers are never taken: send a token. With a test key, payment_method_data.card takes the published test numbers.',
  },
  clock_already_advancing: {
    status: 409,
    code: 'conflict',
    hint: 'Wait until GET /v2/test_clock says ready.',
  },
  clock_backward: {
    status: 422,
    code: 'validation_error',
    hint: 'A test clock only moves forward.',
  },
  credit_exceeded: {
    status: 422,
    code: 'validation_error',
    hint: "Raise the customer's credit_limits for this currency, or order less.",
  },
  credit_exceeds_invoice: {
    status: 422,
    code: 'validation_error',
    hint: 'Credit at most what the invoice billed and no credit note took back already.',
  },
  customer_exists: {
    status: 409,
    code: 'conflict',
    hint: 'Find the customer with GET /v2/customers?email=… and update it.',
  },
  customer_required: {
    status: 422,
    code: 'validation_error',
    hint: 'Name customer_id, or use a key that is bound to a customer.',
  },
  dispute_state: {
    status: 409,
    code: 'conflict',
    hint: 'GET the dispute: its status and response say what can be done with it now.',
  },
  document_format_unavailable: {
    status: 406,
    code: 'validation_error',
    hint: 'Ask for one of the formats that the invoice lists under documents.',
  },
  document_pending: {
    status: 409,
    code: 'conflict',
    hint: 'It has no number yet: read it again until its status is issued.',
  },
  duplicate_code: {
    status: 409,
    code: 'conflict',
    hint: 'A code is stored once; remove the duplicate from the import.',
  },
  forbidden_scope: {
    status: 403,
    code: 'authorization_error',
    hint: 'Use a key that has the named scope.',
  },
  idempotency_in_flight: {
    status: 409,
    code: 'conflict',
    hint: 'The first request with this Idempotency-Key still runs: repeat after Retry-After.',
  },
  idempotency_key_required: {
    status: 400,
    code: 'validation_error',
    hint: 'This account requires an Idempotency-Key header on orders.',
  },
  idempotency_key_reuse: {
    status: 422,
    code: 'validation_error',
    hint: 'Use a new Idempotency-Key for a new request.',
  },
  invalid_amount: {
    status: 422,
    code: 'validation_error',
    hint: 'Send a decimal number or text with at most the digits of its currency.',
  },
  invalid_body: {
    status: 400,
    code: 'validation_error',
    hint: 'Send one JSON object in UTF-8 with Content-Type: application/json.',
  },
  invalid_cursor: {
    status: 400,
    code: 'validation_error',
    hint: 'A cursor belongs to one list, filter, sort and key: start again with ?cursor=',
  },
  invalid_fields: {
    status: 422,
    code: 'validation_error',
    hint: 'The details name every field and what it must be.',
  },
  invalid_key: {
    status: 401,
    code: 'authentication_error',
    hint: 'Send Authorization: Bearer <key> with a key that is neither expired nor revoked.',
  },
  invalid_parameter: {
    status: 400,
    code: 'validation_error',
    hint: 'The details name the part of the path, query or headers that cannot be used.',
  },
  live_account: {
    status: 403,
    code: 'authorization_error',
    hint: 'Only test accounts have a clock that can be moved: use a test_ key.',
  },
  method_not_allowed: {
    status: 405,
    code: 'validation_error',
    hint: 'The Allow header lists the methods of this path.',
  },
  mixed_currency: {
    status: 422,
    code: 'validation_error',
    hint: 'Split the order: one transaction has one currency.',
  },
  not_billed: {
    status: 409,
    code: 'conflict',
    hint: 'Only units that an invoice billed can be credited: wait for the invoice.',
  },
  not_found: {
    status: 404,
    code: 'not_found',
    hint: 'Check the id, and that the key belongs to the account that owns it.',
  },
  order_final: {
    status: 409,
    code: 'conflict',
    hint: 'It was delivered or has failed. Refund its payment, or claim a code that is no good.',
  },
  out_of_stock: {
    status: 422,
    code: 'validation_error',
    hint: 'Order less, or leave out allow_backorder: false to wait for stock.',
  },
  outbox_full: {
    status: 503,
    code: 'server_error',
    hint: 'Nothing was written. Repeat with the same Idempotency-Key after Retry-After.',
  },
  payload_too_large: {
    status: 413,
    code: 'validation_error',
    hint: 'A body holds at most 256 KiB: split the request.',
  },
  payment_method_not_entitled: {
    status: 403,
    code: 'authorization_error',
    hint: 'Crypto payments need the Enterprise plan.',
  },
  payment_method_unavailable: {
    status: 422,
    code: 'validation_error',
    hint: 'Leave payment_method out to order on credit.',
  },
  payment_disputed: {
    status: 409,
    code: 'conflict',
    hint: 'GET /v2/payments/disputes?payment_id=… shows the dispute; refund when it is won.',
  },
  payment_state: {
    status: 409,
    code: 'conflict',
    hint: 'GET the payment: its status says what can be done with it now.',
  },
  physical_unavailable: {
    status: 422,
    code: 'validation_error',
    hint: 'Only products with fulfillment_type digital_code can be ordered.',
  },
  plain_http: {
    status: 403,
    code: 'authorization_error',
    hint: 'Use https. The key of this request was sent in the clear: replace it.',
  },
  precondition_failed: {
    status: 412,
    code: 'conflict',
    hint: 'It changed since it was read: read it again and repeat with the new ETag.',
  },
  price_mismatch: {
    status: 422,
    code: 'validation_error',
    hint: 'Send the price of the catalogue, or leave it out.',
  },
  product_unavailable: {
    status: 422,
    code: 'validation_error',
    hint: 'Order active products of this account only.',
  },
  rate_limited: {
    status: 429,
    code: 'rate_limit_exceeded',
    hint: 'Wait for Retry-After seconds; poll with If-None-Match and Prefer: wait.',
  },
  seller_incomplete: {
    status: 422,
    code: 'validation_error',
    hint: "Complete the account's legal name, address and tax id.",
  },
  refund_exceeds: {
    status: 422,
    code: 'validation_error',
    hint: 'Refunds, those on their way included, never exceed what was captured.',
  },
  service_unavailable: {
    status: 503,
    code: 'server_error',
    hint: 'Repeat after Retry-After, POSTs with the same Idempotency-Key.',
  },
  sku_exists: {
    status: 409,
    code: 'conflict',
    hint: 'A SKU is unique over products and variants: choose another one.',
  },
  supplier_exists: {
    status: 409,
    code: 'conflict',
    hint: 'The name of a supplier is unique in the account: choose another one.',
  },
  supplier_sku_exists: {
    status: 409,
    code: 'conflict',
    hint: 'A supplier has one SKU for a product or variant: change the one that is there.',
  },
  tax_undecided: {
    status: 422,
    code: 'validation_error',
    hint: "Complete the account's tax policy.",
  },
  unit_not_cancellable: {
    status: 409,
    code: 'conflict',
    hint: 'Only a unit without a code can be cancelled: look at the list of codes.',
  },
  unit_not_claimable: {
    status: 409,
    code: 'conflict',
    hint: 'Only a unit with its code can be claimed, and once: look at its claim.',
  },
  unexpected: {
    status: 500,
    code: 'server_error',
    hint: 'Tell support the request_id.',
  },
  version_mismatch: {
    status: 409,
    code: 'conflict',
    hint: 'It changed since it was read: read it again and send its version.',
  },
  webhook_inactive: {
    status: 409,
    code: 'conflict',
    hint: 'Switch the webhook on first: PATCH it with {"active": true}.',
  },
  webhook_url_refused: {
    status: 422,
    code: 'validation_error',
    hint: 'A webhook URL is public https on port 443 or 8443.',
  },
}
