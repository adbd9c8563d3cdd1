import { createHash, randomBytes } from 'node:crypto'
import type { Pool } from 'pg'
import { formatApiKey, type Mode } from '../domain/api-key.ts'
import type { Scope } from '../domain/scope.ts'
import { runNamed, type Db } from './client.ts'
import type { Organizations } from './tables.ts'

/** A key with what the gateway must know of its account. */
export type ApiKeyRow = {
  id: string
  account_id: string
  customer_id: string | null
  scopes: string[]
  requests_per_second: number | null
  expires_at: Date
  revoked_at: Date | null
  mode: Mode
  currency: string
  time_zone: string
  require_idempotency_key: boolean
  plan: Organizations['plan']
}

const FIND_API_KEY = {
  name: 'find_api_key',
  text: `select k.id, k.account_id, k.customer_id, k.scopes, k.requests_per_second, k.expires_at,
      k.revoked_at, a.mode, a.currency, a.time_zone, a.require_idempotency_key, o.plan
    from api_keys k
    join accounts a on a.id = k.account_id
    join organizations o on o.id = a.organization_id
    where k.hash = $1`,
}

/** Finds a key by its hash; expired and revoked ones too. One statement, on every request's path. */
export async function findApiKey(pool: Pool, hash: Buffer): Promise<ApiKeyRow | null> {
  const rows = await runNamed<ApiKeyRow>(pool, FIND_API_KEY, [hash])
  return rows[0] ?? null
}

/** SHA-256 of the whole key: the form in which it is stored and looked up. */
export function hashApiKey(key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

const LIFETIME_DAYS = 90 // the sources' rotation period

/**
 * Makes a key. The text is returned once and stored nowhere; a lost key is replaced, not found.
 * Not repeatable: each call makes another one.
 */
export async function insertApiKey(
  db: Db,
  key: {
    id: string
    accountId: string
    mode: Mode
    name: string
    scopes: readonly Scope[]
    /** The one customer the key shall see. */
    customerId?: string
    requestsPerSecond?: number
    expiresAt?: Date
  },
): Promise<string> {
  const text = formatApiKey(key.mode, randomBytes(40))
  const lifetimeMs = LIFETIME_DAYS * 86_400_000
  await db
    .insertInto('api_keys')
    .values({
      id: key.id,
      account_id: key.accountId,
      name: key.name,
      hash: hashApiKey(text),
      last4: text.slice(-4),
      scopes: [...key.scopes],
      customer_id: key.customerId ?? null,
      requests_per_second: key.requestsPerSecond ?? null,
      expires_at: key.expiresAt ?? new Date(Date.now() + lifetimeMs),
    })
    .execute()
  return text
}

/** Ends a key; every process refuses it within a second. Safe to repeat. */
export async function revokeApiKey(db: Db, accountId: string, id: string): Promise<void> {
  await db
    .updateTable('api_keys')
    .set({ revoked_at: new Date() })
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .execute()
}
