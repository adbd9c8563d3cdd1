import { afterAll, beforeAll, expect, test } from 'vitest'
import { placeOrder } from '../../../billing.ts'
import { makeAccount, makeCustomer, makeKey } from '../../../factories.ts'
import { serveApi, type ServedApi } from '../../serve.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('day_close_refused')
})
afterAll(() => api.stop())

test('404 for a date on which nothing was ordered, also when somebody else ordered', async () => {
  const [own, other] = [await makeAccount(api.database), await makeAccount(api.database)]
  const customerId = await makeCustomer(api.database, other.accountId)
  await placeOrder(api, other, customerId, [{ priceMinor: 1_000n, quantity: 1 }])
  const day = await api
    .client(other.key)
    .get<{ data: { business_date: string }[] }>('/v2/purchase-orders')
  const path = `/v2/day-close/${day.body.data[0]?.business_date}`
  expect((await api.client(other.key).get(path)).status).toBe(200)
  expect((await api.client(own.key).get(path)).status).toBe(404)
})

test.each(['2026-02-30', '2026-2-3', 'today', '2026-11-22T00:00:00Z'])(
  '422 for %s, which is no date',
  async (date) => {
    const { key } = await makeAccount(api.database)
    const answer = await api
      .client(key)
      .get<{ error: { details: { field: string }[] } }>(`/v2/day-close/${date}`)
    expect(answer.status).toBe(422)
    expect(answer.body.error.details[0]?.field).toBe('date')
  },
)

test('403 without the scope, and for a key that is bound to a customer', async () => {
  const account = await makeAccount(api.database)
  const customerId = await makeCustomer(api.database, account.accountId)
  const reader = api.client(await makeKey(api.database, account, { scopes: ['invoices:read'] }))
  expect((await reader.get('/v2/day-close/2026-11-22')).status).toBe(403)
  const bound = api.client(await makeKey(api.database, account, { customerId }))
  expect((await bound.get('/v2/day-close/2026-11-22')).status).toBe(403)
})
