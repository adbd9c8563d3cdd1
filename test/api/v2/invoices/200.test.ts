import { openKeys } from '../../../../cli/open-keys.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { invoiceActivities } from '../../../../activities/invoices.ts'
import { createWebhookDialer } from '../../../../activities/gateways/webhook-dialer.ts'
import { renderDocument } from '../../../../documents/render.ts'
import { createLog } from '../../../../log.ts'
import { makeAccount, makeCustomer, makeKey } from '../../../factories.ts'
import { eventually } from '../../../harness.ts'
import { openShop, type ErrorBody, type OrderBody, type Shop } from '../orders/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('invoices_200')
})
afterAll(() => shop.stop())

type Invoice = {
  id: string
  number: string
  status: string
  total: number
  total_minor: number
  sent_at: string | null
  overdue: boolean
  due_date: string
  business_date: string
  lines: { quantity: number; unit_price_minor: number; net_minor: number }[]
  documents: { format: string; url: string }[]
}
type Page = { data: Invoice[] }

function activities() {
  return invoiceActivities({
    database: shop.database,
    keys: openKeys(shop.database, shop.config),
    log: createLog('test', 'silent'),
    press: { print: renderDocument },
    mailer: { sender: 'billing@acme.example', send: async () => ({ refused: [], reason: null }) },
    payments: () => {
      throw new Error('Invoices ask no payment provider')
    },
    suppliers: () => {
      throw new Error('Invoices ask no supplier')
    },
    stock: { took: () => undefined, close: () => Promise.resolve() },
    webhooks: createWebhookDialer({ allowedPrivateHosts: [] }),
  })
}

/** A day of one customer: two orders, one code too few, closed and billed. */
async function bill(customerId: string): Promise<{ invoice: Invoice; purchaseOrderId: string }> {
  const place = async (quantity: number) => {
    const body = { customer_id: customerId, items: [{ sku: shop.product.sku, quantity }] }
    return (await shop.owner.post<OrderBody>('/v2/transactions', body)).body
  }
  await shop.stock(3)
  const orders = [await place(2), await place(2)]
  for (const { id } of orders) await shop.fulfill(id)
  const purchaseOrderId = String(orders[0]?.purchase_order.id)
  await shop.owner.post(`/v2/purchase-orders/${purchaseOrderId}/close`)
  const { accountId } = shop.account
  await activities().billPurchaseOrder({ accountId, purchaseOrderId })
  const query = `/v2/invoices?purchase_order_id=${purchaseOrderId}`
  const [invoice] = (await shop.owner.get<Page>(query)).body.data
  if (invoice === undefined) throw new Error('No invoice was issued')
  return { invoice, purchaseOrderId }
}

const customer = () => makeCustomer(shop.database, shop.account.accountId)

test('an invoice bills what was delivered, and the purchase order names it', async () => {
  const customerId = await customer()
  const { invoice, purchaseOrderId } = await bill(customerId)
  expect(invoice).toMatchObject({
    object: 'invoice',
    number: expect.stringMatching(/^INV-\d{4}-\d{6}$/),
    status: 'open',
    customer_id: customerId,
    purchase_order_id: purchaseOrderId,
    sent_at: null,
    overdue: false,
    currency: 'USD',
    subtotal_minor: 14997,
    total: 149.97,
    total_minor: 14997,
    amount_paid: 0,
    amount_credited: 0,
    lines: [
      {
        position: 1,
        sku: shop.product.sku,
        quantity: 3,
        unit_price: 49.99,
        net: 149.97,
        net_minor: 14997,
      },
    ],
  })
  expect((await shop.owner.get(`/v2/invoices/${invoice.id}`)).body).toEqual(invoice)
  expect((await shop.owner.get(`/v2/purchase-orders/${purchaseOrderId}`)).body).toMatchObject({
    status: 'invoiced',
    invoices: [{ id: invoice.id, number: invoice.number }],
  })
})

test('an order is paid when the invoices of all its units are', async () => {
  const { invoice, purchaseOrderId } = await bill(await customer())
  const path = `/v2/purchase-orders/${purchaseOrderId}/transactions`
  const { data } = (await shop.owner.get<{ data: OrderBody[] }>(path)).body
  const statuses = async () => {
    const orders = await Promise.all(
      data.map(({ id }) => shop.owner.get<{ payment_status: string }>(`/v2/orders/${id}`)),
    )
    return orders.map(({ body }) => body.payment_status)
  }
  expect(await statuses()).toEqual(['pending', 'pending'])
  await shop.owner.post(`/v2/invoices/${invoice.id}/payments`, {
    amount: '149.97',
    reference: 'SEPA 1',
    received_on: '2026-11-23',
  })
  // The later of the two still waits for a code.
  expect(await statuses()).toEqual(['pending', 'paid'])
  expect((await shop.owner.get(`/v2/invoices/${invoice.id}`)).body).toMatchObject({
    status: 'paid',
    amount_paid_minor: 14997,
  })
})

test('invoices are found by each filter', async () => {
  const customerId = await customer()
  const { invoice } = await bill(customerId)
  await bill(await customer())
  const find = async (query: string) =>
    (await shop.owner.get<Page>(`/v2/invoices?${query}`)).body.data.map(({ id }) => id)
  expect(await find(`customer_id=${customerId}`)).toEqual([invoice.id])
  expect(await find(`number=${invoice.number}`)).toEqual([invoice.id])
  expect(await find(`customer_id=${customerId}&business_date=${invoice.business_date}`)).toEqual([
    invoice.id,
  ])
  expect(await find(`customer_id=${customerId}&business_date=2020-01-01`)).toEqual([])
  expect(await find(`customer_id=${customerId}&status=open`)).toEqual([invoice.id])
  expect(await find(`customer_id=${customerId}&status=void`)).toEqual([])
  expect((await find('limit=200')).length).toBeGreaterThan(1)
})

test('it is overdue the day after it was due, in the seller’s zone', async () => {
  const { invoice } = await bill(await customer())
  const read = async () =>
    (await shop.owner.get<Invoice>(`/v2/invoices/${invoice.id}`)).body.overdue
  const move = (toInstant: string) =>
    shop.database.pool.query(
      `update test_clocks set offset_ms =
         ceil(extract(epoch from $2::timestamptz - clock_timestamp()) * 1000) where account_id = $1`,
      [shop.account.accountId, toInstant],
    )
  await move(`${invoice.due_date}T12:00:00Z`)
  expect(await read()).toBe(false)
  await move(`${invoice.due_date}T23:59:59.999Z`)
  expect(await eventually(read, (overdue) => overdue)).toBe(true)
})

test('its documents are there before and after they were rendered, and stay the same', async () => {
  const { invoice, purchaseOrderId } = await bill(await customer())
  const types: Record<string, string> = {
    pdf: 'application/pdf',
    csv: 'text/csv; charset=utf-8',
    ubl: 'application/xml',
    cii: 'application/xml',
  }
  const read = () =>
    Promise.all(
      invoice.documents.map(async ({ format, url }) => {
        const answer = await shop.owner.get(url)
        expect(answer.status).toBe(200)
        expect(answer.headers.get('content-type')).toBe(types[format])
        const extension = format === 'pdf' || format === 'csv' ? format : `${format}.xml`
        expect(answer.headers.get('content-disposition')).toBe(
          `attachment; filename="${invoice.number}.${extension}"`,
        )
        return answer.bytes
      }),
    )
  expect(invoice.documents.map(({ format }) => format)).toEqual(
    expect.arrayContaining(['pdf', 'csv']),
  )
  const before = await read()
  const kept = 'select count(*)::int as n from invoice_documents where invoice_id = $1'
  const count = async () =>
    (await shop.database.pool.query<{ n: number }>(kept, [invoice.id])).rows[0]?.n
  expect(await count()).toBe(0)
  await activities().renderInvoices({ accountId: shop.account.accountId, purchaseOrderId })
  expect(await count()).toBe(invoice.documents.length)
  const after = await read()
  expect(after.map((bytes, index) => bytes.equals(before[index] ?? Buffer.alloc(0)))).toEqual(
    after.map(() => true),
  )
  expect(
    before[invoice.documents.findIndex(({ format }) => format === 'pdf')]?.subarray(0, 5),
  ).toEqual(Buffer.from('%PDF-'))
})

test.for(['xml', 'docx', 'PDF', '%00', '..%2Fpdf'])('%s is no format', async (format) => {
  const { invoice } = await bill(await customer())
  const answer = await shop.owner.get<ErrorBody>(`/v2/invoices/${invoice.id}/documents/${format}`)
  expect([400, 406]).toContain(answer.status)
})

test('an invoice and its documents are there for their owner only', async () => {
  const { invoice } = await bill(await customer())
  const foreign = (await makeAccount(shop.database)).key
  const bound = await makeKey(shop.database, shop.account, { customerId: await customer() })
  for (const key of [foreign, bound]) {
    const client = shop.client(key)
    for (const path of [`/v2/invoices/${invoice.id}`, ...invoice.documents.map(({ url }) => url)]) {
      expect((await client.get(path)).status).toBe(404)
    }
    expect((await client.get<Page>('/v2/invoices')).body.data).toEqual([])
    expect((await client.get<Page>(`/v2/invoices?number=${invoice.number}`)).body.data).toEqual([])
  }
})
