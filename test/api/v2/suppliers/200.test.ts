import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTransaction } from '../../../../db/client.ts'
import { endSupplierCall, takeSupplierCall } from '../../../../db/supplier-calls.ts'
import { makeAccount, makeProduct, type TestAccount } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import { NORTHWIND, type Listed, type Supplier, type SupplierSku } from './objects.ts'

let api: ServedApi
let account: TestAccount
let client: TestClient
beforeAll(async () => {
  api = await serveApi('suppliers_200')
  account = await makeAccount(api.database)
  client = api.client(account.key)
})
afterAll(() => api.stop())

const connect = async (name: string) =>
  (await client.post<Supplier>('/v2/suppliers', { ...NORTHWIND, name })).body

test('suppliers and what they sell are listed, the newest first, and filtered', async () => {
  const [first, second] = [await connect('first'), await connect('second')]
  const product = await makeProduct(api.database, account.accountId)
  const sku = await client.post<SupplierSku>(`/v2/suppliers/${first.id}/skus`, {
    product_id: product.id,
    supplier_sku: 'F-1',
    cost: 1,
    currency: 'USD',
  })
  const path = `/v2/suppliers/${first.id}/skus`
  const all = await client.get<Listed<Supplier>>('/v2/suppliers')
  expect(all.body.data.map(({ id }) => id)).toEqual([second.id, first.id])
  expect((await client.get(`/v2/suppliers/${first.id}`)).body).toEqual(first)
  expect((await client.get<Listed<SupplierSku>>(path)).body.data).toEqual([sku.body])
  expect((await client.get(`${path}/${sku.body.id}`)).body).toEqual(sku.body)
  await client.patch(`/v2/suppliers/${first.id}`, { active: false })
  await client.patch(`${path}/${sku.body.id}`, { active: false })
  const active = await client.get<Listed<Supplier>>('/v2/suppliers?active=true')
  expect(active.body.data.map(({ id }) => id)).toEqual([second.id])
  expect((await client.get<Listed<SupplierSku>>(`${path}?active=true`)).body.data).toEqual([])
})

test('an edit is a merge, and a new currency comes with its cost', async () => {
  const supplier = await connect('merged')
  const path = `/v2/suppliers/${supplier.id}`
  const edited = await client.patch<Supplier>(path, {
    limits: { per_second: 7 },
    secret: 'another secret of northwind',
    version: 1,
  })
  expect(edited.body).toMatchObject({
    name: 'merged',
    limits: { per_second: 7, in_flight: 16 },
    version: 2,
  })
  const product = await makeProduct(api.database, account.accountId)
  const { body: sku } = await client.post<SupplierSku>(`${path}/skus`, {
    product_id: product.id,
    supplier_sku: 'M-1',
    cost: 1,
    currency: 'USD',
  })
  const moved = await client.patch<SupplierSku>(`${path}/skus/${sku.id}`, {
    priority: 1,
    cost: 120,
    currency: 'JPY',
  })
  expect(moved.body).toMatchObject({ priority: 1, cost: 120, cost_minor: 120, currency: 'JPY' })
  expect(moved.body.supplier_sku).toBe('M-1')
})

test('shows the open circuit breaker, and a new address closes it', async () => {
  const supplier = await connect('broken')
  const key = { accountId: account.accountId, supplierId: supplier.id }
  for (let call = 0; call < 5; call++) {
    await inTransaction(api.database.db, async (tx) => {
      const leave = await takeSupplierCall(tx, key, 20)
      if (!('callId' in leave)) throw new Error('held')
      const said = 'no answer in 10 s'
      await endSupplierCall(tx, key, { id: leave.callId, reached: false, said })
    })
  }
  const path = `/v2/suppliers/${supplier.id}`
  const open = await client.get<Supplier>(path)
  expect(open.body.breaker).toMatchObject({ state: 'open', reason: 'no answer in 10 s' })
  const base_url = 'https://codes2.northwind.example'
  const mended = await client.patch<Supplier>(path, { base_url })
  expect(mended.body).toMatchObject({ base_url, breaker: { state: 'closed', reason: null } })
})
