import { sql } from 'kysely'
import type { Pool } from 'pg'
import { DomainError } from '../domain/error.ts'
import type { UnitCounts } from '../domain/order-status.ts'
import type { UnitState } from '../domain/unit.ts'
import { runNamed, type Db } from './client.ts'
import type { Owner } from './purchase-order-views.ts'

/** A unit of a transaction and its code, still sealed; the last seven are null without a code. */
export type UnitCodeRow = {
  unit_id: string
  position: number
  product_id: string
  variant_id: string | null
  sku: string
  /** The unit whose code this one replaces. */
  replaces_unit_id: string | null
  state: UnitState
  reason: string | null
  code_id: string | null
  type: 'code' | 'code_pin' | 'url' | null
  sealed: Buffer | null
  key_version: number | null
  expires_at: Date | null
  activation_at: Date | null
  face_value: string | null
}

const UNIT_CODES = {
  name: 'list_unit_codes',
  text: `
    select u.id as unit_id, u.position, u.product_id, nullif(u.variant_id, '') as variant_id, l.sku,
      u.replaces_unit_id, u.state, u.reason, c.id as code_id, c.type, c.sealed, c.key_version, c.expires_at,
      c.activation_at, c.face_value
    from transactions t
    join units u on u.account_id = t.account_id and u.transaction_id = t.id
    join lines l on l.account_id = u.account_id and l.id = u.line_id
    left join codes c on c.account_id = u.account_id and c.unit_id = u.id
    where t.account_id = $1 and t.id = $2 and ($3::text is null or t.customer_id = $3)
    order by u.position`,
}

/** Every unit of a transaction in stable order. Throws `not_found`. One statement. */
export async function listUnitCodes(
  pool: Pool,
  owner: Owner,
  transactionId: string,
): Promise<UnitCodeRow[]> {
  const rows = await runNamed<UnitCodeRow>(pool, UNIT_CODES, [
    owner.accountId,
    transactionId,
    owner.customerId,
  ])
  // An order has one unit at least.
  if (rows.length === 0) throw new DomainError('not_found', 'No such order')
  return rows
}

/** Who was shown which codes, when and from where. */
export type CodeReveal = {
  accountId: string
  transactionId: string
  keyId: string
  address: string
  requestId: string
  codeIds: string[]
}

const REVEAL = {
  name: 'insert_code_reveal',
  text: `insert into code_reveals (account_id, transaction_id, key_id, address, request_id, code_ids)
    values ($1, $2, $3, $4, $5, $6)`,
}

/** Writes the audit row; it must be there before the answer leaves. Not idempotent: each show counts. */
export async function insertCodeReveal(pool: Pool, reveal: CodeReveal): Promise<void> {
  await runNamed(pool, REVEAL, [
    reveal.accountId,
    reveal.transactionId,
    reveal.keyId,
    reveal.address,
    reveal.requestId,
    reveal.codeIds,
  ])
}

/**
 * The units of many transactions by state, for the one poller that watches them. No owner: the
 * caller has checked each id's owner before it waits, and only counts leave.
 */
export async function listUnitCounts(
  db: Db,
  transactionIds: string[],
): Promise<Map<string, UnitCounts>> {
  const { rows } = await sql<{ transaction_id: string; units: UnitCounts }>`
    select transaction_id, jsonb_object_agg(state, n) as units
    from (
      select transaction_id, state, count(*) as n from units
      where transaction_id = any(${transactionIds}::text[]) group by transaction_id, state
    ) counted group by transaction_id`.execute(db)
  return new Map(rows.map((row) => [row.transaction_id, row.units]))
}
