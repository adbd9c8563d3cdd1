import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTransaction } from '../../db/client.ts'
import { listStaleStock, lookAtStock } from '../../db/stock-levels.ts'
import { renderInventory } from '../../wire/inventory.ts'
import { importCodes } from '../factories.ts'
import { keys, makeProduct, openWorld, passTime, type World } from '../sourcing/world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld('stock_levels')
})
afterAll(() => world.close())

const DAY_SECONDS = 86_400

async function stock(productId: string, quantity: number, expiresAt: Date | null): Promise<void> {
  const account = { accountId: world.accountId, mode: 'test' as const }
  await importCodes(world.database, keys, account, { productId }, quantity, { expiresAt })
}

/** What the looks of several processes at once tell, of the whole life of the product. */
async function look(productId: string): Promise<string[]> {
  const key = { accountId: world.accountId, productId }
  const { db } = world.database
  await Promise.all(
    Array.from({ length: 3 }, () =>
      inTransaction(db, (tx) => lookAtStock(tx, key, renderInventory)),
    ),
  )
  const { rows } = await sql<{ type: string; sequence: number }>`
    select type, sequence from events where object_id = ${productId} order by sequence`.execute(db)
  expect(rows.map((row) => row.sequence)).toEqual(rows.map((_, index) => index + 1))
  return rows.map((row) => row.type)
}

const staleIds = async () =>
  (await listStaleStock(world.database.db)).map(({ productId }) => productId)

test('codes that expire are told of at 30 and at 7 days, once; expired, they are stock no more', async () => {
  const { id } = await makeProduct(world)
  await stock(id, 3, new Date(Date.now() + 40 * DAY_SECONDS * 1_000))
  const told = ['inventory.updated']
  expect(await look(id)).toEqual(told)
  await passTime(world, 15 * DAY_SECONDS)
  expect(await look(id)).toEqual([...told, 'codes.expiring'])
  expect(await look(id)).toEqual([...told, 'codes.expiring'])
  await passTime(world, 19 * DAY_SECONDS)
  expect(await look(id)).toEqual([...told, 'codes.expiring', 'codes.expiring'])
  expect(await staleIds()).not.toContain(id)
  await passTime(world, 5.5 * DAY_SECONDS) // within a day of the end nobody is given them
  expect(await staleIds()).toContain(id)
  expect((await look(id)).slice(3)).toEqual(['inventory.updated', 'inventory.out_of_stock'])
  expect(await staleIds()).not.toContain(id)
})

test('a look that a dying process did not take is taken by the sweep', async () => {
  const { id } = await makeProduct(world)
  await stock(id, 1, null)
  expect(await staleIds()).not.toContain(id)
  await sql`update stock_levels set looked_at = looked_at - interval '11 minutes'
    where product_id = ${id}`.execute(world.database.db)
  expect(await staleIds()).toContain(id)
  await look(id)
  expect(await staleIds()).not.toContain(id)
})
