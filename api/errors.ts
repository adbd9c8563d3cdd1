import { sqlState } from '../db/client.ts'
import { DomainError, type DomainReason, type Refused } from '../domain/error.ts'
import type { ErrorCode, ErrorStatus } from './error-codes.ts'
import { REFUSALS } from './refusals.ts'

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
export function printRefusal(error: Refused, requestId: string, docsUrl: string): Refusal {
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
