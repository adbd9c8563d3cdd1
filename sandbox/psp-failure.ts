/** What Stripe's `error` object carries. */
export type PspError = {
  type: 'card_error' | 'invalid_request_error' | 'idempotency_error' | 'api_error'
  message: string
  code?: string
  decline_code?: string
  param?: string
  /** Of a declined payment: the whole intent, as it is now. */
  payment_intent?: object
  payment_method?: object | null
}

/** An answer that is an error in Stripe's format. */
export class PspFailure extends Error {
  readonly status: number
  readonly error: PspError

  constructor(status: number, error: PspError) {
    super(error.message)
    this.name = 'PspFailure'
    this.status = status
    this.error = error
  }

  /** A request that cannot be carried out; nothing happened. */
  static invalid(message: string, param?: string, code?: string): PspFailure {
    return new PspFailure(400, {
      type: 'invalid_request_error',
      message,
      ...(code === undefined ? {} : { code }),
      ...(param === undefined ? {} : { param }),
    })
  }

  static missing(noun: string, id: string): PspFailure {
    return new PspFailure(404, {
      type: 'invalid_request_error',
      code: 'resource_missing',
      message: `No such ${noun}: '${id}'`,
      param: 'id',
    })
  }
}
