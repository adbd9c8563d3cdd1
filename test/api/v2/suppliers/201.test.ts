import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeProduct, type TestAccount, openSealed } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import { NORTHWIND, type Supplier, type SupplierSku } from './objects.ts'

let api: ServedApi
let account: TestAccount
let client: TestClient
beforeAll(async () => {
  api = await serveApi('suppliers_201')
  account = await makeAccount(api.database)
  client = api.client(account.key)
})
afterAll(() => api.stop())

test('a supplier is connected by its address and secret, which is kept encrypted and never shown', async () => {
  const once = { headers: { 'Idempotency-Key': 'northwind' } }
  const created = await client.post<Supplier>('/v2/suppliers', NORTHWIND, once)
  expect(created).toMatchObject({
    status: 201,
    body: {
      object: 'supplier',
      name: NORTHWIND.name,
      adapter: 'http',
      active: true,
      base_url: NORTHWIND.base_url,
      limits: { per_second: null, in_flight: 16, call_seconds: 10 },
      breaker: { state: 'closed', failures: 0, opened_at: null, probe_at: null, reason: null },
      version: 1,
    },
  })
  const { id } = created.body
  expect(id).toMatch(/^sup_[0-9a-f]{26}$/)
  expect(created.headers.get('location')).toBe(`/v2/suppliers/${id}`)
  const again = await client.post<Supplier>('/v2/suppliers', NORTHWIND, once)
  expect(again.body).toEqual(created.body)
  for (const answer of [created, await client.get(`/v2/suppliers/${id}`)]) {
    expect(answer.bytes.toString()).not.toContain(NORTHWIND.secret)
  }
  const row = await api.database.db
    .selectFrom('suppliers')
    .select(['secret', 'secret_key_version'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  const sealed = row.secret ?? Buffer.alloc(0)
  const key_version = row.secret_key_version ?? 0
  const kept = { id, account_id: account.accountId, sealed, key_version }
  expect(await openSealed(api.database, api.config.keys, kept)).toBe(NORTHWIND.secret)
})

test('what it sells, with its cost and priority; orders that wait for it are woken', async () => {
  const product = await makeProduct(api.database, account.accountId)
  const { body: supplier } = await client.post<Supplier>('/v2/suppliers', {
    name: 'Sandbox',
    adapter: 'sandbox',
    limits: { per_second: 5, in_flight: 2, call_seconds: 30 },
  })
  expect(supplier.limits).toEqual({ per_second: 5, in_flight: 2, call_seconds: 30 })
  const { body: customer } = await client.post<{ id: string }>('/v2/customers', {
    email: 'one@buyer.example',
  })
  const order = await client.post<{ id: string }>('/v2/transactions', {
    customer_id: customer.id,
    items: [{ product_id: product.id, quantity: 1 }],
  })
  const answer = await client.post<SupplierSku>(`/v2/suppliers/${supplier.id}/skus`, {
    product_id: product.id,
    supplier_sku: 'TEST-INSTANT',
    cost: '19.5',
    currency: 'usd',
    priority: 3,
  })
  expect(answer).toMatchObject({
    status: 201,
    body: {
      object: 'supplier_sku',
      supplier_id: supplier.id,
      product_id: product.id,
      variant_id: null,
      supplier_sku: 'TEST-INSTANT',
      priority: 3,
      cost: 19.5,
      cost_minor: 1950,
      currency: 'USD',
      active: true,
    },
  })
  expect(answer.headers.get('location')).toBe(`/v2/suppliers/${supplier.id}/skus/${answer.body.id}`)
  const woken = await api.database.db
    .selectFrom('outbox')
    .select('subject')
    .where('verb', '=', 'signal')
    .where('account_id', '=', account.accountId)
    .execute()
  expect(woken).toEqual([{ subject: { transaction_id: order.body.id } }])
})
