import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeCustomer, makeKey } from '../../../factories.ts'
import { serveApi, type ServedApi } from '../../serve.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('billing_settings_refused')
})
afterAll(() => api.stop())

const good = { time_zone: 'Asia/Tokyo', cut_off: '18:00', bill_on: 'acceptance' }

test.each([
  ['a zone that is none', { ...good, time_zone: 'Asia/Nowhere' }, 'time_zone'],
  ['an offset', { ...good, time_zone: '+03:00' }, 'time_zone'],
  ['a cut-off at the day’s start', { ...good, cut_off: '00:00' }, 'cut_off'],
  ['a wish that is not known', { ...good, bill_on: 'delivery' }, 'bill_on'],
  ['a field that is not known', { ...good, settle: 1 }, 'settle'],
])('422 for %s, and nothing changes', async (_, body, field) => {
  const { key } = await makeAccount(api.database)
  const client = api.client(key)
  const before = await client.get('/v2/billing-settings')
  const answer = await client.put<{ error: { details: { field: string }[] } }>(
    '/v2/billing-settings',
    body,
  )
  expect(answer.status).toBe(422)
  expect(answer.body.error.details[0]?.field).toContain(field)
  expect((await client.get('/v2/billing-settings')).body).toEqual(before.body)
})

test('403 without the scope, and for a key that is bound to a customer', async () => {
  const account = await makeAccount(api.database)
  const customerId = await makeCustomer(api.database, account.accountId)
  const reader = api.client(await makeKey(api.database, account, { scopes: ['invoices:read'] }))
  expect((await reader.get('/v2/billing-settings')).status).toBe(200)
  expect((await reader.put('/v2/billing-settings', good)).status).toBe(403)
  const bound = api.client(await makeKey(api.database, account, { customerId }))
  expect((await bound.get('/v2/billing-settings')).status).toBe(403)
  expect((await bound.put('/v2/billing-settings', good)).status).toBe(403)
})
