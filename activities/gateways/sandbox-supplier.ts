import { Agent, request } from 'undici'
import {
  SUPPLIER_CALL_SECONDS_MAX,
  type CodeSupplier,
  type SoldCode,
  type SupplierAnswer,
  type SupplierContext,
  type SupplierResult,
} from './code-supplier.ts'

const CONNECT_MS_MAX = 2_000 // loopback or one region: longer means that nobody is there
const CALL_MS_MAX = SUPPLIER_CALL_SECONDS_MAX * 1_000
const ANSWER_BYTES_MAX = 1_024 * 1_024 // 200 items are about 30 KiB

/** Errors of the phase before any byte of a request is written: the order was certainly not sent. */
const NOT_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH'])

/** What came back, before it is understood. A body is only there with a 2xx. */
type Reply =
  { kind: 'answered'; status: number; body: unknown; retryAfterSeconds: number | null } | Silence
type Silence = { kind: 'not_sent' | 'lost'; said: string }

/**
 * The sandbox supplier's side of the port (`docs/suppliers.md` describes the wire). It has its own
 * connections, one at a time per request, and retries nothing: who asks again decides that.
 */
export function createSandboxSupplier(options: { url: string }): CodeSupplier {
  const agent = new Agent({
    connect: { timeout: CONNECT_MS_MAX },
    connections: 16,
    pipelining: 1,
    headersTimeout: CALL_MS_MAX,
    bodyTimeout: CALL_MS_MAX,
    keepAliveTimeout: 1_000, // shorter than the server's, so that no order meets a closing socket
    maxResponseSize: ANSWER_BYTES_MAX,
  })
  return {
    async order(items, context) {
      const references = items.map((item) => item.reference)
      const reply = await call(agent, `${options.url}/orders`, context, JSON.stringify({ items }))
      if (reply.kind === 'not_sent') return allOf(references, 'not_placed', reply.said)
      // Refused as a whole (too fast, malformed, busy): a definite answer, nothing was placed.
      if (reply.kind === 'answered' && reply.status >= 400 && reply.status < 500) {
        return allOf(references, 'not_placed', `HTTP ${reply.status}`, reply.retryAfterSeconds)
      }
      return readAnswer(references, reply)
    },
    async status(references, context) {
      const query = references.map((reference) => `reference=${encodeURIComponent(reference)}`)
      const reply = await call(agent, `${options.url}/orders?${query.join('&')}`, context, null)
      return readAnswer(references, reply)
    },
    close: () => agent.close(),
  }
}

async function call(
  agent: Agent,
  url: string,
  context: SupplierContext,
  body: string | null,
): Promise<Reply> {
  try {
    const response = await request(url, {
      dispatcher: agent,
      method: body === null ? 'GET' : 'POST',
      headers: {
        accept: 'application/json',
        'x-sandbox-time': context.now.toISOString(),
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      },
      body,
      signal: AbortSignal.timeout(CALL_MS_MAX),
    })
    const text = await response.body.text()
    const ok = response.statusCode >= 200 && response.statusCode < 300
    const retryAfter = Number(response.headers['retry-after'] ?? Number.NaN)
    return {
      kind: 'answered',
      status: response.statusCode,
      body: ok ? parseJson(text) : null,
      retryAfterSeconds: retryAfter >= 0 ? retryAfter : null,
    }
  } catch (error) {
    return silence(error)
  }
}

/** A failure of the network in words without anything of a body. */
function silence(error: unknown): Silence {
  const code = errorCode(error)
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || NOT_SENT.has(code)) {
    return { kind: 'not_sent', said: `no connection (${code})` }
  }
  const timedOut = code.includes('TIMEOUT') || code === 'TimeoutError'
  return {
    kind: 'lost',
    said: timedOut ? `no answer in ${SUPPLIER_CALL_SECONDS_MAX} s` : `connection lost (${code})`,
  }
}

function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if ('code' in error && typeof error.code === 'string') return error.code
  return error.name
}

/** Null for what is not JSON; the parser's message would quote the text, which may hold codes. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function allOf(
  references: string[],
  state: 'not_placed' | 'unknown',
  said: string,
  retryAfterSeconds: number | null = null,
): SupplierAnswer {
  const results = references.map((reference) => ({ reference, state, retryAfterSeconds }))
  return { results, surplus: [], said }
}

/** One result per asked reference: what is missing or not understood is `unknown`, never lost. */
function readAnswer(references: string[], reply: Reply): SupplierAnswer {
  if (reply.kind !== 'answered') return allOf(references, 'unknown', reply.said)
  const items = field(reply.body, 'items')
  if (!Array.isArray(items)) {
    const said = reply.body === null ? '' : ', not understood'
    return allOf(references, 'unknown', `HTTP ${reply.status}${said}`)
  }
  const found = new Map<string, SupplierResult>()
  const surplus: SupplierAnswer['surplus'] = []
  const asked = new Set(references)
  for (const item of items) {
    const result = readItem(item)
    if (result === null) continue
    if (asked.has(result.reference) && !found.has(result.reference)) {
      found.set(result.reference, result)
    } else if (result.state === 'delivered') {
      surplus.push({ reference: result.reference, code: result.code })
    }
  }
  const results = references.map(
    (reference): SupplierResult =>
      found.get(reference) ?? { reference, state: 'unknown', retryAfterSeconds: null },
  )
  return { results, surplus, said: `HTTP ${reply.status}` }
}

function readItem(item: unknown): SupplierResult | null {
  const reference = textOf(item, 'reference')
  if (reference === null) return null
  const retryAfter = field(item, 'retry_after_seconds')
  const retryAfterSeconds = typeof retryAfter === 'number' ? retryAfter : null
  switch (textOf(item, 'state') ?? '') {
    case 'delivered': {
      const code = readCode(item)
      // Paid for and not readable: asked again, and in the end a person's matter.
      return code === null
        ? { reference, state: 'unknown', retryAfterSeconds }
        : { reference, state: 'delivered', code }
    }
    case 'processing':
      return { reference, state: 'processing', retryAfterSeconds }
    case 'none':
      return { reference, state: 'none', retryAfterSeconds }
    case 'not_found':
      return { reference, state: 'not_placed', retryAfterSeconds: 0 }
    default:
      return { reference, state: 'unknown', retryAfterSeconds }
  }
}

/** All code fields are texts (leading zeros count); no expiry is null. */
function readCode(item: unknown): SoldCode | null {
  const secret = {
    code: textOf(item, 'code'),
    pin: textOf(item, 'pin'),
    serial: textOf(item, 'serial'),
    url: textOf(item, 'url'),
  }
  if (secret.code === null && secret.url === null) return null
  const expiry = textOf(item, 'expires_at')
  const expiresAt = expiry === null ? null : new Date(expiry)
  if (expiresAt !== null && Number.isNaN(expiresAt.getTime())) return null
  if (secret.code === null) return { type: 'url', secret, expiresAt }
  return { type: secret.pin === null ? 'code' : 'code_pin', secret, expiresAt }
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  const found: unknown = Object.getOwnPropertyDescriptor(value, name)?.value
  return found
}

/** A text that is not empty, or null. */
function textOf(value: unknown, name: string): string | null {
  const found = field(value, name)
  return typeof found === 'string' && found !== '' ? found : null
}
