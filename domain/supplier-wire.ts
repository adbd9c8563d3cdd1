/**
 * What is signed between Bark and a supplier that is connected by configuration
 * (`docs/suppliers.md`). Pure texts: who holds the secret makes the HMAC-SHA256 of them.
 */

/** Headers in lower case, as Node gives them. */
export const SUPPLIER_HEADERS = {
  timestamp: 'x-bark-timestamp',
  requestId: 'x-bark-request-id',
  signature: 'x-bark-signature',
  answerSignature: 'x-supplier-signature',
} as const

/** A supplier refuses a request whose clock differs by more, so an old one is not played again. */
export const SUPPLIER_CLOCK_SECONDS_MAX = 300

export const SUPPLIER_SECRET_CHARACTERS_MIN = 16
export const SUPPLIER_SECRET_CHARACTERS_MAX = 200

export type SignedSupplierRequest = {
  /** With its query, as it stands in the request line. */
  path: string
  /** Seconds since 1970 in UTC, in decimal digits. */
  timestamp: string
  requestId: string
  body: string
}

/** What a request's signature is made of; every request is a POST. */
export function supplierRequestText(request: SignedSupplierRequest): string {
  return ['v1', 'POST', request.path, request.timestamp, request.requestId, request.body].join('\n')
}

/**
 * What an answer's signature is made of. It holds the signature of the request, so that an answer
 * fits one request only and an old one cannot be played again.
 */
export function supplierAnswerText(answer: {
  status: number
  requestSignature: string
  body: string
}): string {
  return ['v1', String(answer.status), answer.requestSignature, answer.body].join('\n')
}
