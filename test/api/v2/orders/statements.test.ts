import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestClient } from '../../client.ts'
import { openCountedApi } from '../../serve.ts'
import { openShop, type OrderBody, type Shop } from './shop.ts'

let shop: Shop
let counted: ReturnType<typeof openCountedApi>
let client: TestClient

beforeAll(async () => {
  shop = await openShop('orders_statements')
  counted = openCountedApi(shop.config)
  client = counted.client(shop.account.key)
})
afterAll(async () => {
  await counted.close()
  await shop.stop()
})

/**
 * The statements of one request, without those that no request pays for: the outbox's poller and
 * bell, and the look-up of a key, which holds for a second, its last use, once a minute, and data keys, which a process keeps.
 */
async function statementsOf(work: () => Promise<unknown>): Promise<string[]> {
  counted.takeStatements()
  await work()
  return counted.takeStatements().filter((text) => !/outbox|api_keys|data_keys/.test(text))
}

const order = (quantity = 3) => ({
  customer_id: shop.customerId,
  client_reference: randomUUID(),
  items: Array.from({ length: quantity }, () => ({ sku: shop.product.sku, quantity })),
})

test('an order costs one statement and the limiter’s', async () => {
  for (const quantity of [1, 20]) {
    const headers = { 'Idempotency-Key': randomUUID() }
    const seen = await statementsOf(() => client.post('/v2/orders', order(quantity), { headers }))
    expect(seen).toEqual([
      expect.stringContaining('rate_limits'),
      expect.stringContaining('accept_orders('),
    ])
  }
})

test('so does a replay, and a refusal', async () => {
  const body = order()
  await client.post('/v2/orders', body)
  expect(await statementsOf(() => client.post('/v2/orders', body))).toHaveLength(2)
  const refused = { ...order(), customer_id: 'cust_nobody' }
  expect(await statementsOf(() => client.post('/v2/orders', refused))).toHaveLength(2)
})

test('reading codes costs two statements, and one when nothing is shown', async () => {
  await shop.stock(2)
  const body = { ...order(), items: [{ sku: shop.product.sku, quantity: 3 }] }
  const { id } = (await client.post<OrderBody>('/v2/transactions', body)).body
  const path = `/v2/transactions/${id}/codes`
  expect(await statementsOf(() => client.get(path))).toHaveLength(2)
  await shop.fulfill(id)
  const seen = await statementsOf(() => client.get(path))
  expect(seen).toHaveLength(3)
  expect(seen[2]).toContain('insert into code_reveals')
  const etag = String((await client.get(path)).headers.get('etag'))
  const headers = { 'If-None-Match': etag }
  expect(await statementsOf(() => client.get(path, { headers }))).toHaveLength(2)
})

test.for([
  '/v2/orders',
  '/v2/orders?cursor=',
  '/v2/orders?status=pending&payment_status=pending&fulfillment_status=unfulfilled',
  '/v2/transactions',
  '/v2/purchase-orders',
  '/v2/invoices',
])('%s costs the same for one row and for many', async (path) => {
  const join = path.includes('?') ? '&' : '?'
  await client.post('/v2/orders', order())
  const few = await statementsOf(() => client.get(`${path}${join}limit=1`))
  for (let n = 0; n < 10; n++) await client.post('/v2/orders', order())
  const many = await statementsOf(() => client.get(`${path}${join}limit=200`))
  expect(few.length).toBeGreaterThanOrEqual(2)
  expect(many).toHaveLength(few.length)
  expect(many.length).toBeLessThanOrEqual(3)
})
