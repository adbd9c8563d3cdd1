import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../api/serve.ts'
import type { TestClient } from '../api/client.ts'
import { billDay, placeOrder } from '../billing.ts'
import { listedEvents } from '../listed-events.ts'
import { makeAccount, makeCustomer, makeKey, type TestAccount } from '../factories.ts'

/** Money that comes in for invoices, through HTTP; the invoices are made the real way. */

let api: ServedApi
let account: TestAccount
let customerId: string
let client: TestClient

type Invoice = {
  id: string
  status: string
  total: number
  amount_paid: number
  purchase_order_id: string
}
type Payment = { id: string; amount: number; allocated: number; unallocated: number }

beforeAll(async () => {
  api = await serveApi('received_payments')
  account = await makeAccount(api.database)
  customerId = await makeCustomer(api.database, account.accountId)
  client = api.client(account.key)
})
afterAll(() => api.stop())

/** An order of so many units of 10.00, delivered, its day closed and billed. */
async function bill(quantity: number): Promise<{ invoice: Invoice; orderId: string }> {
  const items = [{ priceMinor: 1000n, quantity }]
  const order = await placeOrder(api, account, customerId, items)
  const invoices = await billDay(api, account.accountId, order.purchase_order.id)
  const { body } = await client.get<Invoice>(`/v2/invoices/${invoices[0]?.id}`)
  return { invoice: body, orderId: order.id }
}

const pay = (
  invoice: Invoice,
  amount: number | string,
  over: { reference?: string; received_on?: string } = {},
) =>
  client.post<Payment>(`/v2/invoices/${invoice.id}/payments`, {
    amount,
    reference: over.reference ?? randomUUID(),
    received_on: over.received_on ?? '2026-11-23',
  })

const read = async (invoice: Invoice) =>
  (await client.get<Invoice>(`/v2/invoices/${invoice.id}`)).body

test('parts pay an invoice; with the last of them it, its order and its day are paid', async () => {
  const { invoice, orderId } = await bill(3)
  expect(await pay(invoice, 12.5)).toMatchObject({
    status: 201,
    body: { amount: 12.5, allocated: 12.5, unallocated: 0 },
  })
  expect(await read(invoice)).toMatchObject({ status: 'open', amount_paid: 12.5 })
  await pay(invoice, '17.50')
  expect(await read(invoice)).toMatchObject({ status: 'paid', amount_paid: 30 })
  const day = await client.get<{ status: string }>(
    `/v2/purchase-orders/${invoice.purchase_order_id}`,
  )
  expect(day.body.status).toBe('settled')
  const order = await client.get<{ payment_status: string }>(
    `/v2/orders/${orderId.replace('txn_', 'ord_')}`,
  )
  expect(order.body.payment_status).toBe('paid')
  const events = await listedEvents<{ data: { object: Invoice } }>(
    client,
    `type=invoice.paid&object_id=${invoice.id}`,
    1,
  )
  expect(events).toHaveLength(1)
  expect(events[0]?.data.object).toMatchObject({ status: 'paid', amount_paid: 30 })
  const listed = await client.get<{ data: Payment[] }>(`/v2/invoices/${invoice.id}/payments`)
  expect(listed.body.data.map((payment) => payment.amount)).toEqual([12.5, 17.5])
})

test('what is too much stays the customer’s, and pays another invoice', async () => {
  const { invoice } = await bill(1)
  expect((await pay(invoice, 25)).body).toMatchObject({ allocated: 10, unallocated: 15 })
  expect(await read(invoice)).toMatchObject({ status: 'paid', amount_paid: 10 })
  const next = (await bill(2)).invoice
  const allocate = (amount: number) =>
    client.post<Invoice>(`/v2/invoices/${next.id}/allocations`, { amount })
  expect((await allocate(15.01)).status).toBe(422)
  expect(await allocate(15)).toMatchObject({
    status: 201,
    body: { status: 'open', amount_paid: 15 },
  })
  expect((await allocate(1)).status).toBe(422)
  await pay(next, 5)
  expect(await read(next)).toMatchObject({ status: 'paid', amount_paid: 20 })
})

describe('a reference', () => {
  test('is one payment, however often it is sent and at the same time', async () => {
    const { invoice } = await bill(1)
    const reference = randomUUID()
    const answers = await Promise.all([1, 2, 3].map(() => pay(invoice, 4, { reference })))
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]))
    expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1)
    expect(await read(invoice)).toMatchObject({ amount_paid: 4 })
  })

  test('that says something else is refused', async () => {
    const { invoice } = await bill(1)
    const reference = randomUUID()
    await pay(invoice, 4, { reference })
    expect((await pay(invoice, 5, { reference })).status).toBe(409)
    expect((await pay(invoice, 4, { reference, received_on: '2026-11-22' })).status).toBe(409)
    expect(await read(invoice)).toMatchObject({ amount_paid: 4 })
  })
})

test('bad payments change nothing', async () => {
  const { invoice } = await bill(1)
  const path = `/v2/invoices/${invoice.id}/payments`
  const good = { amount: 1, reference: 'r', received_on: '2026-11-23' }
  for (const bad of [
    { ...good, amount: 0 },
    { ...good, amount: -1 },
    { ...good, amount: 1.001 },
    { ...good, reference: '' },
    { ...good, received_on: '2026-02-30' },
    { ...good, method: 'gold' },
    { ...good, tip: 1 },
  ]) {
    expect((await client.post(path, bad)).status).toBe(422)
  }
  const bound = await makeKey(api.database, account, { customerId })
  expect((await client.post(path, good, { key: bound })).status).toBe(403)
  expect(await read(invoice)).toMatchObject({ status: 'open', amount_paid: 0 })
})
