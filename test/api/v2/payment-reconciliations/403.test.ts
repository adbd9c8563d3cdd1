import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeCustomer, makeKey } from '../../../factories.ts'
import { serveApi, type ServedApi } from '../../serve.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('payment_reconciliations_403')
})
afterAll(() => api.stop())

const READS = [
  '/v2/payments/reconciliations',
  '/v2/payments/differences',
  '/v2/payments/differences/pdf_0199c0de5a000123456789abcd',
]

test('a key of one customer, and one without the scope, see no books and compare nothing', async () => {
  const account = await makeAccount(api.database)
  const customerId = await makeCustomer(api.database, account.accountId)
  const bound = api.client(await makeKey(api.database, account, { customerId }))
  const other = api.client(await makeKey(api.database, account, { scopes: ['orders:read'] }))
  for (const client of [bound, other]) {
    for (const path of READS) expect((await client.get(path)).status).toBe(403)
    const asked = await client.post('/v2/payments/reconciliations', { date: '2026-11-22' })
    expect(asked.status).toBe(403)
  }
  const { rows } = await api.database.pool.query('select 1 from payment_reconciliations')
  expect(rows).toEqual([])
})
