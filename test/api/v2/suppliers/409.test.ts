import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeProduct, type TestAccount } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import { NORTHWIND, type Supplier, type SupplierSku } from './objects.ts'

let api: ServedApi
let account: TestAccount
let client: TestClient
beforeAll(async () => {
  api = await serveApi('suppliers_409')
  account = await makeAccount(api.database)
  client = api.client(account.key)
})
afterAll(() => api.stop())

const refusal = (reason: string) => ({ status: 409, body: { error: { reason } } })

test('a name that another supplier has', async () => {
  await client.post<Supplier>('/v2/suppliers', NORTHWIND)
  expect(await client.post('/v2/suppliers', NORTHWIND)).toMatchObject(refusal('supplier_exists'))
  const { body } = await client.post<Supplier>('/v2/suppliers', { ...NORTHWIND, name: 'Other' })
  const renamed = await client.patch(`/v2/suppliers/${body.id}`, { name: NORTHWIND.name })
  expect(renamed).toMatchObject(refusal('supplier_exists'))
})

test('a product that the supplier sells already, and edits of older versions', async () => {
  const { body: supplier } = await client.post<Supplier>('/v2/suppliers', {
    ...NORTHWIND,
    name: 'Versions',
  })
  const path = `/v2/suppliers/${supplier.id}`
  const product = await makeProduct(api.database, account.accountId)
  const sku = { product_id: product.id, supplier_sku: 'V', cost: 1, currency: 'USD' }
  const { body: first } = await client.post<SupplierSku>(`${path}/skus`, sku)
  expect(await client.post(`${path}/skus`, sku)).toMatchObject(refusal('supplier_sku_exists'))
  for (const one of [path, `${path}/skus/${first.id}`]) {
    await client.patch(one, { active: false })
    const older = await client.patch(one, { active: true, version: 1 })
    expect(older).toMatchObject(refusal('version_mismatch'))
    const headers = { 'If-Match': '"1-x"' }
    expect((await client.patch(one, { active: true }, { headers })).status).toBe(412)
  }
})
