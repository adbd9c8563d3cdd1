import { sql } from 'kysely'
import type { Money } from '../domain/money.ts'
import type { QuarantineReason } from '../domain/sourcing.ts'
import type { Tx } from './client.ts'

/** A code encrypted for its id. The plain text never comes into `db/`. */
export type SealedCode = {
  id: string
  type: 'code' | 'code_pin' | 'url'
  sealed: Buffer
  keyVersion: number
  blindIndex: Buffer
  last4: string
  expiresAt: Date | null
  activationAt: Date | null
  faceValue: string | null
}

/** Where a new code goes: into the own pool, to a unit, or into quarantine. */
export type NewCode = {
  code: SealedCode
  productId: string
  /** '' for the product itself. */
  variantId: string
  /** Who sold it, under which of our references, for how much; null when it was imported. */
  supply: { supplierId: string; reference: string; cost: Money | null } | null
  place: { unitId: string } | { quarantine: QuarantineReason } | 'pool'
}

/**
 * Stores codes in one statement and answers the ids of those that are stored. A code whose secret
 * is stored already, or comes twice here, is left out: one secret is one row for ever. Where a
 * secret comes twice, the row for a unit goes first.
 */
export async function insertNewCodes(
  tx: Tx,
  accountId: string,
  codes: NewCode[],
  now: Date,
): Promise<Set<string>> {
  if (codes.length === 0) return new Set()
  const column = <T>(read: (one: NewCode) => T): T[] => codes.map(read)
  const { rows } = await sql<{ id: string }>`
    insert into codes (id, account_id, product_id, variant_id, type, sealed, key_version, blind_index,
      last4, expires_at, activation_at, face_value, supplier_id, supplier_reference, cost_minor, cost_currency, unit_id,
      allocated_at, quarantined_at, quarantine_reason)
    select n.id, ${accountId}, n.product_id, n.variant_id, n.type, n.sealed, n.key_version,
      n.blind_index, n.last4, n.expires_at, n.activation_at, n.face_value, n.supplier_id, n.reference,
      n.cost_minor, n.cost_currency, n.unit_id, case when n.unit_id is not null then ${now}::timestamptz end,
      case when n.quarantine is not null then ${now}::timestamptz end, n.quarantine
    from unnest(${column(({ code }) => code.id)}::text[], ${column((one) => one.productId)}::text[],
      ${column((one) => one.variantId)}::text[], ${column(({ code }) => code.type)}::text[],
      ${column(({ code }) => code.sealed)}::bytea[], ${column(({ code }) => code.keyVersion)}::smallint[],
      ${column(({ code }) => code.blindIndex)}::bytea[], ${column(({ code }) => code.last4)}::text[],
      ${column(({ code }) => code.expiresAt)}::timestamptz[],
      ${column(({ code }) => code.activationAt)}::timestamptz[],
      ${column(({ code }) => code.faceValue)}::text[],
      ${column(({ supply }) => supply?.supplierId ?? null)}::text[],
      ${column(({ supply }) => supply?.reference ?? null)}::text[],
      ${column(({ supply }) => supply?.cost?.minor.toString() ?? null)}::bigint[],
      ${column(({ supply }) => supply?.cost?.currency ?? null)}::text[],
      ${column(({ place }) => (typeof place === 'object' && 'unitId' in place ? place.unitId : null))}::text[],
      ${column(({ place }) => (typeof place === 'object' && 'quarantine' in place ? place.quarantine : null))}::text[])
      as n (id, product_id, variant_id, type, sealed, key_version, blind_index, last4, expires_at,
        activation_at, face_value, supplier_id, reference, cost_minor, cost_currency, unit_id, quarantine)
    order by n.blind_index, n.quarantine nulls first
    on conflict (blind_index) do nothing returning id`.execute(tx)
  const pooled = codes.filter(({ place }) => place === 'pool')
  if (pooled.length > 0) await insertStockLevels(tx, accountId, pooled)
  return new Set(rows.map((row) => row.id))
}

/** Whatever was ever in the pool has a level from then on (`db/stock-levels.ts`). */
export async function insertStockLevels(
  tx: Tx,
  accountId: string,
  items: readonly { productId: string; variantId: string }[],
): Promise<void> {
  await sql`
    insert into stock_levels (account_id, product_id, variant_id)
    select distinct ${accountId}, n.product_id, n.variant_id
    from unnest(${items.map((one) => one.productId)}::text[],
      ${items.map((one) => one.variantId)}::text[]) as n (product_id, variant_id)
    order by 2, 3 on conflict do nothing`.execute(tx)
}

/** The instant that a code must outlive to be given to anybody at `now` (`code_outlives`). */
export async function getCodeOutlive(tx: Tx, accountId: string, now: Date): Promise<Date> {
  const { rows } = await sql<{ outlive: Date }>`
    select code_outlives(${accountId}, ${now}) as outlive`.execute(tx)
  const row = rows[0]
  if (row === undefined) throw new Error(`No account ${accountId}`)
  return row.outlive
}
