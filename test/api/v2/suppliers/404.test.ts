import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeProduct } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import { NORTHWIND, type Supplier, type SupplierSku } from './objects.ts'

let api: ServedApi
let mine: TestClient
let others: TestClient
let path: string
let skuPath: string
beforeAll(async () => {
  api = await serveApi('suppliers_404')
  const account = await makeAccount(api.database)
  mine = api.client(account.key)
  others = api.client((await makeAccount(api.database)).key)
  path = `/v2/suppliers/${(await mine.post<Supplier>('/v2/suppliers', NORTHWIND)).body.id}`
  const product = await makeProduct(api.database, account.accountId)
  const sku = { product_id: product.id, supplier_sku: 'N', cost: 1, currency: 'USD' }
  skuPath = `${path}/skus/${(await mine.post<SupplierSku>(`${path}/skus`, sku)).body.id}`
})
afterAll(() => api.stop())

test("somebody else's supplier, and what it sells", async () => {
  const product = { product_id: 'prod_x', supplier_sku: 'N', cost: 1, currency: 'USD' }
  const answers = [
    await others.get(path),
    await others.patch(path, { name: 'mine now' }),
    await others.get(`${path}/skus`),
    await others.post(`${path}/skus`, product),
    await others.get(skuPath),
    await others.patch(skuPath, { priority: 1 }),
    await mine.get('/v2/suppliers/sup_1'),
    await mine.get(`${path}/skus/ssku_1`),
  ]
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404))
  expect((await mine.get<Supplier>(path)).body.name).toBe(NORTHWIND.name)
})
