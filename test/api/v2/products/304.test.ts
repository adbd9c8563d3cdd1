import { afterAll, beforeAll, expect, test } from 'vitest'
import { importCodes } from '../../../factories.ts'
import { openCatalogue, type Catalogue } from './shop.ts'

let shop: Catalogue
beforeAll(async () => {
  shop = await openCatalogue('products_304')
})
afterAll(() => shop.api.stop())

test('an unchanged product is 304 without a body, and any change is 200 again', async () => {
  const { id } = await shop.make({ fulfillment_type: 'digital_code' })
  const read = (etag: string) =>
    shop.client.get(`/v2/products/${id}`, { headers: { 'If-None-Match': etag } })
  const first = await read('"another"')
  expect(first.status).toBe(200)
  const etag = first.headers.get('etag') ?? ''
  const again = await read(`"x", W/${etag}`)
  expect(again.status).toBe(304)
  expect(again.bytes).toHaveLength(0)
  expect(again.headers.get('etag')).toBe(etag)
  await importCodes(shop.api.database, shop.api.config.keys, shop.account, { productId: id }, 1)
  const sold = await read(etag)
  expect(sold.status).toBe(200)
  await shop.client.patch(`/v2/products/${id}`, { name: 'New' })
  expect((await read(sold.headers.get('etag') ?? '')).status).toBe(200)
})
