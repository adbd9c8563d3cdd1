import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importCodes, makeCustomer, makeProduct } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'
import { accountDayWorkflowId, hold, release } from '../../workflows/contract.ts'
import { workflowIdOf } from '../../workflow-starts.ts'

/** What finance hears of a business date, through HTTP, real workflows and the inbox. */

let stack: Stack
beforeAll(async () => {
  stack = await startStack('account_days', { supplier: true })
})
afterAll(() => stack.stop())

type Mail = {
  id: string
  account_id: string
  to: string[]
  subject: string
  text: string
  attachments: { filename: string; url: string }[]
}
type Day = {
  status: string
  complete: boolean
  totals: { currency: string; accepted_minor: number; invoiced_minor: number }[]
  digest: { run: number; status: string; complete: boolean | null; recipients: string[] } | null
}
type Order = { id: string; purchase_order: { id: string; business_date: string } }

/** The digests that arrived, the first first. */
async function digests(shop: OpenShop): Promise<Mail[]> {
  const { data }: { data: Mail[] } = JSON.parse(await read('/inbox.json'))
  return data
    .filter(({ account_id, to }) => account_id === shop.account.accountId && to.includes(FINANCE))
    .toReversed()
}
const FINANCE = 'finance@acme.example'

/** A page of the inbox, which is no part of the API. */
async function read(path: string): Promise<string> {
  const answer = await fetch(stack.apiUrl + path)
  expect(answer.status).toBe(200)
  return answer.text()
}

async function readCsv(mail: Mail | undefined, ending: string): Promise<Record<string, string>[]> {
  const file = mail?.attachments.find(({ filename }) => filename.endsWith(ending))
  return parse(await read(file?.url ?? ''), { columns: true })
}

async function place(shop: OpenShop, customerId: string, sku: string): Promise<Order> {
  const body = { customer_id: customerId, items: [{ sku, quantity: 1 }] }
  const answer = await shop.client.post<Order>('/v2/transactions', body)
  expect(answer.status).toBe(201)
  return answer.body
}

const readDay = async (shop: OpenShop, date: string) =>
  (await shop.client.get<Day>(`/v2/day-close/${date}`)).body

/** A shop at the beginning of a business date of its account, which is in UTC. */
async function openAtMidnight(): Promise<{ shop: OpenShop; date: string }> {
  const shop = await openShop(stack)
  const { body } = await shop.client.get<{ business_day: { ends_at: string } }>(
    '/v2/billing-settings',
  )
  const { ends_at } = body.business_day
  await shop.client.post('/v2/test_clock', { to: ends_at })
  await eventually(
    async () => (await shop.client.get<{ status: string }>('/v2/test_clock')).body.status,
    (status) => status === 'ready',
  )
  return { shop, date: ends_at.slice(0, 'YYYY-MM-DD'.length) }
}

test('is told once, after the last purchase order of the date anywhere, and adds up', async () => {
  const { shop, date } = await openAtMidnight()
  const { accountId } = shop.account
  const west = await makeCustomer(stack.database, accountId, {
    company: 'Far, West "Ltd"',
    timeZone: 'America/New_York',
  })
  const euros = await makeProduct(stack.database, accountId, {
    priceMinor: 1_999n,
    currency: 'EUR',
  })
  await importCodes(stack.database, stack.config.keys, shop.account, { productId: euros.id }, 3)
  await shop.advance('PT12H') // it is the same date for both of them
  for (const customerId of [shop.customerId, shop.customerId, west]) {
    await place(shop, customerId, shop.pooled.sku)
  }
  expect((await place(shop, west, euros.sku)).purchase_order.business_date).toBe(date)

  await shop.advance('PT13H') // over in UTC, not in New York
  expect(await digests(shop)).toEqual([])
  expect(await readDay(shop, date)).toMatchObject({
    status: 'open',
    digest: { run: 1, status: 'waiting', complete: null, recipients: [FINANCE] },
  })
  await shop.advance('PT6H')
  const [mail, ...more] = await digests(shop)
  expect(more).toEqual([])
  expect(mail?.subject).toBe(`${date}: 19.99 EUR, 30.00 USD invoiced by Acme GmbH`)
  expect(mail?.text).toContain('Every purchase order of the date is done.')
  const day = await readDay(shop, date)
  expect(day).toMatchObject({
    status: 'closed',
    complete: true,
    digest: { run: 1, status: 'sent' },
  })

  const customers = await readCsv(mail, 'customers.csv')
  expect(
    customers.map(
      (row) => `${row['customer']} ${row['currency']} ${row['orders']} ${row['invoiced']}`,
    ),
  ).toEqual([
    'Far, West "Ltd" EUR 1 19.99',
    'Far, West "Ltd" USD 1 10.00',
    'Reseller Ltd USD 2 20.00',
  ])
  const documents = await readCsv(mail, 'documents.csv')
  const sums = new Map<string, number>()
  for (const { currency = '', total = '' } of documents) {
    sums.set(currency, (sums.get(currency) ?? 0) + Math.round(Number(total) * 100))
  }
  expect([...sums]).toEqual(
    expect.arrayContaining(day.totals.map((each) => [each.currency, each.invoiced_minor])),
  )
  await shop.advance('PT12H')
  expect(await digests(shop)).toHaveLength(1)
}, 180_000)

test('what is held is told as open, and again when it is done; on request once more', async () => {
  const { shop, date } = await openAtMidnight()
  await shop.client.put('/v2/billing-settings', {
    time_zone: 'UTC',
    cut_off: '24:00',
    bill_on: 'allocation',
    finance_recipients: [FINANCE, 'board@acme.example'],
  })
  const order = await place(shop, shop.customerId, shop.pooled.sku)
  const handle = stack.temporal.workflow.getHandle(
    workflowIdOf({
      workflow: 'runPurchaseOrderDay',
      subject: { customer_id: shop.customerId, business_date: date, currency: 'USD' },
    }),
  )
  await eventually(
    () =>
      handle
        .describe()
        .then(() => true)
        .catch(() => false),
    (found) => found,
  )
  await handle.executeUpdate(hold, { args: [{ note: 'a wrong price' }] })
  await shop.advance('PT29H')
  expect(await digests(shop)).toEqual([])
  await shop.advance('PT3H')
  const [open] = await digests(shop)
  expect(open?.to).toEqual([FINANCE, 'board@acme.example'])
  expect(open?.subject).toContain('1 purchase order still open')
  expect(open?.text).toContain('its invoice is held by an operator')
  expect(await readDay(shop, date)).toMatchObject({ digest: { run: 1, complete: false } })

  await handle.executeUpdate(release, { args: [{}] })
  const [, done] = await eventually(
    () => digests(shop),
    (mails) => mails.length === 2,
  )
  expect(done?.subject).toBe(`${date}: 10.00 USD invoiced by Acme GmbH`)
  expect(await readDay(shop, date)).toMatchObject({ digest: { run: 2, complete: true } })

  // A credit note since then belongs to the date that it bears: the next one that is told.
  const { body: po } = await shop.client.get<{ invoices: { id: string }[] }>(
    `/v2/purchase-orders/${order.purchase_order.id}`,
  )
  await shop.client.post(`/v2/invoices/${po.invoices[0]?.id}/credit-notes`, { reason: 'Refused' })
  await place(shop, shop.customerId, shop.pooled.sku)
  await shop.advance('PT30H')
  const next = (await digests(shop))[2]
  expect(next?.text).toContain(`credit note about ${date} for Reseller Ltd: 10.00 USD`)

  const path = `/v2/day-close/${date}/digest`
  const once = { headers: { 'Idempotency-Key': 'again' } }
  const [again, same] = [
    await shop.client.post(path, undefined, once),
    await shop.client.post(path, undefined, once),
  ]
  expect(again).toMatchObject({ status: 201, body: { run: 3, recipients: open?.to } })
  expect(same.body).toEqual(again.body)
  const mails = await eventually(
    () => digests(shop),
    (seen) => seen.length === 4,
  )
  expect(mails[3]?.subject).toBe(done?.subject)
  const id = accountDayWorkflowId(`${shop.account.accountId}/${date}/3`)
  await eventually(
    async () => (await stack.temporal.workflow.getHandle(id).describe()).status.name,
    (status) => status === 'COMPLETED',
  )
}, 180_000)

test('bad requests for a digest change nothing', async () => {
  const { shop } = await openAtMidnight()
  for (const [date, status] of [
    ['2026-02-30', 422],
    ['2001-01-01', 404],
  ] as const) {
    expect((await shop.client.post(`/v2/day-close/${date}/digest`)).status).toBe(status)
  }
  expect(await digests(shop)).toEqual([])
  const rows = await stack.database.db
    .selectFrom('account_days')
    .selectAll()
    .where('account_id', '=', shop.account.accountId)
    .execute()
  expect(rows).toEqual([])
})
