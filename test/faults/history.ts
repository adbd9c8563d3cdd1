import { pause } from './mortal.ts'

/**
 * What a client did and what it was told, in the manner of Jepsen: each try is `ok`, `fail`
 * (definitely nothing happened) or `unknown` (anything may have happened; it is tried again under
 * the same key). The checker holds this against what the other sources say.
 */
export type Outcome = 'ok' | 'fail' | 'unknown'

export type Try = {
  /** Real time, in milliseconds. */
  startedAt: number
  tookMs: number
  outcome: Outcome
  /** Null when no whole answer came. */
  status: number | null
  body: unknown
  retryAfter: string | null
  replayed: boolean
  /** Why there was no answer. */
  error: string | null
}

export type Operation = {
  /** What it is in the story, such as `order B`. */
  name: string
  method: 'GET' | 'POST'
  path: string
  /** The Idempotency-Key of every try; null for reads. */
  key: string | null
  body: unknown
  tries: Try[]
}

export type Request = Pick<Operation, 'name' | 'path'> &
  Partial<Pick<Operation, 'method' | 'key' | 'body'>>

export type HistoryClient = {
  operations: Operation[]
  /** One try. */
  ask(request: Request): Promise<Try>
  /** Tries until it is `ok` or `fail`; throws `NotAcknowledged` when neither comes in time. */
  insist(request: Request): Promise<Try>
}

/** No definite answer within the time in which everything must have healed. */
export class NotAcknowledged extends Error {
  readonly operation: Operation
  constructor(operation: Operation) {
    const last = operation.tries.at(-1)
    super(`${operation.name}: no definite answer, last ${last?.status ?? last?.error}`)
    this.name = 'NotAcknowledged'
    this.operation = operation
  }
}

const TRY_MS_MAX = 5_000
const INSIST_MS_MAX = 90_000
const RETRY_MS = 100

/** A client with a key that writes down everything. */
export function openHistory(apiUrl: string, apiKey: string): HistoryClient {
  const operations: Operation[] = []
  const open = (request: Request): Operation => {
    const operation = { method: 'GET' as const, key: null, body: undefined, ...request, tries: [] }
    operations.push(operation)
    return operation
  }
  return {
    operations,
    ask: (request) => tryOnce(apiUrl, apiKey, open(request)),
    async insist(request) {
      const operation = open(request)
      const until = Date.now() + INSIST_MS_MAX
      for (;;) {
        const tried = await tryOnce(apiUrl, apiKey, operation)
        if (tried.outcome !== 'unknown') return tried
        if (Date.now() > until) throw new NotAcknowledged(operation)
        await pause(RETRY_MS)
      }
    },
  }
}

async function tryOnce(apiUrl: string, apiKey: string, operation: Operation): Promise<Try> {
  const startedAt = Date.now()
  const tried: Try = {
    startedAt,
    tookMs: 0,
    outcome: 'unknown',
    status: null,
    body: undefined,
    retryAfter: null,
    replayed: false,
    error: null,
  }
  operation.tries.push(tried)
  try {
    const response = await fetch(`${apiUrl}${operation.path}`, {
      method: operation.method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        connection: 'close', // a pooled connection would hide which request a fault hit
        ...(operation.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(operation.key === null ? {} : { 'idempotency-key': operation.key }),
      },
      ...(operation.body === undefined ? {} : { body: JSON.stringify(operation.body) }),
      signal: AbortSignal.timeout(TRY_MS_MAX),
    })
    const text = await response.text()
    tried.status = response.status
    tried.body = parseJson(text)
    tried.retryAfter = response.headers.get('retry-after')
    tried.replayed = response.headers.get('idempotent-replayed') === 'true'
    tried.outcome = judge(response.status)
  } catch (error) {
    tried.error = describe(error)
  }
  tried.tookMs = Date.now() - startedAt
  return tried
}

/** 409 may say that the first request still runs, 429 and 5xx say nothing about it at all. */
function judge(status: number): Outcome {
  if (status >= 200 && status <= 299) return 'ok'
  return status === 409 || status === 429 || status >= 500 ? 'unknown' : 'fail'
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text // a document, or nothing
  }
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ''
  return `${error.name}: ${error.message}${cause}`
}
