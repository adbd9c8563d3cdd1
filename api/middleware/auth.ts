import { findApiKey, hashApiKey, type ApiKeyRow } from '../../db/api-keys.ts'
import type { Database } from '../../db/client.ts'
import { apiKeyMode } from '../../domain/api-key.ts'
import { DomainError } from '../../domain/error.ts'
import type { AgreedLimits } from '../../domain/plan.ts'
import type { Caller } from '../route.ts'

/** Finds who calls, and which limits were agreed instead of the plan's. */
export type Authenticate = (
  authorization: string | undefined,
) => Promise<{ caller: Caller; agreed: AgreedLimits }>

const CACHE_MS = 1_000 // a revoked key works no longer than this in any process
const CACHE_KEYS_MAX = 10_000

/**
 * Reads `Authorization: Bearer <key>`. Text without a right checksum costs no SQL; a looked-up key,
 * found or not, is remembered for at most a second, and requests that arrive meanwhile share the
 * one statement.
 *
 * @throws DomainError `invalid_key`, in the same words whatever is wrong with the key
 */
export function createAuthenticate(database: Database): Authenticate {
  const cache = new Map<string, { row: Promise<ApiKeyRow | null>; readAtMs: number }>()

  function lookUp(key: string): Promise<ApiKeyRow | null> {
    const hash = hashApiKey(key)
    const name = hash.toString('base64')
    const nowMs = performance.now()
    const known = cache.get(name)
    if (known !== undefined && nowMs - known.readAtMs < CACHE_MS) return known.row
    cache.delete(name)
    const oldest = cache.size >= CACHE_KEYS_MAX ? cache.keys().next().value : undefined
    if (oldest !== undefined) cache.delete(oldest)
    const row = findApiKey(database.pool, hash)
    cache.set(name, { row, readAtMs: nowMs })
    // A failed look-up is not an answer: the next request asks again.
    row.catch(() => cache.delete(name))
    return row
  }

  return async (authorization) => {
    const key = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    const mode = key === undefined ? null : apiKeyMode(key)
    const row = key === undefined || mode === null ? null : await lookUp(key)
    if (row === null || row.mode !== mode || row.revoked_at !== null || isExpired(row)) {
      throw new DomainError('invalid_key', 'The API key is missing or not valid.')
    }
    return { caller: callerOf(row), agreed: agreedLimits(row) }
  }
}

/** Real time, also for test accounts: a moved clock must not lock its owner out. */
function isExpired(row: ApiKeyRow): boolean {
  return row.expires_at.getTime() <= Date.now()
}

/** Whom a key stands for. */
export function callerOf(row: ApiKeyRow): Caller {
  return {
    keyId: row.id,
    accountId: row.account_id,
    mode: row.mode,
    customerId: row.customer_id,
    scopes: row.scopes,
    plan: row.plan,
    currency: row.currency,
    timeZone: row.time_zone,
    requireIdempotencyKey: row.require_idempotency_key,
  }
}

/** The limits that were agreed for a key and its organization. */
export function agreedLimits(row: ApiKeyRow): AgreedLimits {
  return {
    perSecond: row.requests_per_second,
    perHour: row.requests_per_hour,
    perDay: row.requests_per_day,
  }
}
