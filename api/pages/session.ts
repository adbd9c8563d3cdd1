import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ApiKeyRow } from '../../db/api-keys.ts'
import type { Scope } from '../../domain/scope.ts'

/** Pages that are entered together: what their sessions are called and what a key needs for them. */
export type Area = {
  name: 'finance' | 'dashboard'
  /** Every page is below it, and the cookie is sent nowhere else. */
  root: `/${string}`
  /** Where somebody goes who asked for no page. */
  home: string
  scope: Scope
  brand: string
  /** Of the sign-in form. */
  title: string
  lead: string
}

export const FINANCE: Area = {
  name: 'finance',
  root: '/finance',
  home: '/finance',
  scope: 'finance:read',
  brand: 'Bark Finance',
  title: 'Finance',
  lead: 'Purchase orders and invoices of your account.',
}

export const DASHBOARD: Area = {
  name: 'dashboard',
  root: '/dashboard',
  home: '/dashboard/webhooks',
  scope: 'webhooks:read',
  brand: 'Bark Webhooks',
  title: 'Webhooks',
  lead: 'What your endpoints were sent, and what they answered.',
}

/**
 * Who is signed in to an area: a cookie with the hash of an API key and an end, signed. It holds no
 * key, and it is worth nothing when the key is revoked, because each request looks the key up; and
 * nothing in another area.
 */

export const SESSION_SECONDS = 8 * 3600 // a working day
export const sessionCookie = (area: Area) => `bark_${area.name}`

/** The cookie's value. `nowSeconds` is real Unix time. */
export function sealSession(
  area: Area,
  signingKey: Buffer,
  keyHash: Buffer,
  nowSeconds: number,
): string {
  const body = `${keyHash.toString('base64url')}.${nowSeconds + SESSION_SECONDS}`
  return `${body}.${sign(area, signingKey, body)}`
}

/** The hash of the key that signed in, or null for anything but a cookie of ours that still holds. */
export function openSession(
  area: Area,
  signingKey: Buffer,
  cookie: string | undefined,
  nowSeconds: number,
): Buffer | null {
  const [, body, hash, endsAt, signature] =
    /^(([\w-]{43})\.(\d{1,12}))\.([\w-]{43})$/.exec(cookie ?? '') ?? []
  if (body === undefined || hash === undefined || signature === undefined) return null
  const given = Buffer.from(signature)
  const right = Buffer.from(sign(area, signingKey, body))
  if (given.length !== right.length || !timingSafeEqual(given, right)) return null
  return Number(endsAt) > nowSeconds ? Buffer.from(hash, 'base64url') : null
}

/** Why a key does not open an area, in words for its owner; null when it does. */
export function entryRefusal(area: Area, row: ApiKeyRow | null): string | null {
  if (row === null || row.revoked_at !== null || row.expires_at.getTime() <= Date.now()) {
    return 'This API key is not valid. It may have expired or been revoked.'
  }
  if (row.customer_id !== null) {
    return `This API key belongs to one customer. The ${area.name} pages show the whole account.`
  }
  if (!row.scopes.includes(area.scope)) return `This API key has not the scope ${area.scope}.`
  return null
}

function sign(area: Area, signingKey: Buffer, body: string): string {
  return createHmac('sha256', signingKey)
    .update(`bark ${area.name} session\n${body}`)
    .digest('base64url')
}
