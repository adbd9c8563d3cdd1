import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeKey } from '../../../factories.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import { openClaimShop, type Claim } from './shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('claims_200')
})
afterAll(() => api.stop())

test('claims are read one by one and listed, the latest first, also by their customer', async () => {
  const { account, client, customerId, transactionId, pathOf } = await openClaimShop(api)
  const first = await client.post<Claim>(pathOf('available'), { reason: 'one' })
  const second = await client.post<Claim>(pathOf('available', 1), { reason: 'two' })
  expect((await client.get(`/v2/claims/${first.body.id}`)).body).toEqual(first.body)
  const own = api.client(await makeKey(api.database, account, { customerId }))
  for (const reader of [client, own]) {
    const list = await reader.get<{ data: Claim[] }>('/v2/claims')
    expect(list.body.data).toEqual([second.body, first.body])
    const open = await reader.get<{ data: Claim[] }>(
      `/v2/claims?status=open&transaction_id=${transactionId}`,
    )
    expect(open.body.data).toHaveLength(2)
    const none = await reader.get<{ data: Claim[] }>('/v2/claims?status=refunded')
    expect(none.body.data).toEqual([])
  }
})
