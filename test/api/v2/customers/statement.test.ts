import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TestClient } from '../../client.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import { billDay, issueCreditNotes, placeOrder } from '../../../billing.ts'
import { readPdf } from '../../../documents/pdf-reader.ts'
import { makeAccount, makeCustomer, makeKey, type TestAccount } from '../../../factories.ts'

let api: ServedApi
let account: TestAccount
let client: TestClient

beforeAll(async () => {
  api = await serveApi('statements')
  account = await makeAccount(api.database, { currency: 'EUR' })
  client = api.client(account.key)
})
afterAll(() => api.stop())

type Entry = { date: string; kind: string; reference: string; amount: number; balance: number }
type Statement = {
  currency: string
  date_from: string
  date_to: string
  opening_balance: number
  entries: Entry[]
  closing_balance: number
  closing_balance_minor: number
  unallocated_minor: number
  open_invoices: { id: string; number: string; owed_minor: number }[]
  documents: { format: string; url: string }[]
}

async function bill(customerId: string, quantity: number): Promise<{ id: string; number: string }> {
  const order = await placeOrder(api, account, customerId, [{ priceMinor: 1000n, quantity }])
  const { accountId } = account
  const invoices = await billDay(api, accountId, order.purchase_order.id, { documents: false })
  return invoices[0] ?? { id: '', number: '' }
}

async function pay(
  invoiceId: string,
  amount: number,
  reference: string = randomUUID(),
): Promise<string> {
  const body = { amount, reference, received_on: '2026-11-23' }
  return (await client.post<{ id: string }>(`/v2/invoices/${invoiceId}/payments`, body)).body.id
}

/** The account's clock, so many days ahead of the machine's. */
async function moveClock(days: number): Promise<void> {
  await api.database.pool.query(`update test_clocks set offset_ms = $2 where account_id = $1`, [
    account.accountId,
    days * 86_400_000,
  ])
}

async function read(customerId: string, query = ''): Promise<Statement> {
  const answer = await client.get<Statement>(`/v2/customers/${customerId}/statement${query}`)
  if (answer.status !== 200) throw new Error(answer.bytes.toString())
  return answer.body
}

test('comes as PDF and CSV that say the same, byte for byte each time', async () => {
  const customerId = await makeCustomer(api.database, account.accountId, {
    company: 'Ηλιοτρόπιο Α.Ε.',
  })
  const invoice = await bill(customerId, 123)
  await pay(invoice.id, 1300, '=HYPERLINK("http://evil.example")')
  const { documents } = await read(customerId)
  const [pdf, csv] = await Promise.all(documents.map(({ url }) => client.get(url)))
  const again = await client.get(documents[0]?.url ?? '')
  expect(again.bytes.equals(pdf?.bytes ?? Buffer.alloc(0))).toBe(true)
  const [page = []] = readPdf(pdf?.bytes ?? Buffer.alloc(0)).pages
  for (const text of [
    'Statement',
    'Ηλιοτρόπιο Α.Ε.',
    'In your favour',
    'EUR −70.00',
    'Page 1 of 1',
    '1,230.00',
    '−70.00',
    'On account',
  ]) {
    expect(page).toContain(text)
  }
  const rows = String(csv?.bytes).trimEnd().split('\r\n')
  expect(rows).toHaveLength(5)
  expect(rows[2]).toMatch(/,invoice,INV-\d+-\d+,1230\.00,1230\.00,EUR$/)
  expect(rows[3]).toContain(`"'=HYPERLINK(""http://evil.example"")",-1300.00,-70.00,EUR`)
  expect(csv?.headers.get('content-disposition')).toMatch(/filename="statement-[\w-]+\.csv"/)
})

test('is empty for somebody who has bought nothing, also in another currency', async () => {
  const customerId = await makeCustomer(api.database, account.accountId)
  expect(await read(customerId, '?currency=usd')).toMatchObject({
    currency: 'USD',
    opening_balance: 0,
    entries: [],
    closing_balance: 0,
    open_invoices: [],
  })
})

test.each([
  ['?date_from=2026-02-01&date_to=2026-02-01', 400],
  ['?date_from=yesterday', 400],
  ['?currency=XX', 400],
  ['?since=2026-01-01', 400],
])('refuses %s', async (query, status) => {
  const customerId = await makeCustomer(api.database, account.accountId)
  const answer = await client.get(`/v2/customers/${customerId}/statement${query}`)
  expect(answer.status).toBe(status)
})

test('is its own customer’s, and no other format than the two', async () => {
  const customerId = await makeCustomer(api.database, account.accountId)
  const path = `/v2/customers/${customerId}/statement`
  const own = await makeKey(api.database, account, { customerId })
  const other = await makeKey(api.database, account, {
    customerId: await makeCustomer(api.database, account.accountId),
  })
  expect((await client.get(path, { key: own })).status).toBe(200)
  expect((await client.get(path, { key: other })).status).toBe(404)
  expect((await client.get('/v2/customers/cust_nobody/statement')).status).toBe(404)
  expect((await client.get(`${path}/documents/ubl`)).status).toBe(406)
})

// The last one, because its clock moves on for good.
test('says what was owed, what changed it and what is owed, as the ledger does', async () => {
  const customerId = await makeCustomer(api.database, account.accountId)
  const first = await bill(customerId, 3)
  await pay(first.id, 10, 'SEPA 1')
  await moveClock(40)
  const second = await bill(customerId, 2)
  const payment = await pay(first.id, 25, 'SEPA 2')
  await client.post(`/v2/invoices/${second.id}/credit-notes`, {
    reason: 'Refused',
    lines: [{ position: 1, quantity: 1 }],
  })
  await issueCreditNotes(api, account.accountId, { documents: false })
  await client.post(`/v2/invoices/${second.id}/allocations`, { amount: 2 })

  const later = new Date(Date.now() + 30 * 86_400_000).toISOString().slice(0, 10)
  const before = await read(customerId, `?date_from=2026-01-01&date_to=${later}`)
  expect(before).toMatchObject({ opening_balance: 0, closing_balance: 20, currency: 'EUR' })
  expect(before.entries).toMatchObject([
    { kind: 'invoice', reference: first.number, amount: 30, balance: 30 },
    { kind: 'payment', reference: 'SEPA 1', amount: -10, balance: 20 },
  ])
  expect(before.open_invoices).toMatchObject([{ number: first.number, owed_minor: 2000 }])

  const end = new Date(Date.now() + 100 * 86_400_000).toISOString().slice(0, 10)
  const after = await read(customerId, `?date_from=${later}&date_to=${end}`)
  expect(after).toMatchObject({ opening_balance: 20, closing_balance: 5, unallocated_minor: 300 })
  expect(after.entries.map(({ kind, amount, balance }) => [kind, amount, balance])).toEqual([
    ['invoice', 20, 40],
    ['payment', -25, 15],
    ['credit_note', -10, 5],
  ])
  expect(after.open_invoices).toMatchObject([{ number: second.number, owed_minor: 800 }])
  const owed = after.open_invoices.reduce((sum, invoice) => sum + invoice.owed_minor, 0)
  expect(owed - after.unallocated_minor).toBe(after.closing_balance_minor)

  const reversal = { reason: 'Returned', reversed_on: '2026-12-30' }
  const path = `/v2/invoices/${first.id}/payments/${payment}/reversal`
  expect((await client.post(path, reversal)).status).toBe(201)
  const last = await read(customerId, `?date_from=${later}&date_to=${end}`)
  expect(last.entries.at(-1)).toMatchObject({ kind: 'payment_reversal', amount: 25, balance: 30 })
  // Two of it had paid the second invoice: they are owed there again.
  expect(last.open_invoices).toMatchObject([
    { number: first.number, owed_minor: 2000 },
    { number: second.number, owed_minor: 1000 },
  ])
  const balances = await api.database.db
    .selectFrom('customer_balances')
    .select(['invoiced_minor', 'unallocated_minor'])
    .where('customer_id', '=', customerId)
    .where('currency', '=', 'EUR')
    .executeTakeFirstOrThrow()
  expect(BigInt(last.closing_balance_minor)).toBe(
    balances.invoiced_minor - balances.unallocated_minor,
  )
})
