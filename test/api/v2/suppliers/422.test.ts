import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeProduct } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import { NORTHWIND, type Listed, type Supplier } from './objects.ts'

let api: ServedApi
let client: TestClient
let path: string
let good: { product_id: string; supplier_sku: string; cost: number; currency: string }
let physicalId: string
beforeAll(async () => {
  api = await serveApi('suppliers_422')
  const account = await makeAccount(api.database)
  client = api.client(account.key)
  path = `/v2/suppliers/${(await client.post<Supplier>('/v2/suppliers', NORTHWIND)).body.id}`
  const product = await makeProduct(api.database, account.accountId)
  good = { product_id: product.id, supplier_sku: 'X', cost: 1, currency: 'USD' }
  const physical = await makeProduct(api.database, account.accountId, {
    fulfillmentType: 'physical',
  })
  physicalId = physical.id
})
afterAll(() => api.stop())

const bad: [string, object][] = [
  ['base_url', { base_url: 'https://10.0.0.8/codes' }],
  ['base_url', { base_url: 'https://169.254.169.254/latest' }],
  ['base_url', { base_url: 'http://codes.northwind.example' }],
  ['base_url', { base_url: 'https://codes.northwind.example/' }],
  ['base_url', { base_url: 'https://codes.northwind.example/?a=1' }],
  ['secret', { secret: 'short' }],
  ['name', { name: '' }],
  ['limits.per_second', { limits: { per_second: 0 } }],
  ['limits.call_seconds', { limits: { call_seconds: 31 } }],
  ['colour', { colour: 'red' }],
]

test.each(bad)('%s is refused by name, and nothing is written: %j', async (field, change) => {
  const body = { ...NORTHWIND, name: 'Bad', ...change }
  for (const answer of [
    await client.post('/v2/suppliers', body),
    await client.patch(path, change),
  ]) {
    expect(answer.status).toBe(422)
    expect(JSON.stringify(answer.body)).toContain(field)
  }
  const { body: list } = await client.get<Listed<Supplier>>('/v2/suppliers')
  expect(list.data.map(({ name, version }) => [name, version])).toEqual([[NORTHWIND.name, 1]])
})

test('a live account has no sandbox, and the sandbox no address', async () => {
  const live = api.client((await makeAccount(api.database, { mode: 'live' })).key)
  const sandbox = { name: 'Sandbox', adapter: 'sandbox' }
  expect((await live.post('/v2/suppliers', sandbox)).status).toBe(422)
  const { body } = await client.post<Supplier>('/v2/suppliers', sandbox)
  const answer = await client.patch(`/v2/suppliers/${body.id}`, { base_url: NORTHWIND.base_url })
  expect(answer.status).toBe(422)
})

test('what cannot be sold', async () => {
  const bodies: [string, object][] = [
    ['product_id', { ...good, product_id: 'prod_0199c0de5a000123456789abcd' }],
    ['product_id', { ...good, product_id: 'nothing' }],
    ['product_id', { ...good, product_id: physicalId }],
    ['variant_id', { ...good, variant_id: 'var_0199c0de5a000123456789abcd' }],
    ['cost', { ...good, cost: -1 }],
    ['cost', { ...good, cost: 1.001 }],
    ['currency', { ...good, currency: 'XXX' }],
    ['priority', { ...good, priority: -1 }],
  ]
  for (const [field, body] of bodies) {
    const answer = await client.post(`${path}/skus`, body)
    expect(answer.status, field).toBe(422)
    expect(JSON.stringify(answer.body)).toContain(field)
  }
})

test('a new currency without its cost', async () => {
  const { body } = await client.post<{ id: string }>(`${path}/skus`, good)
  const answer = await client.patch(`${path}/skus/${body.id}`, { currency: 'EUR' })
  expect(answer).toMatchObject({ status: 422, body: { error: { details: [{ field: 'cost' }] } } })
})
