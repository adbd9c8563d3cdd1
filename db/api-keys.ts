import { hash, randomBytes } from 'node:crypto'
import type { Pool } from 'pg'
import { formatApiKey, type Mode } from '../domain/api-key.ts'
import type { Plan } from '../domain/plan.ts'
import type { Scope } from '../domain/scope.ts'
import { sql } from 'kysely'
import { runNamed, type Db } from './client.ts'

/** A key with what the gateway must know of its account. */
export type ApiKeyRow = {
  id: string
  account_id: string
  customer_id: string | null
  scopes: string[]
  requests_per_second: number | null
  /** Agreed with the organization. */
  requests_per_hour: number | null
  requests_per_day: number | null
  expires_at: Date
  revoked_at: Date | null
  mode: Mode
  currency: string
  time_zone: string
  require_idempotency_key: boolean
  plan: Plan
}

const FIND_API_KEY = {
  name: 'find_api_key',
  text: `select k.id, k.account_id, k.customer_id, k.scopes, k.requests_per_second, k.expires_at,
      k.revoked_at, a.mode, a.currency, a.time_zone, a.require_idempotency_key, o.plan,
      o.requests_per_hour, o.requests_per_day
    from api_keys k
    join accounts a on a.id = k.account_id
    join organizations o on o.id = a.organization_id
    where k.hash = $1`,
}

/** Finds a key by its hash; expired and revoked ones too. One statement, on every request's path. */
export async function findApiKey(pool: Pool, keyHash: Buffer): Promise<ApiKeyRow | null> {
  const rows = await runNamed<ApiKeyRow>(pool, FIND_API_KEY, [keyHash])
  return rows[0] ?? null
}

/** SHA-256 of the whole key: the form in which it is stored and looked up. */
export function hashApiKey(key: string): Buffer {
  return hash('sha256', key, 'buffer')
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

/** What people may see of a key. */
export type ListedApiKey = {
  id: string
  name: string
  last4: string
  customer_id: string | null
  scopes: string[]
  created_at: Date
  expires_at: Date
  revoked_at: Date | null
  /** To the minute: each process writes it at most so often. */
  last_used_at: Date | null
  last_used_address: string | null
}

/** All keys of an account, the newest first. */
export async function listApiKeys(db: Db, accountId: string): Promise<ListedApiKey[]> {
  return db
    .selectFrom('api_keys')
    .select(['id', 'name', 'last4', 'customer_id', 'scopes', 'created_at', 'expires_at'])
    .select(['revoked_at', 'last_used_at', 'last_used_address'])
    .where('account_id', '=', accountId)
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute()
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

/** Writes that these keys (id → address) were used now. Later wins, so it is safe to repeat. */
export async function updateKeysLastUsed(db: Db, used: ReadonlyMap<string, string>): Promise<void> {
  await sql`
    update api_keys k set last_used_at = clock_timestamp(), last_used_address = used.address
    from unnest(${[...used.keys()]}::text[], ${[...used.values()]}::text[]) as used (id, address)
    where k.id = used.id and k.id in
      (select id from api_keys where id = any(${[...used.keys()]}::text[]) order by id for update)
  `.execute(db)
}
