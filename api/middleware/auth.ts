import { findApiKey, hashApiKey, type ApiKeyRow } from '../../db/api-keys.ts'
import type { Database } from '../../db/client.ts'
import { apiKeyMode, type Mode } from '../../domain/api-key.ts'
import { DomainError } from '../../domain/error.ts'
import type { AgreedLimits } from '../../domain/plan.ts'
import type { Caller } from '../route.ts'

/** Who calls, and which limits were agreed instead of the plan's. */
export type Known = { caller: Caller; agreed: AgreedLimits }

export type Authenticator = {
  /** @throws DomainError `invalid_key`, in the same words whatever is wrong with the key */
  authenticate(authorization: string | undefined): Promise<Known>
  /** Who is known to call without asking the database; null says nothing of the key. */
  recall(authorization: string | undefined): Known | null
}

const CACHE_MS = 1_000 // a revoked key works no longer than this in any process
const CACHE_KEYS_MAX = 10_000

/**
 * Reads `Authorization: Bearer <key>`. Text without a right checksum costs no SQL; a looked-up key,
 * found or not, is remembered for at most a second, and requests that arrive meanwhile share the
 * one statement.
 */
export function createAuthenticator(database: Database): Authenticator {
  const cache = new Map<string, Remembered>()

  function remembered(name: string): Remembered | null {
    const known = cache.get(name)
    return known !== undefined && performance.now() - known.readAtMs < CACHE_MS ? known : null
  }

  function lookUp(key: string): Promise<ApiKeyRow | null> {
    const hash = hashApiKey(key)
    const name = hash.toString('base64')
    const known = remembered(name)
    if (known !== null) return known.row
    cache.delete(name)
    const oldest = cache.size >= CACHE_KEYS_MAX ? cache.keys().next().value : undefined
    if (oldest !== undefined) cache.delete(oldest)
    const row = findApiKey(database.pool, hash)
    const entry: Remembered = { row, found: null, readAtMs: performance.now() }
    cache.set(name, entry)
    row.then(
      (found) => {
        entry.found = found
      },
      // A failed look-up is not an answer: the next request asks again.
      () => cache.delete(name),
    )
    return row
  }

  return {
    async authenticate(authorization) {
      const { key, mode } = readKey(authorization)
      const row = key === null ? null : await lookUp(key)
      const known = row === null ? null : knownBy(row, mode)
      if (known === null) {
        throw new DomainError('invalid_key', 'The API key is missing or not valid.')
      }
      return known
    },
    recall(authorization) {
      const { key, mode } = readKey(authorization)
      const row = key === null ? null : remembered(hashApiKey(key).toString('base64'))?.found
      return row === null || row === undefined ? null : knownBy(row, mode)
    },
  }
}

type Remembered = {
  row: Promise<ApiKeyRow | null>
  /** What `row` came to, once it has. */
  found: ApiKeyRow | null
  readAtMs: number
}

/** The key of an Authorization header; null unless its checksum is right. */
function readKey(authorization: string | undefined) {
  const key = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
  const mode = key === undefined ? null : apiKeyMode(key)
  return { key: key === undefined || mode === null ? null : key, mode }
}

function knownBy(row: ApiKeyRow, mode: Mode | null): Known | null {
  if (row.mode !== mode || row.revoked_at !== null || isExpired(row)) return null
  return { caller: callerOf(row), agreed: agreedLimits(row) }
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
