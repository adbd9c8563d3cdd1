import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { createClient } from '../api/client.ts'
import { makeKey } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'

/**
 * A reseller's day through HTTP only: the sandbox supplier, the webhook receiver, the worker and the
 * database are real, and only the test clock moves.
 */

let stack: Stack
let receiver: Receiver
let shop: OpenShop
const SECRET = 'a-secret-of-the-merchant'

beforeAll(async () => {
  receiver = await startReceiver()
  stack = await startStack('a_day', { supplier: true })
  shop = await openShop(stack, { codes: 5, timeZone: 'Pacific/Auckland' })
})
afterAll(async () => {
  await stack.stop()
  await receiver.close()
})

type Codes = {
  status: string
  final: boolean
  delivered: number
  remaining: number
  codes: { unit_id: string; state: string; code: string | null }[]
}
type Day = {
  id: string
  status: string
  business_date: string
  sequence: number
  closes_at: string
  transaction_count: number
  total_minor: number
  invoices: { id: string; number: string }[]
}
type Invoice = {
  number: string
  business_date: string
  total_minor: number
  status: string
  sent_at: string | null
  lines: { sku: string; quantity: number; net_minor: number }[]
}

test('a day of one customer', async () => {
  const { client, customerId } = shop
  const partial = await shop.supplied('TEST-PARTIAL')
  const never = await shop.supplied('TEST-OUT-OF-STOCK')
  receiver.script('/hooks', { answers: [{ status: 500 }, { status: 503 }, { status: 200 }] })
  const webhook = await client.post('/v2/webhooks', {
    url: `${receiver.url}/hooks`,
    events: ['order.fulfilled'],
    secret: SECRET,
  })
  expect(webhook.status).toBe(201)

  // Morning: in stock, delivered at once; the webhook fails twice.
  const first = await shop.order([{ sku: shop.pooled.sku, quantity: 2 }])
  const complete = await waitForCodes(first, (codes) => codes.final)
  expect(complete).toMatchObject({ status: 'complete', delivered: 2, remaining: 0 })
  expect(
    complete.codes.map(({ code }) => code).every((code) => shop.codes.includes(String(code))),
  ).toBe(true)

  await shop.advance('PT6M30S')

  // The webhook came at 0, after a minute, and after five more; each is signed, all are one event.
  const hooks = [...receiver.requests]
  expect(new Set(hooks.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  expect(hooks.map(({ answered }) => answered)).toEqual([500, 503, 200])
  for (const { headers, body } of hooks) {
    expect(headers['x-webhook-signature']).toBe(
      createHmac('sha256', SECRET).update(body).digest('hex'),
    )
  }

  // Later: half at once from the supplier, the rest after ten seconds of business time.
  const second = await shop.order([
    { sku: partial.sku, quantity: 4 },
    { sku: shop.pooled.sku, quantity: 1 },
  ])
  const half = await waitForCodes(second, (codes) => codes.delivered === 3)
  expect(half).toMatchObject({ status: 'partial', final: false, remaining: 2 })
  await shop.advance('PT15S')
  const whole = await waitForCodes(second, (codes) => codes.final)
  expect(whole).toMatchObject({ status: 'complete', delivered: 5 })
  for (const shown of half.codes.filter(({ state }) => state === 'available')) {
    expect(whole.codes).toContainEqual(shown)
  }

  // Afternoon: something that nobody has; it fails at its deadline, and is never billed.
  const third = await shop.order([{ sku: never.sku, quantity: 1 }])

  // One purchase order took all three; a bound key sees the customer's own only.
  const bound = createClient(
    stack.apiUrl,
    await makeKey(stack.database, shop.account, { customerId }),
  )
  const days = await bound.get<{ data: Day[] }>('/v2/purchase-orders')
  expect(days.body.data).toHaveLength(1)
  const [day] = days.body.data
  if (day === undefined) throw new Error('there is no purchase order')
  expect(day).toMatchObject({
    status: 'open',
    sequence: 1,
    transaction_count: 3,
    total_minor: 15_500,
  })

  // Closed early: the next order opens the day's second purchase order.
  const closed = await client.post<Day>(`/v2/purchase-orders/${day.id}/close`)
  expect(closed.status).toBe(201)
  const fourth = await shop.order([{ sku: shop.pooled.sku, quantity: 1 }])
  const next = await client.get<{ purchase_order: { sequence: number; business_date: string } }>(
    `/v2/transactions/${fourth}`,
  )
  expect(next.body.purchase_order).toMatchObject({ sequence: 2, business_date: day.business_date })

  // The settle window passes with one code still missing: the invoice bills what was delivered.
  await shop.advance('PT16M')
  const invoiced = await client.get<Day>(`/v2/purchase-orders/${day.id}`)
  expect(invoiced.body).toMatchObject({ status: 'invoiced', transaction_count: 3 })
  const [issued] = invoiced.body.invoices
  if (issued === undefined) throw new Error('there is no invoice')
  const invoice = await client.get<Invoice>(`/v2/invoices/${issued.id}`)
  expect(invoice.body).toMatchObject({
    status: 'open',
    total_minor: 13_000,
    business_date: day.business_date,
  })
  expect(invoice.body.sent_at).not.toBeNull()
  expect(
    invoice.body.lines.map(({ sku, quantity, net_minor }) => ({ sku, quantity, net_minor })),
  ).toEqual(
    expect.arrayContaining([
      { sku: shop.pooled.sku, quantity: 3, net_minor: 3_000 },
      { sku: partial.sku, quantity: 4, net_minor: 10_000 },
    ]),
  )
  const pdf = await client.get(`/v2/invoices/${issued.id}/documents/pdf`)
  expect(pdf.bytes.subarray(0, 5).toString()).toBe('%PDF-')
  const csv = await client.get(`/v2/invoices/${issued.id}/documents/csv`)
  expect(csv.bytes.toString()).toContain(issued.number)

  // The next day: the deadline has passed, the second purchase order has its own invoice.
  await shop.advance('PT30H')
  const failed = await client.get<Codes>(`/v2/transactions/${third}/codes`)
  expect(failed.body).toMatchObject({ status: 'failed', final: true, delivered: 0 })
  const all = await client.get<{ data: (Invoice & { id: string })[] }>('/v2/invoices')
  expect(new Set(all.body.data.map(({ total_minor }) => total_minor))).toEqual(
    new Set([1_000, 13_000]),
  )
  expect(new Set(all.body.data.map(({ number }) => number))).toEqual(
    new Set([issued.number, issued.number.replace(/1$/, '2')]),
  )
}, 120_000)

async function waitForCodes(id: string, isDone: (codes: Codes) => boolean): Promise<Codes> {
  const path = `/v2/transactions/${id}/codes`
  return eventually(async () => (await shop.client.get<Codes>(path)).body, isDone)
}
