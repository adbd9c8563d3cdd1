import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openShop, type OrderBody, type Shop } from '../orders/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('transactions_201')
})
afterAll(() => shop.stop())

const order = (over: object = {}) => ({
  customer_id: shop.customerId,
  items: [{ sku: shop.product.sku, quantity: 2, price: 49.99 }],
  ...over,
})

test('a transaction is answered with its view, its place and its links', async () => {
  const answer = await shop.owner.post<OrderBody>('/v2/transactions', order())
  const { body } = answer
  expect(answer.status).toBe(201)
  expect(answer.headers.get('location')).toBe(`/v2/transactions/${body.id}`)
  expect(body).toMatchObject({
    object: 'transaction',
    order_id: body.id.replace('txn_', 'ord_'),
    customer_id: shop.customerId,
    client_reference: null,
    status: 'processing',
    final: false,
    requested: 2,
    delivered: 0,
    remaining: 2,
    failed: 0,
    cancelled: 0,
    currency: 'USD',
    total: 99.98,
    total_minor: 9998,
    payment_method: 'credit',
    allow_backorder: true,
    links: {
      self: `/v2/transactions/${body.id}`,
      codes: `/v2/transactions/${body.id}/codes`,
      purchase_order: `/v2/purchase-orders/${body.purchase_order.id}`,
    },
  })
})

test('Prefer: respond-async is answered 202, and so is its replay', async () => {
  const headers = { Prefer: 'respond-async', 'Idempotency-Key': randomUUID() }
  const first = await shop.owner.post<OrderBody>('/v2/transactions', order(), { headers })
  const again = await shop.owner.post<OrderBody>('/v2/transactions', order(), { headers })
  expect([first.status, again.status]).toEqual([202, 202])
  expect(again.body).toEqual(first.body)
})

test('what began as an order is read as a transaction', async () => {
  const placed = await shop.owner.post<OrderBody>('/v2/orders', order())
  const { body } = await shop.owner.get<OrderBody>(`/v2/transactions/${placed.body.transaction_id}`)
  expect(body).toMatchObject({ object: 'transaction', order_id: placed.body.id, requested: 2 })
  expect(body.items).toEqual(placed.body.items)
})
