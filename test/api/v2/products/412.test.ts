import { afterAll, beforeAll, expect, test } from 'vitest'
import { openCatalogue, type Catalogue, type Refused } from './shop.ts'

let shop: Catalogue
beforeAll(async () => {
  shop = await openCatalogue('products_412')
})
afterAll(() => shop.api.stop())

test('an ETag that is no longer current refuses the edit', async () => {
  const { id } = await shop.make()
  const etag = (await shop.client.get(`/v2/products/${id}`)).headers.get('etag') ?? ''
  await shop.client.patch(`/v2/products/${id}`, { name: 'b' })
  const headers = { 'If-Match': etag }
  for (const send of [
    () => shop.client.put<Refused>(`/v2/products/${id}`, { name: 'c' }, { headers }),
    () => shop.client.patch<Refused>(`/v2/products/${id}`, { name: 'c' }, { headers }),
    () => shop.client.request<Refused>('DELETE', `/v2/products/${id}`, { headers }),
    () => shop.client.put<Refused>(`/v2/products/${id}`, {}, { headers: { 'If-Match': '"x"' } }),
  ]) {
    const answer = await send()
    expect(answer.status).toBe(412)
    expect(answer.body.error.reason).toBe('precondition_failed')
  }
  const read = await shop.client.get(`/v2/products/${id}`)
  expect(read.body).toMatchObject({ name: 'b', version: 2, status: 'active' })
})

test('one of several ETags may be current', async () => {
  const { id } = await shop.make()
  const etag = (await shop.client.get(`/v2/products/${id}`)).headers.get('etag') ?? ''
  const headers = { 'If-Match': `"old", ${etag}` }
  expect((await shop.client.put(`/v2/products/${id}`, { name: 'c' }, { headers })).status).toBe(200)
})
