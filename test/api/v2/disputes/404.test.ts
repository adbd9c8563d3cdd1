import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../../serve.ts'
import { makeAccount, makeCustomer, makeKey } from '../../../factories.ts'
import { openDisputeShop } from './shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('disputes_404')
})
afterAll(() => api.stop())

test("somebody else's dispute, one that does not exist, and one that is only rumoured", async () => {
  const { account, path, client, disputeId } = await openDisputeShop(api)
  const stranger = api.client((await makeAccount(api.database)).key)
  const customerId = await makeCustomer(api.database, account.accountId)
  const another = api.client(await makeKey(api.database, account, { customerId }))
  for (const one of [stranger, another]) {
    expect((await one.get(path)).status).toBe(404)
    expect((await one.post(`${path}/accept`)).status).toBe(404)
    const body = { evidence: { transaction_details: 'x' } }
    expect((await one.post(`${path}/respond`, body)).status).toBe(404)
    expect((await one.get<{ data: unknown[] }>('/v2/payments/disputes')).body.data).toEqual([])
  }
  expect((await client.get('/v2/payments/disputes/dp_1')).status).toBe(404)
  await api.database.pool.query('update disputes set opened_at = null where id = $1', [disputeId])
  expect((await client.get(path)).status).toBe(404)
})
