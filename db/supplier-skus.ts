import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Db, Tx } from './client.ts'
import { listPage, newestFirst, type PageRequest, type RowsPage } from './keyset.ts'
import type { SupplierSkus } from './tables.ts'

/** Which products a supplier sells, under which name, in which order it is asked, for how much. */

export type SupplierSkuRow = Selectable<SupplierSkus>

type SupplierKey = { accountId: string; supplierId: string }
type SupplierSkuKey = SupplierKey & { supplierSkuId: string }

export type NewSupplierSku = {
  /** Made here when it is left out. */
  id?: string
  productId: string
  /** '' for the product itself. */
  variantId: string
  /** What the supplier calls it. */
  supplierSku: string
  /** What the supplier asks for one code, in minor units of `currency`. */
  costMinor: bigint
  currency: string
  /** Lower is asked first. */
  priority?: number
  active?: boolean
}

/** Says which products a supplier sells. Not repeatable: throws `supplier_sku_exists`. */
export async function insertSupplierSkus(
  tx: Tx,
  key: SupplierKey,
  skus: NewSupplierSku[],
): Promise<SupplierSkuRow[]> {
  const rows = await tx
    .insertInto('supplier_skus')
    .values(
      skus.map((sku) => ({
        ...(sku.id === undefined ? {} : { id: sku.id }),
        account_id: key.accountId,
        supplier_id: key.supplierId,
        product_id: sku.productId,
        variant_id: sku.variantId,
        supplier_sku: sku.supplierSku,
        cost_minor: sku.costMinor,
        currency: sku.currency,
        priority: sku.priority,
        active: sku.active,
      })),
    )
    .onConflict((conflict) =>
      conflict.columns(['account_id', 'product_id', 'variant_id', 'supplier_id']).doNothing(),
    )
    .returningAll()
    .execute()
  if (rows.length < skus.length) {
    throw new DomainError('supplier_sku_exists', 'This supplier sells this product already.', {
      hint: 'Change the one that is there.',
    })
  }
  return rows
}

function selectSupplierSku(db: Db, key: SupplierSkuKey) {
  return db
    .selectFrom('supplier_skus')
    .selectAll()
    .where('account_id', '=', key.accountId)
    .where('supplier_id', '=', key.supplierId)
    .where('id', '=', key.supplierSkuId)
}

/** Throws `not_found`. */
export async function getSupplierSku(db: Db, key: SupplierSkuKey): Promise<SupplierSkuRow> {
  const row = await selectSupplierSku(db, key).executeTakeFirst()
  if (row === undefined) throw notFound()
  return row
}

/** The same, locked. */
export async function lockSupplierSku(tx: Tx, key: SupplierSkuKey): Promise<SupplierSkuRow> {
  const row = await selectSupplierSku(tx, key).forNoKeyUpdate().executeTakeFirst()
  if (row === undefined) throw notFound()
  return row
}

/** What a supplier sells, newest first. */
export async function listSupplierSkus(
  db: Db,
  key: SupplierKey,
  filter: { productId?: string; active?: boolean },
  page: PageRequest,
): Promise<RowsPage<SupplierSkuRow>> {
  let query = db
    .selectFrom('supplier_skus')
    .selectAll()
    .where('account_id', '=', key.accountId)
    .where('supplier_id', '=', key.supplierId)
  if (filter.productId !== undefined) query = query.where('product_id', '=', filter.productId)
  if (filter.active !== undefined) query = query.where('active', '=', filter.active)
  return listPage(db, query, newestFirst(), page)
}

/** The products that a supplier sells now. */
export async function listSoldProducts(
  db: Db,
  key: SupplierKey,
): Promise<{ productId: string; variantId: string }[]> {
  return db
    .selectFrom('supplier_skus')
    .select(['product_id as productId', 'variant_id as variantId'])
    .where('account_id', '=', key.accountId)
    .where('supplier_id', '=', key.supplierId)
    .where('active', '=', true)
    .execute()
}

/** Fields that are left out stay as they are. */
export type SupplierSkuChange = {
  supplierSku?: string
  priority?: number
  costMinor?: bigint
  currency?: string
  active?: boolean
}

/** What is on order keeps the name and cost that it was ordered with. `before` is the locked row. */
export async function updateSupplierSku(
  tx: Tx,
  before: SupplierSkuRow,
  change: SupplierSkuChange,
): Promise<SupplierSkuRow> {
  return tx
    .updateTable('supplier_skus')
    .set({
      supplier_sku: change.supplierSku,
      priority: change.priority,
      cost_minor: change.costMinor,
      currency: change.currency,
      active: change.active,
      version: before.version + 1,
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('account_id', '=', before.account_id)
    .where('id', '=', before.id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

function notFound(): DomainError {
  return new DomainError('not_found', 'No such SKU of this supplier.')
}
