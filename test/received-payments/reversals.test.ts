import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTransaction } from '../../db/client.ts'
import { postJournal } from '../../db/ledger.ts'
import { reconcile } from '../../db/reconciliation.ts'
import { serveApi, type ServedApi } from '../api/serve.ts'
import type { TestClient } from '../api/client.ts'
import { billDay, issueCreditNotes, placeOrder } from '../billing.ts'
import { listedEvents } from '../listed-events.ts'
import { makeAccount, makeCustomer, makeKey, type TestAccount } from '../factories.ts'

/** Money that had come in and went back, through HTTP. */

let api: ServedApi
let account: TestAccount
let client: TestClient
let customerId: string

beforeAll(async () => {
  api = await serveApi('payment_reversals')
  account = await makeAccount(api.database)
  client = api.client(account.key)
  customerId = await makeCustomer(api.database, account.accountId)
})
afterAll(() => api.stop())

type Invoice = { status: string; amount_paid: number; purchase_order_id: string }
type Payment = { id: string; status: string; reversed_on: string | null }

/** An invoice of so many units of 10.00. */
async function bill(quantity: number): Promise<string> {
  const order = await placeOrder(api, account, customerId, [{ priceMinor: 1000n, quantity }])
  const { accountId } = account
  const [invoice] = await billDay(api, accountId, order.purchase_order.id, { documents: false })
  return invoice?.id ?? ''
}

async function pay(invoiceId: string, amount: number): Promise<string> {
  const body = { amount, reference: randomUUID(), received_on: '2026-11-23' }
  return (await client.post<Payment>(`/v2/invoices/${invoiceId}/payments`, body)).body.id
}

const REVERSAL = { reason: 'Returned by the bank', reversed_on: '2026-11-25' }

const reverse = (invoiceId: string, paymentId: string, body: object = REVERSAL, key?: string) =>
  client.post<Payment>(`/v2/invoices/${invoiceId}/payments/${paymentId}/reversal`, body, {
    ...(key === undefined ? {} : { key }),
  })

const read = async (invoiceId: string) =>
  (await client.get<Invoice>(`/v2/invoices/${invoiceId}`)).body

/** The customer's cash that pays nothing yet, and that the books agree with the rows. */
async function unallocated(): Promise<bigint> {
  const { accountId } = account
  const results = await reconcile(api.database.db, accountId)
  expect(
    results.flatMap(({ name, differences }) => (differences.length > 0 ? [name] : [])),
  ).toEqual([])
  const { unallocated_minor } = await api.database.db
    .selectFrom('customer_balances')
    .select('unallocated_minor')
    .where('customer_id', '=', customerId)
    .where('currency', '=', 'EUR')
    .executeTakeFirstOrThrow()
  return unallocated_minor
}

test('what a payment paid is owed again; its invoice opens, and is paid by the next one', async () => {
  const invoiceId = await bill(2)
  const payment = await pay(invoiceId, 20)
  const { purchase_order_id } = await read(invoiceId)
  const day = async () =>
    (await client.get<{ status: string }>(`/v2/purchase-orders/${purchase_order_id}`)).body.status
  expect(await day()).toBe('settled')
  expect(await reverse(invoiceId, payment)).toMatchObject({
    status: 201,
    body: { status: 'reversed', reversed_on: '2026-11-25', amount: 20, allocated: 20 },
  })
  expect(await read(invoiceId)).toMatchObject({ status: 'open', amount_paid: 0 })
  expect(await day()).toBe('invoiced')
  await pay(invoiceId, 20)
  expect(await read(invoiceId)).toMatchObject({ status: 'paid', amount_paid: 20 })
  expect(await day()).toBe('settled')
  const events = await listedEvents<{ type: string; sequence: number }>(
    client,
    `object_id=${invoiceId}`,
    4,
  )
  expect(events.map(({ type, sequence }) => `${sequence} ${type}`).toSorted()).toEqual([
    '1 invoice.finalized',
    '2 invoice.paid',
    '3 invoice.reopened',
    '4 invoice.paid',
  ])
  expect(await unallocated()).toBe(0n)
})

test('is one reversal, however often and at the same time; another one is refused', async () => {
  const invoiceId = await bill(1)
  const payment = await pay(invoiceId, 4)
  const answers = await Promise.all([1, 2, 3].map(() => reverse(invoiceId, payment)))
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
  expect(await read(invoiceId)).toMatchObject({ status: 'open', amount_paid: 0 })
  const other = await reverse(invoiceId, payment, { ...REVERSAL, reason: 'By mistake' })
  expect(other).toMatchObject({ status: 409, body: { error: { reason: 'already_reversed' } } })
})

test('what was too much comes out of the customer’s cash, and of what it has paid, the last first', async () => {
  const first = await bill(1)
  const before = await unallocated()
  const payment = await pay(first, 25)
  expect(await unallocated()).toBe(before + 1500n)
  const [second, third] = [await bill(1), await bill(1)]
  const allocate = (invoiceId: string, amount: number) =>
    client.post(`/v2/invoices/${invoiceId}/allocations`, { amount })
  expect((await allocate(second, 10)).status).toBe(201)
  expect((await allocate(third, 4)).status).toBe(201)
  await pay(third, 6)
  expect((await read(third)).status).toBe('paid')
  // 15.00 were too much: 1.00 is still there, 4.00 come from the third, 10.00 from the second invoice.
  expect((await reverse(first, payment)).status).toBe(201)
  expect(await read(first)).toMatchObject({ status: 'open', amount_paid: 0 })
  expect(await read(third)).toMatchObject({ status: 'open', amount_paid: 6 })
  expect(await read(second)).toMatchObject({ status: 'open', amount_paid: 0 })
  expect(await unallocated()).toBe(before)
  expect((await reverse(first, payment)).status).toBe(201)
  const reopened = await Promise.all(
    [first, second, third].map(async (id) => {
      const { body } = await client.get<{ data: { type: string }[] }>(`/v2/events?object_id=${id}`)
      return body.data.filter(({ type }) => type === 'invoice.reopened').length
    }),
  )
  expect(reopened).toEqual([1, 1, 1])
  await pay(second, 10)
  expect(await read(second)).toMatchObject({ status: 'paid', amount_paid: 10 })
})

test('an invoice that was credited since does not owe what it gave back', async () => {
  const before = await unallocated()
  const first = await bill(1)
  const payment = await pay(first, 20)
  const second = await bill(1)
  await client.post(`/v2/invoices/${second}/allocations`, { amount: 10 })
  await client.post(`/v2/invoices/${second}/credit-notes`, { reason: 'Refused' })
  await issueCreditNotes(api, account.accountId, { documents: false })
  expect(await unallocated()).toBe(before + 1000n)
  expect((await reverse(first, payment)).status).toBe(201)
  expect((await read(second)).status).not.toBe('open')
  expect(await unallocated()).toBe(before)
})

test('what a credit note gave back of it is not owed again', async () => {
  const before = await unallocated()
  const invoiceId = await bill(3)
  const payments = [await pay(invoiceId, 20), await pay(invoiceId, 10)]
  await client.post(`/v2/invoices/${invoiceId}/credit-notes`, {
    reason: 'Refused',
    lines: [{ position: 1, quantity: 1 }],
  })
  await issueCreditNotes(api, account.accountId, { documents: false })
  expect(await unallocated()).toBe(before + 1000n)
  await reverse(invoiceId, payments[0] ?? '')
  expect(await unallocated()).toBe(before)
  await reverse(invoiceId, payments[1] ?? '')
  expect(await unallocated()).toBe(before)
  const { rows } = await api.database.pool.query<{ owed: bigint }>(
    'select invoice_owed($1, $2) as owed',
    [account.accountId, invoiceId],
  )
  expect(rows[0]?.owed).toBe(2000n)
})

test('bad reversals change nothing', async () => {
  const invoiceId = await bill(1)
  const payment = await pay(invoiceId, 3)
  for (const bad of [{ ...REVERSAL, reason: '' }, { ...REVERSAL, reversed_on: 'today' }, {}]) {
    expect((await reverse(invoiceId, payment, bad)).status).toBe(422)
  }
  expect((await reverse(invoiceId, 'rcp_nothing')).status).toBe(404)
  expect((await reverse(await bill(1), payment)).status).toBe(404)
  const bound = await makeKey(api.database, account, { customerId })
  expect((await reverse(invoiceId, payment, REVERSAL, bound)).status).toBe(403)
  const reader = await makeKey(api.database, account, { scopes: ['invoices:read'] })
  expect((await reverse(invoiceId, payment, REVERSAL, reader)).status).toBe(403)
  expect(await read(invoiceId)).toMatchObject({ status: 'open', amount_paid: 3 })
})

test('what has gone back to the customer cannot be taken again', async () => {
  const first = await bill(1)
  const payment = await pay(first, 15)
  const spent = await unallocated()
  await inTransaction(api.database.db, (tx) =>
    postJournal(tx, {
      accountId: account.accountId,
      customerId,
      currency: 'EUR',
      posting: { kind: 'refund_succeeded', amounts: { credited: spent } },
      sourceId: `${first}/re_elsewhere`,
    }),
  )
  expect(await reverse(first, payment)).toMatchObject({
    status: 422,
    body: { error: { reason: 'cash_exceeded' } },
  })
  expect(await read(first)).toMatchObject({ status: 'paid', amount_paid: 10 })
})
