import { sql } from 'kysely'
import type { QuarantineReason } from '../domain/sourcing.ts'
import type { Db } from './client.ts'
import { listPage, newestFirst, type PageRequest, type RowsPage } from './keyset.ts'

/** What is in the own pool besides what can be sold: how old it is, what expires, what was kept aside. */

export type QuarantinedCodeRow = {
  id: string
  product_id: string
  variant_id: string
  quarantine_reason: QuarantineReason
  quarantined_at: Date
  supplier_id: string | null
  supplier_reference: string | null
  last4: string
  cost_minor: bigint | null
  cost_currency: string | null
}

/** Codes that were paid for and are issued to nobody, the latest first. */
export async function listQuarantinedCodes(
  db: Db,
  accountId: string,
  filter: { supplierId?: string; reason?: QuarantineReason },
  page: PageRequest,
): Promise<RowsPage<QuarantinedCodeRow>> {
  let query = db
    .selectFrom('codes')
    .where('account_id', '=', accountId)
    .where('quarantined_at', 'is not', null)
    .select(['id', 'product_id', 'variant_id', 'supplier_id', 'supplier_reference', 'last4'])
    .select(['cost_minor', 'cost_currency'])
    .select([
      sql<QuarantineReason>`quarantine_reason`.as('quarantine_reason'),
      sql<Date>`quarantined_at`.as('quarantined_at'),
    ])
  if (filter.supplierId !== undefined) query = query.where('supplier_id', '=', filter.supplierId)
  if (filter.reason !== undefined) query = query.where('quarantine_reason', '=', filter.reason)
  return listPage(db, query, newestFirst(), page)
}

export type CodeStockRow = {
  product_id: string
  /** '' for the product itself. */
  variant_id: string
  sku: string
  available: number
  /** Of the available ones. */
  within_7_days: number
  within_30_days: number
  /** Not sold and not to be sold any more: expired, or soon. */
  expired: number
  quarantined: number
  /** When the oldest available one came into the pool, and when the first one expires. */
  oldest_at: Date | null
  first_expiry_at: Date | null
}

/** Age and expiry of what has not been issued, by product and variant. Reads every such code. */
export async function listCodeStock(
  db: Db,
  accountId: string,
  page: PageRequest,
): Promise<RowsPage<CodeStockRow>> {
  const good = sql`c.quarantined_at is null and coalesce(c.expires_at, 'infinity') > clock.outlive`
  const query = db
    .selectFrom(
      sql<CodeStockRow>`(
        select c.product_id, c.variant_id, max(coalesce(v.sku, p.sku)) as sku,
          count(*) filter (where ${good})::integer as available,
          count(*) filter (where ${good} and c.expires_at <= clock.now + interval '7 days')::integer
            as within_7_days,
          count(*) filter (where ${good} and c.expires_at <= clock.now + interval '30 days')::integer
            as within_30_days,
          count(*) filter (where c.quarantined_at is null and c.expires_at <= clock.outlive)::integer
            as expired,
          count(*) filter (where c.quarantined_at is not null)::integer as quarantined,
          min(c.created_at) filter (where ${good}) as oldest_at,
          min(c.expires_at) filter (where ${good}) as first_expiry_at
        from codes c
        cross join (select business_now(${accountId}) as now,
          code_outlives(${accountId}, business_now(${accountId})) as outlive) clock
        join products p on p.account_id = c.account_id and p.id = c.product_id
        left join variants v on v.account_id = c.account_id and v.id = c.variant_id
        where c.account_id = ${accountId} and c.unit_id is null
        group by c.product_id, c.variant_id)`.as('stock'),
    )
    .selectAll()
  const columns = [
    { value: sql.ref('sku'), type: 'text' },
    { value: sql.ref('product_id'), type: 'text' },
    { value: sql.ref('variant_id'), type: 'text' },
  ] as const
  return listPage(db, query, { columns, descending: false }, page)
}
