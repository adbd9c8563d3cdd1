import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../../serve.ts'
import { makeKey } from '../../../factories.ts'
import { openDisputeShop } from './shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('disputes_403')
})
afterAll(() => api.stop())

test('a key without the scope reads and answers nothing', async () => {
  const { account, path } = await openDisputeShop(api)
  const reader = api.client(await makeKey(api.database, account, { scopes: ['payments:read'] }))
  expect((await reader.get(path)).status).toBe(200)
  expect((await reader.post(`${path}/accept`)).status).toBe(403)
  const body = { evidence: { transaction_details: 'x' } }
  expect((await reader.post(`${path}/respond`, body)).status).toBe(403)
  const other = api.client(await makeKey(api.database, account, { scopes: ['orders:read'] }))
  expect((await other.get(path)).status).toBe(403)
  expect((await other.get('/v2/payments/disputes')).status).toBe(403)
})
