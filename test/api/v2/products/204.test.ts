import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCatalogue, type Catalogue, type ProductBody } from './shop.ts'

let shop: Catalogue
beforeAll(async () => {
  shop = await openCatalogue('products_204')
})
afterAll(() => shop.api.stop())

test('a deleted product is archived, can still be read, and is told of once', async () => {
  const { id } = await shop.make({ sku: 'GONE-1' })
  for (let n = 0; n < 3; n++)
    expect((await shop.client.delete(`/v2/products/${id}`)).status).toBe(204)
  const { status, body } = await shop.client.get<ProductBody>('/v2/products/GONE-1')
  expect(status).toBe(200)
  expect(body).toMatchObject({ id, status: 'archived', version: 2 })
  const events = await shop.eventsOf(id)
  expect(events.map(({ type }) => type)).toEqual(['product.created', 'product.deleted'])
  expect(events[1]?.facts.object).toEqual(body)
})
