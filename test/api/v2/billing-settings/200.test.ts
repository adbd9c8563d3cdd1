import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeCustomer, makeKey, makeProduct } from '../../../factories.ts'
import { serveApi, type ServedApi } from '../../serve.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('billing_settings_200')
})
afterAll(() => api.stop())

type Settings = {
  time_zone: string
  cut_off: string
  bill_on: string | null
  business_day: {
    business_date: string
    starts_at: string
    ends_at: string
    time_zone: string
    cut_off: string
    changes: { from: string; time_zone: string; cut_off: string } | null
  }
}

/** An account in Berlin at noon (UTC) of a summer's day. */
async function openAtNoon() {
  const account = await makeAccount(api.database, { timeZone: 'Europe/Berlin' })
  await sql`update test_clocks set offset_ms = ceil(extract(epoch from
    '2027-07-01T12:00:00Z'::timestamptz - clock_timestamp()) * 1000)
    where account_id = ${account.accountId}`.execute(api.database.db)
  return { account, client: api.client(account.key) }
}

test('an account’s calendar changes with the next business date, and the present day stays', async () => {
  const { client } = await openAtNoon()
  const before = await client.get<Settings>('/v2/billing-settings')
  expect(before.body).toMatchObject({
    object: 'account_billing_settings',
    time_zone: 'Europe/Berlin',
    cut_off: '24:00',
    bill_on: 'allocation',
    business_day: {
      business_date: '2027-07-01',
      starts_at: '2027-06-30T22:00:00.000Z',
      ends_at: '2027-07-01T22:00:00.000Z',
      changes: null,
    },
  })
  const wish = { time_zone: 'America/New_York', cut_off: '18:00', bill_on: 'acceptance' }
  const answer = await client.put<Settings>('/v2/billing-settings', wish)
  expect(answer.status).toBe(200)
  expect(answer.body).toMatchObject(wish)
  expect(answer.body.business_day).toEqual({
    ...before.body.business_day,
    changes: { from: '2027-07-02', time_zone: 'America/New_York', cut_off: '18:00' },
  })
  // Taken back before it held: nothing changes any more.
  const back = await client.put<Settings>('/v2/billing-settings', {
    ...wish,
    time_zone: 'Europe/Berlin',
    cut_off: '24:00',
  })
  expect(back.body.business_day).toMatchObject({ time_zone: 'Europe/Berlin', cut_off: '24:00' })
  const settings = await client.get<Settings>('/v2/billing-settings')
  expect(settings.body).toMatchObject({ time_zone: 'Europe/Berlin', bill_on: 'acceptance' })
})

test('a customer has its own, or what the account says; a purchase order keeps what it opened with', async () => {
  const { account, client } = await openAtNoon()
  const customerId = await makeCustomer(api.database, account.accountId)
  const path = `/v2/customers/${customerId}/billing-settings`
  const wish = { invoice_recipients: null, invoice_formats: null }
  expect((await client.put<Settings>(path, wish)).body.bill_on).toBeNull()
  const { sku } = await makeProduct(api.database, account.accountId)
  const order = async () => {
    const body = { customer_id: customerId, items: [{ sku, quantity: 1 }] }
    const { body: made } = await client.post<{ purchase_order: { id: string } }>(
      '/v2/transactions',
      body,
    )
    const { rows } = await sql<{ bill_on: string }>`select bill_on from purchase_orders
      where id = ${made.purchase_order.id}`.execute(api.database.db)
    return { id: made.purchase_order.id, billOn: rows[0]?.bill_on }
  }
  const first = await order()
  const own = await client.put<Settings>(path, { ...wish, bill_on: 'acceptance' })
  expect(own.body.bill_on).toBe('acceptance')
  expect([first.billOn, await order()]).toEqual(['allocation', first])
  await client.post(`/v2/purchase-orders/${first.id}/close`)
  expect((await order()).billOn).toBe('acceptance')
  await client.patch(`/v2/customers/${customerId}`, { cut_off: '12:00' })
  expect((await client.get<Settings>(path)).body.business_day).toMatchObject({
    business_date: '2027-07-01',
    cut_off: '24:00',
    changes: { from: '2027-07-02', time_zone: 'Europe/Berlin', cut_off: '12:00' },
  })
  const bound = api.client(await makeKey(api.database, account, { customerId }))
  expect((await bound.get(path)).status).toBe(200)
})
