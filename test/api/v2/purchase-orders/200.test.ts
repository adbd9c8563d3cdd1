import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCustomer, makeProduct } from '../../../factories.ts'
import { openShop, type OrderBody, type Shop } from '../orders/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('purchase_orders_200')
})
afterAll(() => shop.stop())

type PurchaseOrder = {
  id: string
  number: string
  status: string
  sequence: number
  currency: string
  business_date: string
  period_start: string
  closes_at: string
  closed_at: string | null
  created_at: string
  transaction_count: number
  total_minor: number
}
type Page = { data: PurchaseOrder[] }

async function order(customer_id: string, sku = shop.product.sku, quantity = 1) {
  const body = { customer_id, items: [{ sku, quantity }] }
  return (await shop.owner.post<OrderBody>('/v2/transactions', body)).body
}

const customer = (over: object = {}) => makeCustomer(shop.database, shop.account.accountId, over)

test('a purchase order says what day it is, until when, and what was ordered', async () => {
  const customerId = await customer({ timeZone: 'America/Santiago', cutOff: '18:30' })
  const { purchase_order } = await order(customerId)
  await order(customerId, shop.product.sku, 3)
  const { body } = await shop.owner.get<PurchaseOrder>(`/v2/purchase-orders/${purchase_order.id}`)
  expect(body).toMatchObject({
    object: 'purchase_order',
    customer_id: customerId,
    number: `PO-${body.business_date}-USD-1-${customerId.slice(-6)}`,
    status: 'open',
    sequence: 1,
    time_zone: 'America/Santiago',
    closed_at: null,
    transaction_count: 2,
    currency: 'USD',
    total: 199.96,
    total_minor: 19996,
    invoices: [],
    links: { transactions: `/v2/purchase-orders/${body.id}/transactions` },
  })
  const clock = new Intl.DateTimeFormat('sv-SE', {
    timeZone: 'America/Santiago',
    dateStyle: 'short',
    timeStyle: 'short',
  })
  expect(clock.format(new Date(body.closes_at))).toBe(`${body.business_date} 18:30`)
  expect(clock.format(new Date(body.period_start))).toMatch(/ 18:30$/)
  expect(Date.parse(body.created_at)).toBeLessThan(Date.parse(body.closes_at))
})

test('each customer, currency and early close has its own', async () => {
  const customerId = await customer()
  const euro = await makeProduct(shop.database, shop.account.accountId, { currency: 'EUR' })
  const first = await order(customerId)
  await order(customerId, euro.sku)
  await shop.owner.post(`/v2/purchase-orders/${first.purchase_order.id}/close`)
  await order(customerId)
  await order(await customer())
  const read = async (query: string) =>
    (
      await shop.owner.get<Page>(`/v2/purchase-orders?customer_id=${customerId}${query}`)
    ).body.data.map((po) => [po.currency, po.sequence, po.status])
  expect(await read('')).toEqual([
    ['USD', 2, 'open'],
    ['EUR', 1, 'open'],
    ['USD', 1, 'settling'],
  ])
  expect(await read('&status=open')).toEqual([
    ['USD', 2, 'open'],
    ['EUR', 1, 'open'],
  ])
  expect(await read('&status=invoiced')).toEqual([])
  expect(await read(`&business_date=${first.purchase_order.business_date}`)).toHaveLength(3)
  expect(await read('&business_date=2020-01-01')).toEqual([])
})

test('its transactions are listed, the latest first', async () => {
  const customerId = await customer()
  const orders = [await order(customerId), await order(customerId), await order(customerId)]
  const path = `/v2/purchase-orders/${orders[0]?.purchase_order.id}/transactions`
  type List = { data: OrderBody[]; pagination: { next_cursor: string | null } }
  const { data } = (await shop.owner.get<List>(path)).body
  expect(data).toEqual(orders.toReversed())
  const walked: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page: { body: List } = await shop.owner.get(`${path}?limit=1&cursor=${cursor}`)
    walked.push(...page.body.data.map(({ id }) => id))
    cursor = page.body.pagination.next_cursor
  }
  expect(walked).toEqual(orders.toReversed().map(({ id }) => id))
})

test('an unchanged one is not sent again', async () => {
  const customerId = await customer()
  const { purchase_order } = await order(customerId)
  const path = `/v2/purchase-orders/${purchase_order.id}`
  const etag = String((await shop.owner.get(path)).headers.get('etag'))
  const headers = { 'If-None-Match': etag }
  expect((await shop.owner.get(path, { headers })).status).toBe(304)
  await order(customerId)
  expect((await shop.owner.get(path, { headers })).status).toBe(200)
})
