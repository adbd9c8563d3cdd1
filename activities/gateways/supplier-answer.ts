import { FACE_VALUE_LETTERS_MAX } from '../../domain/code-import.ts'
import { isCurrency, parseDecimal, type Money } from '../../domain/money.ts'
import type {
  SoldCode,
  SupplierAnswer,
  SupplierClaimResult,
  SupplierOffer,
  SupplierQuote,
  SupplierResult,
} from './code-supplier.ts'

/**
 * What the JSON of a supplier means; the words of `docs/suppliers.md`. Whatever is missing or not
 * understood is `unknown`, never lost and never believed.
 */

const INSTRUCTIONS_LETTERS_MAX = 2_000

/** An answer that may be believed. `body` is null for what is not JSON. */
export type SupplierAnswered = {
  kind: 'answered'
  status: number
  body: unknown
  retryAfterSeconds: number | null
}
export type SupplierTransport =
  SupplierAnswered | { kind: 'not_sent' | 'lost' | 'disbelieved'; said: string }

/** An order: refused as a whole, or not sent at all, is a definite `not_placed`. */
export function readOrder(references: string[], reply: SupplierTransport): SupplierAnswer {
  if (reply.kind === 'not_sent') return allOf(references, 'not_placed', reply.said)
  if (reply.kind === 'answered' && reply.status >= 400 && reply.status < 500) {
    const { status, retryAfterSeconds } = reply
    return {
      ...allOf(references, 'not_placed', `HTTP ${status}`, retryAfterSeconds),
      reached: true,
    }
  }
  return readItems(references, reply)
}

/** One result per asked reference, for questions and cancellations too. */
export function readItems(references: string[], reply: SupplierTransport): SupplierAnswer {
  if (reply.kind !== 'answered') return allOf(references, 'unknown', reply.said)
  const items = isOk(reply.status) ? field(reply.body, 'items') : undefined
  if (!Array.isArray(items)) return allOf(references, 'unknown', notUnderstood(reply))
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
  return { results, surplus, said: `HTTP ${reply.status}`, reached: true }
}

/** What it sells; an SKU that it does not name, or not understandably, it does not sell. */
export function readQuote(skus: string[], reply: SupplierTransport): SupplierQuote {
  if (reply.kind !== 'answered') return { offers: [], said: reply.said, reached: false }
  const items = isOk(reply.status) ? field(reply.body, 'items') : undefined
  if (!Array.isArray(items)) return { offers: [], said: notUnderstood(reply), reached: false }
  const offers = items.flatMap((item): SupplierOffer[] => {
    const sku = textOf(item, 'sku')
    if (sku === null || !skus.includes(sku)) return []
    const available = field(item, 'available')
    const count = typeof available === 'number' && available >= 0 ? Math.floor(available) : null
    return [{ sku, available: count, cost: readCost(item) }]
  })
  return { offers, said: `HTTP ${reply.status}`, reached: true }
}

/** A 404 or 501 says that there is no such way; any other 4xx that the claim is not taken. */
export function readClaim(reply: SupplierTransport): SupplierClaimResult {
  if (reply.kind !== 'answered') return unknownClaim(reply.said, false)
  const said = `HTTP ${reply.status}`
  if (reply.status === 404 || reply.status === 501)
    return { state: 'unsupported', said, reached: true }
  if (reply.status === 429) {
    return { state: 'unknown', retryAfterSeconds: reply.retryAfterSeconds, said, reached: true }
  }
  if (reply.status >= 400 && reply.status < 500) return { state: 'rejected', said, reached: true }
  const state = isOk(reply.status) ? textOf(reply.body, 'state') : null
  switch (state ?? '') {
    case 'replaced': {
      const code = readCode(reply.body)
      return code === null
        ? unknownClaim(`${said}, a code that cannot be read`, true)
        : { state: 'replaced', code, said, reached: true }
    }
    case 'refunded':
    case 'rejected':
    case 'unsupported':
      return { state: claimWord(state), said: `${said}, ${state}`, reached: true }
    case 'processing': {
      const retryAfterSeconds = numberOf(reply.body, 'retry_after_seconds')
      return { state: 'processing', retryAfterSeconds, said: `${said}, processing`, reached: true }
    }
    default:
      return unknownClaim(notUnderstood(reply), isOk(reply.status))
  }
}

function claimWord(state: string | null): 'refunded' | 'rejected' | 'unsupported' {
  if (state === 'refunded' || state === 'rejected') return state
  return 'unsupported'
}

function unknownClaim(said: string, reached: boolean): SupplierClaimResult {
  return { state: 'unknown', retryAfterSeconds: null, said, reached }
}

/** Null for what is not JSON; the parser's message would quote the text, which may hold codes. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Seconds of a `Retry-After` header, or null. */
export function readRetryAfter(header: string | string[] | undefined): number | null {
  const seconds = Number(header ?? Number.NaN)
  return seconds >= 0 ? seconds : null
}

function allOf(
  references: string[],
  state: 'not_placed' | 'unknown',
  said: string,
  retryAfterSeconds: number | null = null,
): SupplierAnswer {
  const results = references.map((reference) => ({ reference, state, retryAfterSeconds }))
  return { results, surplus: [], said, reached: false }
}

function isOk(status: number): boolean {
  return status >= 200 && status < 300
}

function notUnderstood({ status, body }: SupplierAnswered): string {
  return `HTTP ${status}${isOk(status) && body !== null ? ', not understood' : ''}`
}

function readItem(item: unknown): SupplierResult | null {
  const reference = textOf(item, 'reference')
  if (reference === null) return null
  const retryAfterSeconds = numberOf(item, 'retry_after_seconds')
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
  const expiresAt = instantOf(item, 'expires_at')
  const activationAt = instantOf(item, 'activation_at')
  if (expiresAt === 'unreadable' || activationAt === 'unreadable') return null
  return {
    type: typeOf(secret),
    secret,
    expiresAt,
    activationAt,
    faceValue: shortText(item, 'face_value', FACE_VALUE_LETTERS_MAX),
    redeemInstructions: shortText(item, 'redeem_instructions', INSTRUCTIONS_LETTERS_MAX),
    cost: readCost(item),
  }
}

function typeOf(secret: SoldCode['secret']): SoldCode['type'] {
  if (secret.code === null) return 'url'
  return secret.pin === null ? 'code' : 'code_pin'
}

function instantOf(item: unknown, name: string): Date | null | 'unreadable' {
  const text = textOf(item, name)
  if (text === null) return null
  const at = new Date(text)
  return Number.isNaN(at.getTime()) ? 'unreadable' : at
}

/** Cut where it is too long: what is said beside a code is not worth losing the code for. */
function shortText(item: unknown, name: string, lettersMax: number): string | null {
  return textOf(item, name)?.replaceAll('\0', '').slice(0, lettersMax) || null
}

/** Null also for an amount that is not one: a price is not worth losing a code for. */
function readCost(item: unknown): Money | null {
  const amount = textOf(item, 'cost')
  const currency = textOf(item, 'currency')
  if (amount === null || currency === null || !isCurrency(currency)) return null
  if (!/^\d{1,12}(\.\d{1,4})?$/.test(amount)) return null
  try {
    return { minor: parseDecimal(amount, currency), currency }
  } catch {
    return null
  }
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

function numberOf(value: unknown, name: string): number | null {
  const found = field(value, name)
  return typeof found === 'number' ? found : null
}
