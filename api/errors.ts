import { sqlState } from '../db/client.ts'
import { DomainError, type DomainReason } from '../domain/error.ts'

/** The sources' closed set of error codes; `reason` holds the exact word. */
export const ERROR_CODES = [
  'authentication_error',
  'authorization_error',
  'validation_error',
  'not_found',
  'rate_limit_exceeded',
  'conflict',
  'server_error',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]
type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 406 | 409 | 412 | 413 | 422 | 429 | 500 | 503

/** What every refusal is over HTTP, and what the client can do about it. */
export const REFUSALS: Readonly<
  Record<DomainReason, { status: ErrorStatus; code: ErrorCode; hint: string }>
> = {
  account_mode_mismatch: {
    status: 403,
    code: 'authorization_error',
    hint: 'Test and live data never meet: use the key of the same mode.',
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
  client_reference_conflict: {
    status: 409,
    code: 'conflict',
    hint: 'A client_reference is unique for ever per customer: use a new one for a new order.',
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
  document_format_unavailable: {
    status: 406,
    code: 'validation_error',
    hint: 'Ask for one of the formats that the invoice lists under documents.',
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
  not_found: {
    status: 404,
    code: 'not_found',
    hint: 'Check the id, and that the key belongs to the account that owns it.',
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
  payment_method_unavailable: {
    status: 422,
    code: 'validation_error',
    hint: 'Leave payment_method out to order on credit.',
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

/** The error object of the sources with its additive members. */
export type ErrorBody = {
  error: {
    code: ErrorCode
    message: string
    details: { field: string; message: string }[]
    request_id: string
    reason: DomainReason
    hint: string
    doc_url: string
  }
}

export type Refusal = { status: ErrorStatus; headers: Record<string, string>; body: ErrorBody }

const RETRY_SECONDS = 1

/** The answer to a refusal. `docsUrl` is where the API lists its errors. */
export function printRefusal(error: DomainError, requestId: string, docsUrl: string): Refusal {
  const { status, code, hint } = REFUSALS[error.reason]
  const retryAfter = error.detail.retryAfterSeconds ?? (status === 503 ? RETRY_SECONDS : undefined)
  return {
    status,
    headers: {
      ...(retryAfter === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfter)) }),
      ...(status === 401 ? { 'WWW-Authenticate': 'Bearer realm="bark"' } : {}),
    },
    body: {
      error: {
        code,
        message: error.message,
        details: (error.detail.fields ?? []).map(({ field, message }) => ({ field, message })),
        request_id: requestId,
        reason: error.reason,
        hint: error.detail.hint ?? hint,
        doc_url: `${docsUrl}#${error.reason}`,
      },
    },
  }
}

/** The same refusal as RFC 9457 problem details. */
export function printProblem(refusal: Refusal): Record<string, unknown> {
  const { message, doc_url, request_id, ...rest } = refusal.body.error
  return {
    type: doc_url,
    title: rest.reason.replaceAll('_', ' '),
    status: refusal.status,
    detail: message,
    instance: request_id,
    code: rest.code,
    reason: rest.reason,
    hint: rest.hint,
    details: rest.details,
    request_id,
  }
}

/** The answer, with its headers, to bytes that Node could not read as an HTTP request. */
export function printUnreadable(nodeCode: string, requestId: string) {
  const message = UNREADABLE[nodeCode] ?? 'The request is not valid HTTP.'
  const { body } = printRefusal(
    new DomainError('invalid_parameter', message),
    requestId,
    '/docs/errors',
  )
  const text = JSON.stringify(body)
  return {
    headers: {
      'Content-Type': 'application/json',
      'Content-Length': String(Buffer.byteLength(text)),
      'X-Request-Id': requestId,
      Connection: 'close',
    },
    body: text,
  }
}

const UNREADABLE: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: 'The request headers are larger than 16 KiB.',
  ERR_HTTP_REQUEST_TIMEOUT: 'The request did not arrive in time.',
}

/** What any thrown value is to the client: a refusal, the database being away, or our mistake. */
export function toDomainError(error: unknown): DomainError {
  if (error instanceof DomainError) return error
  if (isDatabaseAway(error)) {
    return new DomainError('service_unavailable', 'The service cannot answer right now.')
  }
  return new DomainError('unexpected', 'Something went wrong on our side.')
}

// Connection lost, out of resources, being shut down; 25006 is a former primary, 55P03 a lock that
// was not got in time, 40001 and 40P01 a conflict that outlived its retries, 58030 the disk.
const AWAY_STATES = /^(08|53|57)|^(25006|40001|40P01|55P03|58030)$/
const AWAY_ERRNO = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND)$/
const AWAY_MESSAGES =
  /timeout exceeded when trying to connect|Connection terminated|Query read timeout|not queryable/

/** Whether the database could not be reached or had no room; nothing is known to be written. */
export function isDatabaseAway(error: unknown): boolean {
  const state = sqlState(error)
  if (state !== null && AWAY_STATES.test(state)) return true
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError && error.errors.some(isDatabaseAway)) return true
  if ('code' in error && typeof error.code === 'string' && AWAY_ERRNO.test(error.code)) return true
  return AWAY_MESSAGES.test(error.message)
}
