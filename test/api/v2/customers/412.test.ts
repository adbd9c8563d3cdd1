import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClients, type Clients } from './clients.ts'

let shop: Clients
beforeAll(async () => {
  shop = await openClients('customers_412')
})
afterAll(() => shop.api.stop())

test('an ETag that is no longer current refuses the edit', async () => {
  const { id } = await shop.make()
  const etag = (await shop.client.get(`/v2/customers/${id}`)).headers.get('etag') ?? ''
  await shop.client.patch(`/v2/customers/${id}`, { company: 'b' })
  const headers = { 'If-Match': etag }
  for (const method of ['put', 'patch'] as const) {
    const answer = await shop.client[method](`/v2/customers/${id}`, { company: 'c' }, { headers })
    expect(answer.status).toBe(412)
  }
  const read = await shop.client.get(`/v2/customers/${id}`)
  expect(read.body).toMatchObject({ company: 'b', version: 2 })
})
