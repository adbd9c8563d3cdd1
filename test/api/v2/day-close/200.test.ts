import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { billDay, placeOrder } from '../../../billing.ts'
import { makeAccount, makeCustomer, makeProduct } from '../../../factories.ts'
import { serveApi, type ServedApi } from '../../serve.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('day_close_200')
})
afterAll(() => api.stop())

type DayClose = {
  status: string
  complete: boolean
  totals: Record<string, unknown>[]
  checklist: { name: string; count: number; ids: string[] }[]
}

test('the checklist names what is left of a date, and is empty when it is done', async () => {
  const account = await makeAccount(api.database)
  const { accountId } = account
  const client = api.client(account.key)
  const customerId = await makeCustomer(api.database, accountId)
  const done = await placeOrder(api, account, customerId, [{ priceMinor: 1_000n, quantity: 2 }])
  const { sku } = await makeProduct(api.database, accountId, { priceMinor: 500n, currency: 'EUR' })
  const waiting = await client.post<{ id: string }>('/v2/transactions', {
    customer_id: customerId,
    items: [{ sku, quantity: 3 }],
  })
  const { rows } = await sql<{ date: string }>`select business_date::text as date
    from purchase_orders where id = ${done.purchase_order.id}`.execute(api.database.db)
  const path = `/v2/day-close/${rows[0]?.date}`
  const left = async () => {
    const { body } = await client.get<DayClose>(path)
    const counts = body.checklist.filter(({ count }) => count > 0)
    return { body, counts: Object.fromEntries(counts.map(({ name, count }) => [name, count])) }
  }

  const morning = await left()
  expect(morning.body).toMatchObject({
    status: 'open',
    complete: false,
    totals: [
      {
        currency: 'EUR',
        purchase_order_count: 1,
        transaction_count: 2,
        accepted_minor: 3_500,
        invoice_count: 0,
      },
    ],
  })
  expect(morning.counts).toEqual({ open_purchase_orders: 1, open_orders: 1, unfulfilled_codes: 3 })
  expect(morning.body.checklist.find(({ name }) => name === 'open_orders')?.ids).toEqual([
    waiting.body.id,
  ])

  await billDay(api, accountId, done.purchase_order.id, { documents: false })
  expect((await left()).counts).toEqual({
    open_orders: 1,
    unfulfilled_codes: 3,
    documents_not_sent: 1,
  })
  await billDay(api, accountId, done.purchase_order.id)
  await sql`update units set state = 'cancelled' where transaction_id = ${waiting.body.id}`.execute(
    api.database.db,
  )
  await sql`update transactions set ended_at = clock_timestamp()
    where id = ${waiting.body.id}`.execute(api.database.db)
  const evening = await left()
  expect(evening.counts).toEqual({})
  expect(evening.body).toMatchObject({
    status: 'closed',
    complete: true,
    totals: [{ invoice_count: 1, invoiced_minor: 2_000, credited_minor: 0 }],
  })
})

test('an order that is not paid, and a capture that failed, are named', async () => {
  const account = await makeAccount(api.database)
  const { accountId } = account
  const customerId = await makeCustomer(api.database, accountId)
  const order = await placeOrder(api, account, customerId, [{ priceMinor: 1_000n, quantity: 1 }])
  const { db } = api.database
  await sql`update transactions set payment_method = 'card', pay_by = accepted_at
    where id = ${order.id}`.execute(db)
  await sql`insert into payment_intents (id, account_id, customer_id, transaction_id, amount_minor,
      currency, capture_method, method, state, state_since, created_at)
    values ('pi_test', ${accountId}, ${customerId}, ${order.id}, 1000, 'EUR', 'manual', 'card',
      'requires_capture', now(), now())`.execute(db)
  await sql`insert into payment_operations (id, account_id, payment_id, kind, state, amount_minor,
      idempotency_key, submitted_at, created_at)
    values ('pop_test', ${accountId}, 'pi_test', 'capture', 'unknown', 1000, 'k', now(),
      now())`.execute(db)
  const { rows } = await sql<{ date: string }>`select business_date::text as date
    from purchase_orders where id = ${order.purchase_order.id}`.execute(db)
  const { body } = await api.client(account.key).get<DayClose>(`/v2/day-close/${rows[0]?.date}`)
  expect(body.checklist).toEqual(
    expect.arrayContaining([
      { name: 'unpaid_prepaid_orders', count: 1, ids: [order.id] },
      { name: 'failed_captures', count: 1, ids: ['pop_test'] },
    ]),
  )
})
