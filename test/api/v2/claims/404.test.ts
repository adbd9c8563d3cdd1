import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeCustomer, makeKey } from '../../../factories.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import { openClaimShop, type Claim } from './shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('claims_404')
})
afterAll(() => api.stop())

test("somebody else's unit and claim, and those that do not exist", async () => {
  const { account, client, pathOf } = await openClaimShop(api)
  const path = pathOf('available')
  const claim = await client.post<Claim>(pathOf('available', 1), { reason: 'used' })
  const stranger = api.client((await makeAccount(api.database)).key)
  const customerId = await makeCustomer(api.database, account.accountId)
  const another = api.client(await makeKey(api.database, account, { customerId }))
  for (const one of [stranger, another]) {
    expect((await one.post(path, { reason: 'used' })).status).toBe(404)
    expect((await one.get(`/v2/claims/${claim.body.id}`)).status).toBe(404)
    expect((await one.get<{ data: Claim[] }>('/v2/claims')).body.data).toEqual([])
  }
  const other = await openClaimShop(api)
  const mixed = path.replace(/txn_\w+/, other.transactionId)
  expect((await client.post(mixed, { reason: 'used' })).status).toBe(404)
  expect((await client.post(path.replace(/unit_\w+/, 'unit_1'), { reason: 'x' })).status).toBe(404)
  expect((await client.get('/v2/claims/clm_1')).status).toBe(404)
})
