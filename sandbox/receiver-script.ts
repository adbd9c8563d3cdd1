import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

/** How one request is answered; 200 with the body `received` where nothing is said. */
export type Answer = {
  status?: number
  headers?: Record<string, string>
  body?: string
  /** Milliseconds before the status line. */
  delay_ms?: number
  /** Hangs up without an answer, or never answers. */
  instead?: 'close' | 'hang'
  /** Bytes to send after `body`: a receiver gone wild. */
  stream_bytes?: number
  /** After `body` one byte at a time, for ever. */
  drip?: boolean
}

/** One answer per request, in order; the last one stays. With the secret, signatures are checked. */
export type Script = { answers: Answer[]; secret?: string }

/** Reads a script from JSON text; null when it is none. */
export function readScript(text: string): Script | null {
  const parsed = parseJson(text)
  return isScript(parsed) ? parsed : null
}

/** Whether X-Webhook-Signature is the hex HMAC-SHA256 of the raw body, as merchants check it. */
export function isSigned(headers: IncomingHttpHeaders, body: string, secret: string): boolean {
  const given = Buffer.from(String(headers['x-webhook-signature'] ?? ''))
  const right = Buffer.from(createHmac('sha256', secret).update(body, 'utf8').digest('hex'))
  return given.length === right.length && timingSafeEqual(given, right)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // not JSON, so not a script: the caller says so
  }
}

function isScript(value: unknown): value is Script {
  if (typeof value !== 'object' || value === null || !('answers' in value)) return false
  const secret = 'secret' in value ? value.secret : undefined
  const isSecret = secret === undefined || typeof secret === 'string'
  return isSecret && Array.isArray(value.answers) && value.answers.every(isAnswer)
}

function isAnswer(value: unknown): value is Answer {
  if (typeof value !== 'object' || value === null) return false
  const known: Record<string, string> = {
    status: 'number',
    headers: 'object',
    body: 'string',
    delay_ms: 'number',
    instead: 'string',
    stream_bytes: 'number',
    drip: 'boolean',
  }
  return Object.entries(value).every(([name, field]) => known[name] === typeof field)
}
