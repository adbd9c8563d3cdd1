import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeProduct } from '../../../factories.ts'
import { openClients, type Clients } from './clients.ts'

let shop: Clients
beforeAll(async () => {
  shop = await openClients('customers_304')
})
afterAll(() => shop.api.stop())

test('an unchanged customer is 304, and an order in between is 200 again', async () => {
  const { id } = await shop.make()
  const read = (etag: string) =>
    shop.client.get(`/v2/customers/${id}`, { headers: { 'If-None-Match': etag } })
  const etag = (await read('')).headers.get('etag') ?? ''
  expect((await read(etag)).status).toBe(304)
  const product = await makeProduct(shop.api.database, shop.account.accountId)
  await shop.client.post('/v2/orders', {
    customer_id: id,
    items: [{ product_id: product.id, quantity: 1 }],
  })
  expect((await read(etag)).status).toBe(200)
})
