import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeCustomer, makeProduct } from '../../../factories.ts'
import { countWritten, openShop, type ErrorBody, type Shop } from './shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('orders_400')
})
afterAll(() => shop.stop())

test('an account may require an Idempotency-Key', async () => {
  const account = await makeAccount(shop.database, { requireIdempotencyKey: true })
  const client = shop.client(account.key)
  const customer_id = await makeCustomer(shop.database, account.accountId)
  const { sku } = await makeProduct(shop.database, account.accountId)
  const body = { customer_id, items: [{ sku, quantity: 1 }] }
  for (const path of ['/v2/orders', '/v2/transactions']) {
    const answer = await client.post<ErrorBody>(path, body)
    expect(answer).toMatchObject({
      status: 400,
      body: { error: { reason: 'idempotency_key_required' } },
    })
  }
  const headers = { 'Idempotency-Key': 'mine' }
  expect((await client.post('/v2/orders', body, { headers })).status).toBe(201)
})

const BODIES: [string, string | Uint8Array, Record<string, string>][] = [
  ['no JSON', '{"items":', {}],
  ['invalid UTF-8', new Uint8Array([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), {}],
  ['a NUL', String.raw`{"client_reference":"a\u0000b","items":[]}`, {}],
  ['a lone surrogate', String.raw`{"client_reference":"\ud800","items":[]}`, {}],
  ['__proto__', '{"__proto__":{"customer_id":"cust_1"},"items":[]}', {}],
  ['another content type', '{}', { 'Content-Type': 'text/plain' }],
]

test.for(BODIES)('a body that is %s cannot be used', async ([, rawBody, headers]) => {
  const before = await countWritten(shop.database)
  for (const path of ['/v2/orders', '/v2/transactions']) {
    const answer = await shop.owner.request<ErrorBody>('POST', path, { rawBody, headers })
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'validation_error' } } })
  }
  expect(await countWritten(shop.database)).toEqual(before)
})

test.for(['', ' ', 'x'.repeat(256), 'caf\u00e9'])('%j is no idempotency key', async (key) => {
  const body = { customer_id: shop.customerId, items: [{ sku: shop.product.sku, quantity: 1 }] }
  const headers = { 'Idempotency-Key': key }
  const answer = await shop.owner.post<ErrorBody>('/v2/orders', body, { headers })
  expect(answer.status).toBe(400)
})

test.for([
  '/v2/orders?status=lost',
  '/v2/orders?status=complete',
  '/v2/orders?payment_status=owed',
  '/v2/orders?fulfillment_status=done',
  '/v2/orders?date_from=yesterday',
  '/v2/orders?date_from=2026-02-30',
  '/v2/orders?date_to=0000-01-01',
  '/v2/orders?date_to=2026-01-01T00:00:00',
  '/v2/orders?limit=201',
  '/v2/orders?limit=0',
  '/v2/orders?page=201&limit=50',
  '/v2/orders?page=1&cursor=',
  '/v2/orders?cursor=garbage',
  '/v2/orders?sort=price',
  '/v2/orders?status=pending&status=shipped',
  '/v2/orders?client_reference=%00',
  '/v2/orders?customer_id=%ff',
  '/v2/transactions?status=pending',
  '/v2/transactions?purchase_order_id=%00',
  '/v2/purchase-orders?status=closed',
  '/v2/purchase-orders?business_date=20261122',
  '/v2/invoices?status=late',
  '/v2/invoices?business_date=2026-13-01',
])('%s cannot be used', async (path) => {
  const answer = await shop.owner.get<ErrorBody>(path)
  expect(answer).toMatchObject({ status: 400, body: { error: { code: 'validation_error' } } })
})

test('a cursor belongs to its filter and its list', async () => {
  for (let n = 0; n < 2; n++) {
    await shop.owner.post('/v2/orders', {
      customer_id: shop.customerId,
      items: [{ sku: shop.product.sku, quantity: 1 }],
    })
  }
  type Page = { pagination: { next_cursor: string } }
  const { body } = await shop.owner.get<Page>('/v2/orders?cursor=&limit=1')
  const cursor = body.pagination.next_cursor
  expect((await shop.owner.get(`/v2/orders?cursor=${cursor}`)).status).toBe(200)
  for (const path of [
    `/v2/orders?status=pending&cursor=${cursor}`,
    `/v2/transactions?cursor=${cursor}`,
    `/v2/orders?cursor=${cursor}x`,
  ]) {
    expect((await shop.owner.get(path)).status).toBe(400)
  }
})
