import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importCodes } from '../factories.ts'
import { keys, makeProduct, openWorld, placeOrder, type World } from '../sourcing/world.ts'

/** Which code of the own pool is given out first, and which never. */

let world: World
beforeAll(async () => {
  world = await openWorld('pool')
})
afterAll(() => world.close())

const HOUR_MS = 3_600_000

/** Codes by their texts, each good for so many hours; null for ever. In this order. */
async function stock(productId: string, hours: Record<string, number | null>): Promise<void> {
  const account = { accountId: world.accountId, mode: 'test' as const }
  for (const [text, good] of Object.entries(hours)) {
    const expiresAt = good === null ? null : new Date(Date.now() + good * HOUR_MS)
    await importCodes(world.database, keys, account, { productId }, [text], { expiresAt })
  }
}

/** The last letters of the codes that an order got, unit by unit. */
async function sell(product: { id: string; sku: string }, quantity: number): Promise<string[]> {
  const { transactionId } = await placeOrder(world, product, quantity)
  await sql`select fulfill_transaction(${world.accountId}, ${transactionId})`.execute(
    world.database.db,
  )
  const { rows } = await sql<{ last4: string | null }>`
    select c.last4 from units u left join codes c on c.unit_id = u.id
    where u.transaction_id = ${transactionId} order by u.position`.execute(world.database.db)
  return rows.map((row) => row.last4 ?? 'none')
}

test('what expires first goes first, then the oldest; what expires within a day never goes', async () => {
  const product = await makeProduct(world)
  await stock(product.id, {
    'CODE-EVER': null,
    'CODE-LATE': 900,
    'CODE-SOON': 30,
    'CODE-GONE': -1,
    'CODE-DAY1': 23,
    'CODE-AGED': null,
  })
  expect(await sell(product, 2)).toEqual(['SOON', 'LATE'])
  expect(await sell(product, 3)).toEqual(['EVER', 'AGED', 'none'])
})

test('an account decides how long a code must be good for', async () => {
  const product = await makeProduct(world)
  await stock(product.id, { 'CODE-HALF': 0.5, 'CODE-FULL': 2 })
  await sql`update accounts set code_validity_seconds_min = 3600
    where id = ${world.accountId}`.execute(world.database.db)
  expect(await sell(product, 2)).toEqual(['FULL', 'none'])
})

test('a code is found by the index however many before it expire too soon', async () => {
  const product = await makeProduct(world)
  await sql`
    insert into codes (id, account_id, product_id, sealed, key_version, blind_index, last4, expires_at)
    select new_id('code'), c.account_id, ${product.id}, c.sealed, c.key_version,
      sha256(n::text::bytea), '', clock_timestamp() - interval '1 day'
    from (select * from codes limit 1) c, generate_series(1, 20000) n`.execute(world.database.db)
  await sql`analyze codes`.execute(world.database.db)
  const { rows } = await sql`
    explain (analyze, buffers, format json)
    select id from codes where account_id = ${world.accountId} and product_id = ${product.id}
      and variant_id = '' and unit_id is null and quarantined_at is null
      and coalesce(expires_at, 'infinity') > code_outlives(${world.accountId}, now())
    order by coalesce(expires_at, 'infinity'), id limit 5 for update skip locked`.execute(
    world.database.db,
  )
  const plan = JSON.stringify(rows)
  expect(plan).toContain('codes_pool')
  expect(Number(/"Shared Hit Blocks":(\d+)/.exec(plan)?.[1])).toBeLessThan(50)
})
