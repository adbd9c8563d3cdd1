import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeCustomer, makeKey } from '../../../factories.ts'
import { openImportShop, type ImportShop } from '../code-imports/shop.ts'

let shop: ImportShop
let path: string
beforeAll(async () => {
  shop = await openImportShop('inventory_refused')
  path = `/v2/inventory/${shop.product.id}`
})
afterAll(() => shop.stop())

const ALERT = { low_threshold: 5 }

test('403: a key without the scope, and a key of one customer', async () => {
  const { accountId } = shop.account
  const customerId = await makeCustomer(shop.database, accountId)
  const bound = shop.client(await makeKey(shop.database, shop.account, { customerId }))
  const reader = shop.client(
    await makeKey(shop.database, shop.account, { scopes: ['products:read'] }),
  )
  for (const answer of [
    await bound.get(path),
    await bound.post(`${path}/alerts`, ALERT),
    await reader.post(`${path}/alerts`, ALERT),
  ]) {
    expect(answer.status).toBe(403)
  }
  expect((await reader.get(path)).status).toBe(200)
})

test("404: another account's product, none, and a variant of another product", async () => {
  const others = shop.client((await makeAccount(shop.database)).key)
  const mine = shop.client(shop.account.key)
  for (const answer of [
    await others.get(path),
    await others.post(`${path}/alerts`, ALERT),
    await mine.get('/v2/inventory/x'),
    await mine.post(`${path}/alerts`, { ...ALERT, variant_id: 'var_0199c0de5a000123456789abcd' }),
  ]) {
    expect(answer.status).toBe(404)
  }
})

test('422: a threshold that is none', async () => {
  const mine = shop.client(shop.account.key)
  for (const low_threshold of [0, -1, 1.5, '5', 1_000_001, undefined]) {
    expect(await mine.post(`${path}/alerts`, { low_threshold })).toMatchObject({
      status: 422,
      body: { error: { details: [{ field: 'low_threshold' }] } },
    })
  }
})

test('none of them left a level', async () => {
  const { rows } = await shop.database.pool.query('select 1 from stock_levels')
  expect(rows).toEqual([])
})
