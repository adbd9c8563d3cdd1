import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount } from '../../../factories.ts'
import { openCatalogue, type Catalogue, type Refused } from './shop.ts'

let shop: Catalogue
beforeAll(async () => {
  shop = await openCatalogue('products_409')
})
afterAll(() => shop.api.stop())

test('a SKU means one thing over products and variants', async () => {
  await shop.make({ sku: 'ONE', variants: [{ sku: 'ONE-L' }] })
  const bodies = [
    { sku: 'ONE' },
    { sku: 'ONE-L' },
    { sku: 'TWO', variants: [{ sku: 'ONE' }] },
    { sku: 'TWO', variants: [{ sku: 'TWO-L' }, { sku: 'ONE-L' }] },
  ]
  for (const body of bodies) {
    const answer = await shop.client.post<Refused>('/v2/products', { name: 'P', price: 1, ...body })
    expect(answer.status).toBe(409)
    expect(answer.body.error.reason).toBe('sku_exists')
    expect(answer.body.error.details[0]?.field).toBe('sku')
  }
  expect((await shop.client.get('/v2/products/TWO')).status).toBe(404)
})

test('a SKU of another account is free', async () => {
  await shop.make({ sku: 'SHARED' })
  const other = shop.api.client((await makeAccount(shop.api.database)).key)
  const answer = await other.post('/v2/products', { name: 'P', price: 1, sku: 'SHARED' })
  expect(answer.status).toBe(201)
  expect((await other.get('/v2/products/SHARED')).body).toEqual(answer.body)
})

test('an edit cannot take a SKU either, and changes nothing then', async () => {
  await shop.make({ sku: 'HELD' })
  const product = await shop.make({ sku: 'MOVING', variants: [{ sku: 'MOVING-L' }] })
  const answer = await shop.client.put(`/v2/products/${product.id}`, { name: 'New', sku: 'HELD' })
  expect(answer.status).toBe(409)
  const read = await shop.client.get('/v2/products/MOVING-L')
  expect(read.body).toEqual(product)
})

test('twenty products that want one SKU at once: one gets it', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      shop.client.post('/v2/products', {
        name: 'P',
        price: 1,
        sku: n % 2 === 0 ? 'RACE-A' : 'RACE-B',
        variants: [{ sku: n % 2 === 0 ? 'RACE-B' : 'RACE-A' }],
      }),
    ),
  )
  const statuses = answers.map(({ status }) => status)
  expect(statuses.filter((status) => status === 201)).toHaveLength(1)
  expect(statuses.filter((status) => status === 409)).toHaveLength(19)
})

test('an edit that rests on another version is refused, and the version is told', async () => {
  const { id } = await shop.make()
  await shop.client.patch(`/v2/products/${id}`, { name: 'b' })
  const answer = await shop.client.put<Refused>(`/v2/products/${id}`, { name: 'c', version: 1 })
  expect(answer.status).toBe(409)
  expect(answer.body.error).toMatchObject({
    reason: 'version_mismatch',
    details: [{ field: 'version', message: 'Is 2 now' }],
  })
})

test('of two edits that rest on the same version one is refused', async () => {
  const { id } = await shop.make()
  const answers = await Promise.all(
    ['a', 'b', 'c', 'd'].map((name) =>
      shop.client.patch(`/v2/products/${id}`, { name, version: 1 }),
    ),
  )
  expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
    200, 409, 409, 409,
  ])
})
