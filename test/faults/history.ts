import { request } from 'undici'
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

export type Asking = Pick<Operation, 'name' | 'path'> &
  Partial<Pick<Operation, 'method' | 'key' | 'body'>>

export type HistoryClient = {
  operations: Operation[]
  /** One try. */
  ask(asking: Asking): Promise<Try>
  /** Tries until it is `ok` or `fail`; throws `NotAcknowledged` when neither comes in time. */
  insist(asking: Asking): Promise<Try>
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
  const open = (asking: Asking): Operation => {
    const operation = { method: 'GET' as const, key: null, body: undefined, ...asking, tries: [] }
    operations.push(operation)
    return operation
  }
  return {
    operations,
    ask: (asking) => tryOnce(apiUrl, apiKey, open(asking)),
    async insist(asking) {
      const operation = open(asking)
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
    const response = await request(`${apiUrl}${operation.path}`, {
      method: operation.method,
      reset: true, // a connection per try: a pooled one would hide which request a fault hit
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(operation.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(operation.key === null ? {} : { 'idempotency-key': operation.key }),
      },
      body: operation.body === undefined ? null : JSON.stringify(operation.body),
      signal: AbortSignal.timeout(TRY_MS_MAX),
    })
    const { statusCode, headers } = response
    tried.body = parseJson(await response.body.text())
    tried.status = statusCode // only a whole answer is one
    tried.retryAfter = headers['retry-after']?.toString() ?? null
    tried.replayed = headers['idempotent-replayed'] === 'true'
    tried.outcome = judge(statusCode)
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
