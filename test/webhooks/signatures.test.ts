import { createHmac, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { Webhook } from 'standardwebhooks'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { signatureHeaders } from '../../activities/webhook-signatures.ts'
import { toStandardSecret } from '../../domain/webhook-secret.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

type Headers = Record<string, string>

type Vector = {
  name: string
  /** The live ones, oldest first. */
  secrets: string[]
  signs_with: 'old' | 'new'
  /** The one that the receiver has. */
  verify_with: string
  standard_secret: string
  headers: Headers
  body: string
  /** The receiver's clock, in seconds. */
  now: number
  valid: { x_webhook_signature: boolean; standard_webhooks: boolean }
  why?: string
}

const FIXTURES = new URL('../../sdk/fixtures/webhook-signatures.json', import.meta.url)
const { vectors } = JSON.parse(readFileSync(FIXTURES, 'utf8')) as { vectors: Vector[] }

/** What `docs/webhooks.md` tells merchants to do with the raw body. */
function isSigned(body: string, headers: Headers, secret: string): boolean {
  const right = Buffer.from(createHmac('sha256', secret).update(body).digest('hex'))
  const given = Buffer.from(headers['x-webhook-signature'] ?? '')
  return given.length === right.length && timingSafeEqual(given, right)
}

/** The same by a library that we did not write, at the present (faked) instant. */
function isStandard(body: string, headers: Headers, standardSecret: string): boolean {
  try {
    new Webhook(standardSecret).verify(body, headers, { jsonParse: false })
    return true
  } catch {
    return false
  }
}

describe('the vectors that every SDK verifies, made by another implementation', () => {
  test.each(vectors)('$name', (vector) => {
    vi.setSystemTime(vector.now * 1_000)
    expect(vector.standard_secret).toBe(toStandardSecret(vector.verify_with))
    expect({
      x_webhook_signature: isSigned(vector.body, vector.headers, vector.verify_with),
      standard_webhooks: isStandard(vector.body, vector.headers, vector.standard_secret),
    }).toEqual(vector.valid)
  })

  const untouched = vectors.filter(
    (vector) => vector.why === undefined || vector.secrets.length > 1,
  )
  test.each(untouched)('we sign as the vector says: $name', (vector) => {
    const message = {
      eventId: vector.headers['webhook-id'] ?? '',
      timestampSeconds: Number(vector.headers['webhook-timestamp']),
      body: vector.body,
    }
    expect(
      signatureHeaders(message, { secrets: vector.secrets, signsWith: vector.signs_with }),
    ).toEqual(vector.headers)
  })
})

describe('random payloads and secrets', () => {
  const secret = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 16, maxLength: 64 }),
    fc
      .uint8Array({ minLength: 12, maxLength: 42 })
      .map((bytes) => `whsec_${Buffer.from(bytes).toString('base64')}`),
  )
  const body = fc.oneof(fc.json(), fc.string({ unit: 'binary', maxLength: 4_000 }))
  const now = 1_790_000_000

  test('both signatures verify, 1,500 times, whichever way a whsec_ secret is read', () => {
    vi.setSystemTime(now * 1_000)
    let count = 0
    fc.assert(
      fc.property(body, secret, (text, key) => {
        const message = { eventId: 'evt_1', timestampSeconds: now, body: text }
        const headers = signatureHeaders(message, { secrets: [key], signsWith: 'old' })
        const wrapped = `whsec_${Buffer.from(key, 'utf8').toString('base64')}`
        expect(isSigned(text, headers, key)).toBe(true)
        expect(isStandard(text, headers, toStandardSecret(key))).toBe(true)
        expect(isStandard(text, headers, wrapped)).toBe(true)
        count += 1
      }),
      { numRuns: 1_500 },
    )
    expect(count).toBe(1_500)
  })

  test('nothing that was tampered with verifies', () => {
    vi.setSystemTime(now * 1_000)
    fc.assert(
      fc.property(body, secret, secret, fc.nat(), (text, key, otherKey, position) => {
        fc.pre(key !== otherKey)
        const message = { eventId: 'evt_1', timestampSeconds: now, body: text }
        const headers = signatureHeaders(message, { secrets: [key], signsWith: 'old' })
        const at = position % (text.length + 1)
        const tampered = `${text.slice(0, at)}!${text.slice(at)}`
        expect(isSigned(tampered, headers, key)).toBe(false)
        expect(isStandard(tampered, headers, toStandardSecret(key))).toBe(false)
        expect(isSigned(text, headers, otherKey)).toBe(false)
        expect(isStandard(text, headers, toStandardSecret(otherKey))).toBe(false)
        vi.setSystemTime((now + 301) * 1_000)
        expect(isStandard(text, headers, toStandardSecret(key))).toBe(false)
        vi.setSystemTime(now * 1_000)
      }),
      { numRuns: 300 },
    )
  })
})

test('without a secret nothing is signed', () => {
  const message = { eventId: 'evt_1', timestampSeconds: 1, body: '' }
  expect(() => signatureHeaders(message, { secrets: [], signsWith: 'old' })).toThrow(/cannot sign/)
})
