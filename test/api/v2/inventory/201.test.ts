import { afterAll, beforeAll, expect, test } from 'vitest'
import { openImportShop, type ImportShop } from '../code-imports/shop.ts'

let shop: ImportShop
beforeAll(async () => {
  shop = await openImportShop('inventory_201')
})
afterAll(() => shop.stop())

test('the product and its variant have levels of their own; a threshold that is passed already is told', async () => {
  const client = shop.client(shop.account.key)
  const path = `/v2/inventory/${shop.product.id}`
  const inTenDays = new Date(Date.now() + 10 * 86_400_000).toISOString()
  const variantLine = { sku: shop.variant.sku, code: 'V-1', expires_at: inTenDays }
  const lines = [{ code: 'P-1' }, { code: 'P-2' }, variantLine]
  await shop.send(lines.map((line) => JSON.stringify(line)).join('\n'), {
    type: 'application/jsonl',
  })
  const alert = { low_threshold: 2, variant_id: shop.variant.id }
  const once = { headers: { 'Idempotency-Key': 'the same' } }
  const set = await client.post(`${path}/alerts`, alert, once)
  expect(set).toMatchObject({
    status: 201,
    body: {
      object: 'inventory',
      product_id: shop.product.id,
      total_available: 3,
      total_reserved: 0,
      locations: [{ available: 3, reserved: 0 }],
      levels: [
        { variant_id: null, sku: shop.product.sku, available: 2, low_threshold: null, state: 'ok' },
        { variant_id: shop.variant.id, available: 1, low_threshold: 2, state: 'low' },
      ],
      expiring: [{ variant_id: shop.variant.id, expires_on: inTenDays.slice(0, 10), available: 1 }],
    },
  })
  expect((await client.post(`${path}/alerts`, alert, once)).body).toEqual(set.body)
  expect((await client.get(path)).body).toEqual(set.body)
  const { rows } = await shop.database.pool.query<{ type: string }>(
    `select type from events where object_id = $1 order by sequence`,
    [shop.product.id],
  )
  expect(rows.map(({ type }) => type)).toEqual([
    'inventory.updated',
    'codes.expiring',
    'inventory.low',
  ])
})
