/** Why no whole answer came, in words for the merchant; `docs/webhooks.md` explains each. */
export const DIAL_ERRORS = [
  'address_refused',
  'connection_closed',
  'connection_refused',
  'invalid_answer',
  'name_not_resolved',
  'redirect_not_followed',
  'request_failed',
  'timeout',
  'tls_failed',
  'unreachable',
] as const

export type DialError = (typeof DIAL_ERRORS)[number]

/** The URL or its name leads where no webhook goes. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused'
}

/** The name has no address, or the name servers did not say. */
export class NameLookupFailed extends Error {
  override readonly name = 'NameLookupFailed'
  constructor(hostname: string, cause: unknown) {
    super(`${hostname} could not be looked up`, { cause })
  }
}

const WORDS: Readonly<Record<string, DialError>> = {
  ECONNREFUSED: 'connection_refused',
  ECONNRESET: 'connection_closed',
  EPIPE: 'connection_closed',
  UND_ERR_SOCKET: 'connection_closed',
  ETIMEDOUT: 'timeout',
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_HEADERS_TIMEOUT: 'timeout',
  UND_ERR_BODY_TIMEOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ENOTFOUND: 'name_not_resolved',
  EAI_AGAIN: 'name_not_resolved',
  EPROTO: 'tls_failed',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_failed',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls_failed',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls_failed',
  UNABLE_TO_GET_ISSUER_CERT: 'tls_failed',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls_failed',
  UND_ERR_HEADERS_OVERFLOW: 'invalid_answer',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'invalid_answer',
}

/** The word for whatever a dial threw. What is not known by its code is `request_failed`. */
export function wordFor(error: unknown): DialError {
  if (error instanceof AddressRefused) return 'address_refused'
  if (error instanceof NameLookupFailed) return 'name_not_resolved'
  if (!(error instanceof Error)) return 'request_failed'
  if (error.name === 'TimeoutError' || error.name === 'AbortError') return 'timeout'
  const code = 'code' in error ? String(error.code) : ''
  const word = WORDS[code]
  if (word !== undefined) return word
  if (/^(?:CERT|ERR_TLS|ERR_SSL|CRL|INVALID_CA|PATH_LENGTH|HOSTNAME)_/.test(code))
    return 'tls_failed'
  return error.name === 'HTTPParserError' ? 'invalid_answer' : 'request_failed'
}
