import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount } from '../../../factories.ts'
import { openCatalogue, type Catalogue, type Refused } from './shop.ts'

let shop: Catalogue
beforeAll(async () => {
  shop = await openCatalogue('products_404')
})
afterAll(() => shop.api.stop())

test('what does not exist and what is another account’s are the same 404', async () => {
  const { id, variants } = await shop.make({ sku: 'THEIRS-1', variants: [{ sku: 'THEIRS-1-L' }] })
  const stranger = shop.api.client((await makeAccount(shop.api.database)).key)
  const names = [id, 'THEIRS-1', 'THEIRS-1-L', `prod_${'0'.repeat(26)}`, 'nothing', variants[0]?.id]
  const messages = new Set<string>()
  for (const name of names) {
    const answer = await stranger.get<Refused>(`/v2/products/${String(name)}`)
    expect(answer.status, name).toBe(404)
    messages.add(answer.body.error.message)
  }
  expect([...messages]).toEqual(['No such product.'])
  for (const send of [
    () => stranger.put(`/v2/products/${id}`, { name: 'x' }),
    () => stranger.patch(`/v2/products/${id}`, { name: 'x' }),
    () => stranger.delete(`/v2/products/${id}`),
  ]) {
    expect((await send()).status).toBe(404)
  }
  expect(await shop.eventsOf(id)).toHaveLength(1)
})

test('edits go by id only: a SKU is 404', async () => {
  await shop.make({ sku: 'BY-SKU' })
  for (const send of [
    () => shop.client.put('/v2/products/BY-SKU', { name: 'x' }),
    () => shop.client.patch('/v2/products/BY-SKU', { name: 'x' }),
    () => shop.client.delete('/v2/products/BY-SKU'),
  ]) {
    expect((await send()).status).toBe(404)
  }
})

test('a test key does not see the live account of its own organization', async () => {
  const { id } = await shop.make()
  const live = await makeAccount(shop.api.database, { mode: 'live' })
  await shop.api.database.pool.query('update accounts set organization_id = $1 where id = $2', [
    shop.account.organizationId,
    live.accountId,
  ])
  expect((await shop.api.client(live.key).get(`/v2/products/${id}`)).status).toBe(404)
})
