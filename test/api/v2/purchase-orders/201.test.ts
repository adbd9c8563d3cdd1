import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCustomer, makeKey } from '../../../factories.ts'
import { openShop, type OrderBody, type Shop } from '../orders/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('purchase_orders_201')
})
afterAll(() => shop.stop())

async function order(customer_id: string) {
  const body = { customer_id, items: [{ sku: shop.product.sku, quantity: 1 }] }
  return (await shop.owner.post<OrderBody>('/v2/transactions', body)).body
}

async function wakeUps(purchaseOrderId: string): Promise<object[]> {
  const { rows } = await shop.database.pool.query<{ workflow: string; signal: object }>(
    `select workflow, signal from outbox where verb = 'signal'
       and subject ->> 'purchase_order_id' = $1`,
    [purchaseOrderId],
  )
  return rows
}

type Closed = { status: string; closed_at: string; closes_at: string; transaction_count: number }

test('closing ends the day now, tells its workflow once, and is the same when repeated', async () => {
  const customerId = await makeCustomer(shop.database, shop.account.accountId)
  const { purchase_order } = await order(customerId)
  const path = `/v2/purchase-orders/${purchase_order.id}/close`
  const first = await shop.owner.post<Closed>(path)
  expect(first).toMatchObject({
    status: 201,
    body: { id: purchase_order.id, status: 'settling', transaction_count: 1 },
  })
  expect(Math.abs(Date.parse(first.body.closed_at) - Date.now())).toBeLessThan(5_000)
  expect(Date.parse(first.body.closed_at)).toBeLessThan(Date.parse(first.body.closes_at))
  const again = await shop.owner.post<Closed>(path)
  expect(again).toMatchObject({ status: 201, body: first.body })
  expect(await wakeUps(purchase_order.id)).toEqual([
    {
      workflow: 'runPurchaseOrderDay',
      signal: { name: 'wokenUp', input: { reason: 'closed through the API' } },
    },
  ])
})

test('20 closes at once are one', async () => {
  const customerId = await makeCustomer(shop.database, shop.account.accountId)
  const { purchase_order } = await order(customerId)
  const path = `/v2/purchase-orders/${purchase_order.id}/close`
  const answers = await Promise.all(Array.from({ length: 20 }, () => shop.owner.post<Closed>(path)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
  expect(new Set(answers.map(({ body }) => body.closed_at)).size).toBe(1)
})

test('a customer’s own key closes its day', async () => {
  const customerId = await makeCustomer(shop.database, shop.account.accountId)
  const { purchase_order } = await order(customerId)
  const key = await makeKey(shop.database, shop.account, { customerId })
  const answer = await shop.client(key).post(`/v2/purchase-orders/${purchase_order.id}/close`)
  expect(answer).toMatchObject({ status: 201, body: { status: 'settling' } })
})
