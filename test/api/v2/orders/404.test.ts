import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeCustomer, makeKey } from '../../../factories.ts'
import { countWritten, openShop, type ErrorBody, type OrderBody, type Shop } from './shop.ts'

let shop: Shop
let order: OrderBody
let foreignKey: string
/** Bound to another customer of the same account. */
let boundKey: string

beforeAll(async () => {
  shop = await openShop('orders_404')
  const items = [{ sku: shop.product.sku, quantity: 1 }]
  const body = { customer_id: shop.customerId, items }
  order = (await shop.owner.post<OrderBody>('/v2/orders', body)).body
  foreignKey = (await makeAccount(shop.database)).key
  const neighbour = await makeCustomer(shop.database, shop.account.accountId)
  boundKey = await makeKey(shop.database, shop.account, { customerId: neighbour })
})
afterAll(() => shop.stop())

const PATHS: [string, (order: OrderBody) => string][] = [
  ['order', ({ id }) => `/v2/orders/${id}`],
  ['transaction', ({ transaction_id }) => `/v2/transactions/${transaction_id}`],
  ['codes of the order', ({ id }) => `/v2/orders/${id}/codes`],
  ['codes of the transaction', ({ transaction_id }) => `/v2/transactions/${transaction_id}/codes`],
  ['purchase order', ({ purchase_order }) => `/v2/purchase-orders/${purchase_order.id}`],
  [
    'transactions of the purchase order',
    ({ purchase_order }) => `/v2/purchase-orders/${purchase_order.id}/transactions`,
  ],
]

test.for(PATHS)('the %s is there for its owner only', async ([, pathOf]) => {
  const path = pathOf(order)
  expect((await shop.owner.get(path)).status).toBe(200)
  for (const key of [foreignKey, boundKey]) {
    const answer = await shop.client(key).get<ErrorBody>(path)
    expect(answer).toMatchObject({ status: 404, body: { error: { reason: 'not_found' } } })
    expect(JSON.stringify(answer.body)).not.toContain(order.id.slice(4))
  }
})

test('neither are they in the lists of others', async () => {
  for (const key of [foreignKey, boundKey]) {
    const client = shop.client(key)
    for (const path of [
      '/v2/orders',
      '/v2/transactions',
      '/v2/purchase-orders',
      `/v2/orders?customer_id=${shop.customerId}`,
      `/v2/transactions?purchase_order_id=${order.purchase_order.id}`,
    ]) {
      expect((await client.get<{ data: unknown[] }>(path)).body.data).toEqual([])
    }
  }
})

test('nobody closes somebody else’s day', async () => {
  const path = `/v2/purchase-orders/${order.purchase_order.id}/close`
  for (const key of [foreignKey, boundKey]) {
    expect((await shop.client(key).post(path)).status).toBe(404)
  }
  const { body } = await shop.owner.get(`/v2/purchase-orders/${order.purchase_order.id}`)
  expect(body).toMatchObject({ status: 'open', closed_at: null })
})

test('a bound key orders for its own customer only', async () => {
  const before = await countWritten(shop.database)
  const items = [{ sku: shop.product.sku, quantity: 1 }]
  const body = { customer_id: shop.customerId, items }
  for (const path of ['/v2/orders', '/v2/transactions']) {
    expect((await shop.client(boundKey).post(path, body)).status).toBe(404)
  }
  expect(await countWritten(shop.database)).toEqual(before)
})

test.for([
  '/v2/orders/ord_00000000000000000000000000',
  '/v2/orders/nonsense',
  '/v2/orders/po_00000000000000000000000000',
  '/v2/orders/ord_0000000000000000000000000G',
  '/v2/orders/%27%20or%201=1--',
  '/v2/transactions/txn_00000000000000000000000000',
  '/v2/transactions/txn_00000000000000000000000000/codes',
  '/v2/purchase-orders/nonsense',
  '/v2/purchase-orders/po_00000000000000000000000000/transactions',
  '/v2/invoices/inv_00000000000000000000000000',
  '/v2/invoices/nonsense/documents/pdf',
])('%s does not exist', async (path) => {
  expect((await shop.owner.get<ErrorBody>(path)).body.error.reason).toBe('not_found')
})
