import { sql, type Expression } from 'kysely'
import { DomainError } from '../domain/error.ts'
import { isId } from '../domain/id.ts'
import type { Db, Tx } from './client.ts'
import { listPage, type Keyset, type PageRequest, type RowsPage } from './keyset.ts'
import type { Products } from './tables.ts'
import type { Selectable } from 'kysely'

export type ProductImage = { url: string; alt: string | null }
export type Metadata = Record<string, string | number | boolean | null>

export type VariantRow = {
  id: string
  sku: string
  /** Null: the product's price. Below 2^53 by its CHECK. */
  price_minor: number | null
  attributes: Record<string, string>
  image: string | null
  /** Codes of the own pool that can be sold now. */
  inventory: number
}

export type ProductRow = Omit<
  Selectable<Products>,
  'account_id' | 'images' | 'metadata' | 'event_sequence'
> & {
  images: ProductImage[]
  metadata: Metadata
  variants: VariantRow[]
  own_inventory: number
}

export type ProductFilter = {
  status?: ProductRow['status']
  category?: string
  search?: string
  fulfillmentType?: ProductRow['fulfillment_type']
}

export const PRODUCT_SORTS = ['created_at', 'updated_at', 'name', 'price'] as const
export type ProductSort = { by: (typeof PRODUCT_SORTS)[number]; descending: boolean }

/** Two statements with a numbered page, one on a cursor walk. Archived ones only when asked for. */
export async function listProducts(
  db: Db,
  accountId: string,
  filter: ProductFilter,
  sort: ProductSort,
  request: PageRequest,
): Promise<RowsPage<ProductRow>> {
  let query = selectProducts(db, accountId)
  query =
    filter.status === undefined
      ? query.where('products.status', '<>', 'archived')
      : query.where('products.status', '=', filter.status)
  if (filter.category !== undefined) {
    query = query.where(sql<boolean>`${filter.category} = any (products.categories)`)
  }
  if (filter.fulfillmentType !== undefined) {
    query = query.where('products.fulfillment_type', '=', filter.fulfillmentType)
  }
  if (filter.search !== undefined) query = query.where(matches(accountId, filter.search))
  return listPage(db, query, keysetOf(sort), request)
}

/** A product by its id or by a SKU of its own or of its variants. */
export async function findProduct(
  db: Db,
  accountId: string,
  idOrSku: string,
): Promise<ProductRow | null> {
  const query = selectProducts(db, accountId)
  const row = isId('product', idOrSku)
    ? query.where('products.id', '=', idOrSku)
    : query.where(
        sql<boolean>`products.id = (select product_id from skus
          where account_id = ${accountId} and sku = ${idOrSku})`,
      )
  return (await row.executeTakeFirst()) ?? null
}

/** @throws DomainError `not_found` */
export async function getProduct(db: Db, accountId: string, idOrSku: string): Promise<ProductRow> {
  const row = await findProduct(db, accountId, idOrSku)
  if (row === null) throw new DomainError('not_found', 'No such product.')
  return row
}

/** Holds the product for an edit: concurrent edits of it come one after the other. */
export async function lockProduct(tx: Tx, accountId: string, id: string): Promise<ProductRow> {
  await sql`select 1 from products where account_id = ${accountId} and id = ${id}
    for no key update`.execute(tx)
  return getProduct(tx, accountId, id)
}

export type ProductValues = {
  sku: string
  name: string
  description: string
  priceMinor: bigint
  currency: string
  status: ProductRow['status']
  fulfillmentType: ProductRow['fulfillment_type']
  taxClass: ProductRow['tax_class']
  categories: string[]
  images: ProductImage[]
  metadata: Metadata
}

/** Writes a new product without variants and SKUs: `replaceVariants` claims those. */
export async function insertProduct(
  tx: Tx,
  accountId: string,
  id: string,
  values: ProductValues,
): Promise<void> {
  await tx
    .insertInto('products')
    .values({ id, account_id: accountId, event_sequence: 1, ...columnsOf(values) })
    .execute()
}

/**
 * Writes the whole product and counts its version and its event up. The caller holds its lock.
 *
 * @returns the sequence of the event that tells of it
 */
export async function updateProduct(
  tx: Tx,
  accountId: string,
  id: string,
  values: ProductValues,
): Promise<number> {
  const row = await tx
    .updateTable('products')
    .set({
      ...columnsOf(values),
      version: sql`version + 1`,
      event_sequence: sql`event_sequence + 1`,
      updated_at: sql`clock_timestamp()`,
    })
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .returning('event_sequence')
    .executeTakeFirstOrThrow()
  return row.event_sequence
}

function columnsOf(values: ProductValues) {
  return {
    sku: values.sku,
    name: values.name,
    description: values.description,
    price_minor: values.priceMinor,
    currency: values.currency,
    status: values.status,
    fulfillment_type: values.fulfillmentType,
    tax_class: values.taxClass,
    categories: values.categories,
    images: JSON.stringify(values.images),
    metadata: JSON.stringify(values.metadata),
  }
}

function selectProducts(db: Db, accountId: string) {
  return db
    .selectFrom('products')
    .where('products.account_id', '=', accountId)
    .select([
      'products.id',
      'products.sku',
      'products.name',
      'products.description',
      'products.price_minor',
      'products.currency',
      'products.status',
      'products.fulfillment_type',
      'products.tax_class',
      'products.categories',
      'products.version',
      'products.created_at',
      'products.updated_at',
      sql<ProductImage[]>`products.images`.as('images'),
      sql<Metadata>`products.metadata`.as('metadata'),
      sql<number>`${inventoryOf(sql`''`)}`.as('own_inventory'),
      sql<VariantRow[]>`coalesce((
        select jsonb_agg(jsonb_build_object('id', v.id, 'sku', v.sku,
          'price_minor', v.price_minor, 'attributes', v.attributes, 'image', v.image,
          'inventory', ${inventoryOf(sql`v.id`)}) order by v.position)
        from variants v where v.account_id = products.account_id
          and v.product_id = products.id and v.removed_at is null), '[]')`.as('variants'),
    ])
}

/** The same codes that an acceptance would find in the own pool. */
function inventoryOf(variantId: Expression<unknown>) {
  return sql<number>`(select count(*)::integer from codes c
    where c.account_id = products.account_id and c.product_id = products.id
      and c.variant_id = ${variantId} and c.unit_id is null and c.quarantined_at is null
      and c.reserved_for is null
      and coalesce(c.expires_at, 'infinity') > (
        select code_outlives(products.account_id, business_now(products.account_id))))`
}

/** Part of the name, or part of a SKU of the product or its variants; case does not matter. */
function matches(accountId: string, search: string) {
  const pattern = `%${search.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  return sql<boolean>`(products.name ilike ${pattern} or exists (
    select 1 from skus where skus.account_id = ${accountId} and skus.product_id = products.id
      and skus.sku ilike ${pattern}))`
}

function keysetOf(sort: ProductSort): Keyset {
  const id = { value: sql`products.id`, type: 'text' } as const
  const first = {
    created_at: { value: sql`products.created_at`, type: 'timestamptz' },
    updated_at: { value: sql`products.updated_at`, type: 'timestamptz' },
    name: { value: sql`lower(products.name)`, type: 'text' },
    price: { value: sql`products.price_minor`, type: 'bigint' },
  } as const
  return { columns: [first[sort.by], id], descending: sort.descending }
}
