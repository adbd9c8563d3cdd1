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
/** Every status that a refusal can have. */
export type ErrorStatus =
  400 | 401 | 403 | 404 | 405 | 406 | 409 | 412 | 413 | 422 | 429 | 500 | 503
