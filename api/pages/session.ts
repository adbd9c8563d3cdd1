import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ApiKeyRow } from '../../db/api-keys.ts'

/**
 * Who is signed in to the finance pages: a cookie with the hash of an API key and an end, signed.
 * It holds no key, and it is worth nothing when the key is revoked, because each request looks the
 * key up.
 */

export const SESSION_SECONDS = 8 * 3600 // a working day
export const SESSION_COOKIE = 'bark_finance'

/** The cookie's value. `nowSeconds` is real Unix time. */
export function sealSession(signingKey: Buffer, keyHash: Buffer, nowSeconds: number): string {
  const body = `${keyHash.toString('base64url')}.${nowSeconds + SESSION_SECONDS}`
  return `${body}.${sign(signingKey, body)}`
}

/** The hash of the key that signed in, or null for anything but a cookie of ours that still holds. */
export function openSession(
  signingKey: Buffer,
  cookie: string | undefined,
  nowSeconds: number,
): Buffer | null {
  const [, body, hash, endsAt, signature] =
    /^(([\w-]{43})\.(\d{1,12}))\.([\w-]{43})$/.exec(cookie ?? '') ?? []
  if (body === undefined || hash === undefined || signature === undefined) return null
  const given = Buffer.from(signature)
  const right = Buffer.from(sign(signingKey, body))
  if (given.length !== right.length || !timingSafeEqual(given, right)) return null
  return Number(endsAt) > nowSeconds ? Buffer.from(hash, 'base64url') : null
}

/** Why a key does not open the finance pages, in words for its owner; null when it does. */
export function financeRefusal(row: ApiKeyRow | null): string | null {
  if (row === null || row.revoked_at !== null || row.expires_at.getTime() <= Date.now()) {
    return 'This API key is not valid. It may have expired or been revoked.'
  }
  if (row.customer_id !== null) {
    return 'This API key belongs to one customer. The finance pages show the whole account.'
  }
  if (!row.scopes.includes('finance:read')) return 'This API key has not the scope finance:read.'
  return null
}

function sign(signingKey: Buffer, body: string): string {
  return createHmac('sha256', signingKey)
    .update(`bark finance session\n${body}`)
    .digest('base64url')
}
