import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeCustomer, makeKey } from '../../../factories.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import { NORTHWIND } from './objects.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('suppliers_403')
})
afterAll(() => api.stop())

test('suppliers are for keys with their scopes that are not bound to a customer', async () => {
  const account = await makeAccount(api.database)
  const customerId = await makeCustomer(api.database, account.accountId)
  const bound = api.client(await makeKey(api.database, account, { customerId }))
  const reader = api.client(await makeKey(api.database, account, { scopes: ['suppliers:read'] }))
  const stranger = api.client(await makeKey(api.database, account, { scopes: ['orders:read'] }))
  const refused = { status: 403, body: { error: { reason: 'forbidden_scope' } } }
  expect(await bound.get('/v2/suppliers')).toMatchObject(refused)
  expect(await bound.post('/v2/suppliers', NORTHWIND)).toMatchObject(refused)
  expect(await reader.post('/v2/suppliers', NORTHWIND)).toMatchObject(refused)
  expect(await stranger.get('/v2/suppliers')).toMatchObject(refused)
  expect((await reader.get('/v2/suppliers')).status).toBe(200)
})
