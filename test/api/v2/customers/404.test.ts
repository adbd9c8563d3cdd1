import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount } from '../../../factories.ts'
import { openClients, type Clients } from './clients.ts'

let shop: Clients
beforeAll(async () => {
  shop = await openClients('customers_404')
})
afterAll(() => shop.api.stop())

test('what does not exist and what is another account’s are the same 404', async () => {
  const { id } = await shop.make()
  const stranger = shop.api.client((await makeAccount(shop.api.database)).key)
  for (const name of [id, `cust_${'0'.repeat(26)}`, 'nothing', id.toUpperCase(), `${id}%20`]) {
    const answer = await stranger.get(`/v2/customers/${name}`)
    expect(answer.status, name).toBe(404)
    expect((await stranger.put(`/v2/customers/${name}`, { company: 'x' })).status).toBe(404)
    expect((await stranger.patch(`/v2/customers/${name}`, { company: 'x' })).status).toBe(404)
  }
  expect(await shop.eventsOf(id)).toHaveLength(1)
})
