import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import { EXPIRY_WINDOWS_DAYS, stockEvents, stockState, type StockState } from '../domain/stock.ts'
import type { Db, Tx } from './client.ts'
import { emitEvent } from './events.ts'

/**
 * What is left of the own pool, and who hears of it. An order never touches these rows: somebody looks
 * afterwards, and what has changed since the last look is told in the transaction of the look.
 */

export type ProductKey = { accountId: string; productId: string }

export type InventoryRow = {
  productId: string
  /** The product itself, unless it has variants only, and its variants in their order. */
  levels: StockLevel[]
  /** By variant and day (UTC), within the longest window. */
  expiring: { variant_id: string; expires_on: string; count: number }[]
}

export type StockLevel = {
  /** '' for the product itself. */
  variant_id: string
  sku: string
  available: number
  low_threshold: number | null
}

/**
 * The codes of a product that can be given out now. The clock is read once per statement, here and
 * below: read for each code, a pool of a million would take longer than a statement may.
 */
const POOL = (key: ProductKey) => sql`
  codes c where c.account_id = ${key.accountId} and c.product_id = ${key.productId}
    and c.unit_id is null and c.quarantined_at is null and c.reserved_for is null
    and coalesce(c.expires_at, 'infinity') > (
      select code_outlives(${key.accountId}, business_now(${key.accountId})))`

/** Throws `not_found`. Counts what is there now. */
export async function getInventory(db: Db, key: ProductKey): Promise<InventoryRow> {
  const { rows: levels } = await sql<StockLevel>`
    with item as (
      select '' as variant_id, sku, -1 as position from products
        where account_id = ${key.accountId} and id = ${key.productId}
      union all
      select id, sku, position from variants
        where account_id = ${key.accountId} and product_id = ${key.productId} and removed_at is null
    ), pool as (select c.variant_id, count(*)::integer as n from ${POOL(key)} group by c.variant_id)
    select i.variant_id, i.sku, coalesce(pool.n, 0) as available, l.low_threshold
    from item i left join pool using (variant_id)
    left join stock_levels l on l.account_id = ${key.accountId} and l.product_id = ${key.productId}
      and l.variant_id = i.variant_id
    order by i.position`.execute(db)
  if (levels.length === 0) throw new DomainError('not_found', 'No such product.')
  const { rows: expiring } = await sql<InventoryRow['expiring'][number]>`
    select c.variant_id, to_char(c.expires_at at time zone 'UTC', 'YYYY-MM-DD') as expires_on,
      count(*)::integer as count
    from ${POOL(key)}
      and coalesce(c.expires_at, 'infinity') <= (select business_now(${key.accountId}))
        + ${EXPIRY_WINDOWS_DAYS[0]} * interval '1 day'
    group by 1, 2 order by 2, 1`.execute(db)
  return { productId: key.productId, levels, expiring }
}

/**
 * Looks at the pool of a product and tells what has changed since the last look. Safe to repeat and in
 * any number of processes: looks at one product come one after the other, and each tells of its own
 * change only. `print` is how the inventory goes over the wire.
 */
export async function lookAtStock(
  tx: Tx,
  key: ProductKey,
  print: (inventory: InventoryRow) => Record<string, unknown>,
): Promise<void> {
  const { rows: products } = await sql<{ event_sequence: number }>`
    select event_sequence from products
    where account_id = ${key.accountId} and id = ${key.productId} for no key update`.execute(tx)
  const product = products[0]
  if (product === undefined) return
  const before = await listLevels(tx, key)
  const inventory = await getInventory(tx, key)
  const changes = inventory.levels.flatMap((level) => {
    const last = before.get(level.variant_id)
    const state = stockState(level.available, level.low_threshold)
    const now = { available: level.available, state, lowThreshold: level.low_threshold }
    return last === undefined ? [] : stockEvents(last, now)
  })
  await updateLevels(tx, key, inventory)
  const types = [...new Set([...changes, ...(await warnOfExpiry(tx, key))])]
  for (const [index, type] of types.entries()) {
    await emitEvent(tx, {
      accountId: key.accountId,
      type,
      objectId: key.productId,
      sequence: product.event_sequence + index + 1,
      customerId: null,
      facts: { object: print(inventory) },
    })
  }
  if (types.length === 0) return
  await sql`update products set event_sequence = event_sequence + ${types.length}
    where account_id = ${key.accountId} and id = ${key.productId}`.execute(tx)
}

type LastLook = { variant_id: string; available: number; state: StockState }

async function listLevels(tx: Tx, key: ProductKey): Promise<Map<string, LastLook>> {
  const { rows } = await sql<LastLook>`
    select variant_id, available, state from stock_levels
    where account_id = ${key.accountId} and product_id = ${key.productId}`.execute(tx)
  return new Map(rows.map((row) => [row.variant_id, row]))
}

async function updateLevels(tx: Tx, key: ProductKey, { levels }: InventoryRow): Promise<void> {
  const states = levels.map((level) => stockState(level.available, level.low_threshold))
  await sql`
    update stock_levels l set available = n.available, state = n.state, looked_at = clock_timestamp(),
      next_expiry_at = (select min(c.expires_at) from ${POOL(key)} and c.variant_id = l.variant_id)
    from unnest(${levels.map((level) => level.variant_id)}::text[],
      ${levels.map((level) => level.available)}::integer[],
      ${states}::text[]) as n (variant_id, available, state)
    where l.account_id = ${key.accountId} and l.product_id = ${key.productId}
      and l.variant_id = n.variant_id`.execute(tx)
}

/** What expires within a window is remembered, so that it is told once. */
async function warnOfExpiry(tx: Tx, key: ProductKey): Promise<['codes.expiring'] | []> {
  const { numAffectedRows } = await sql`
    insert into expiry_warnings (account_id, product_id, variant_id, expires_on, window_days)
    select distinct ${key.accountId}, ${key.productId}, c.variant_id,
      (c.expires_at at time zone 'UTC')::date, w.days
    from unnest(${[...EXPIRY_WINDOWS_DAYS]}::smallint[]) as w (days), ${POOL(key)}
      and coalesce(c.expires_at, 'infinity') <= (select business_now(${key.accountId}))
        + w.days * interval '1 day'
    on conflict do nothing`.execute(tx)
  return numAffectedRows === 0n ? [] : ['codes.expiring']
}

/**
 * Says below how many codes a product or variant is low; null: never. The level that it has now is
 * where it starts from. Safe to repeat.
 */
export async function setLowThreshold(
  tx: Tx,
  { accountId, productId }: ProductKey,
  { variantId, lowThreshold }: { variantId: string; lowThreshold: number | null },
): Promise<void> {
  await sql`
    insert into stock_levels (account_id, product_id, variant_id, low_threshold, available, state)
    select ${accountId}, ${productId}, ${variantId}, ${lowThreshold}, n,
      case when n = 0 then 'out' else 'ok' end
    from (select count(*)::integer as n from ${POOL({ accountId, productId })}
      and c.variant_id = ${variantId}) counted
    on conflict (account_id, product_id, variant_id)
      do update set low_threshold = excluded.low_threshold`.execute(tx)
}

/** The products with a level among those of transactions that just took codes. */
export async function listStockOfTransactions(
  db: Db,
  transactionIds: string[],
): Promise<ProductKey[]> {
  const { rows } = await sql<ProductKey>`
    select distinct l.account_id as "accountId", l.product_id as "productId"
    from units u join stock_levels l on l.account_id = u.account_id and l.product_id = u.product_id
    where u.transaction_id = any(${transactionIds}::text[])`.execute(db)
  return rows
}

const LOOK_MINUTES = 10 // a look that a dying process did not take is taken this much later
const LOOKS_MAX = 50 // per call; the next minute goes on

/** Products whose last look is old, or of whose codes some have expired since. No owner: the sweep's. */
export async function listStaleStock(db: Db): Promise<ProductKey[]> {
  const { rows } = await sql<ProductKey>`
    select distinct "accountId", "productId" from (
      select account_id as "accountId", product_id as "productId" from stock_levels
      where looked_at < clock_timestamp() - ${LOOK_MINUTES} * interval '1 minute'
        or next_expiry_at <= code_outlives(account_id, business_now(account_id))
      order by looked_at limit ${LOOKS_MAX}) stale`.execute(db)
  return rows
}
