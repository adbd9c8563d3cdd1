import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  getFinanceTransaction,
  listFinanceTransactions,
  listFinanceUnits,
} from '../../db/finance.ts'
import { newId } from '../../new-id.ts'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { billDay, placeOrder } from '../billing.ts'
import { makeCustomer, makeProduct } from '../factories.ts'
import { signIn, type Browser, type Page } from './browser.ts'
import { keepBooks, type Books } from './books.ts'

let api: ServedApi
let books: Books
let browser: Browser

beforeAll(async () => {
  api = await serveApi('finance-pages')
  books = await keepBooks(api)
  browser = await signIn(api.url, books.account.key)
})
afterAll(() => api.stop())

/** What a person reads: the text of a page without its tags, blanks as one. */
function readable(text: string): string {
  return text
    .replace(/<style>.*?<\/style>/s, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/[\s\u00a0]+/g, ' ')
}

function everyPath(): string[] {
  const { open, invoiced } = books
  return [
    '/finance',
    '/finance/purchase-orders',
    `/finance/purchase-orders/${open.purchaseOrderId}`,
    `/finance/purchase-orders/${invoiced.purchaseOrderId}`,
    ...[...open.transactionIds, ...invoiced.transactionIds].map(
      (id) => `/finance/transactions/${id}`,
    ),
    '/finance/invoices',
    `/finance/invoices/${invoiced.invoiceId}`,
    `/finance/invoices/${invoiced.invoiceId}/credit`,
    '/finance/credit-notes',
    '/finance/payments',
    '/finance/customers',
    `/finance/customers/${invoiced.customerId}/statement?currency=EUR`,
    '/finance/reconciliation',
  ]
}

/** One after the other: as many at once as there are would meet the key's limit. */
async function readAll(): Promise<Page[]> {
  const pages: Page[] = []
  for (const path of everyPath()) pages.push(await browser.get(path))
  return pages
}

describe('the finance pages', () => {
  test('show what is ordered today by customer and currency, and what it adds up to', async () => {
    const text = readable((await browser.get('/finance')).text)
    expect(text).toContain('199.96 USD 2 transactions on 1 purchase order')
    expect(text).toContain('49.36 EUR 1 transaction on 1 purchase order')
    expect(text).toMatch(/Ηλιοτρόπιο Α.Ε. PO-\S+-EUR-1-\S+ [\d-]+ invoiced .* 1 49.36 EUR/)
    expect(text).toMatch(/PO-\S+-USD-1-\S+ [\d-]+ open .* 2 199.96 USD/)
  })

  test('show invoices with their totals by currency', async () => {
    for (const path of ['/finance', '/finance/invoices']) {
      const text = readable((await browser.get(path)).text)
      expect(text).toContain('EUR 1 49.36 EUR 0.00 EUR 49.36 EUR 0.00 EUR 49.36 EUR')
      expect(text).toContain(books.invoiced.number)
    }
  })

  test('lead from a purchase order to its transactions and to single units', async () => {
    const { purchaseOrderId, transactionIds } = books.open
    const order = await browser.get(`/finance/purchase-orders/${purchaseOrderId}`)
    expect(readable(order.text)).toContain('1 of 1 49.99 USD')
    expect(readable(order.text)).toContain('2 of 3 149.97 USD')
    for (const id of transactionIds) {
      expect(order.text).toContain(`href="/finance/transactions/${id}"`)
    }
    const transaction = readable(
      (await browser.get(`/finance/transactions/${transactionIds[1]}`)).text,
    )
    expect(transaction).toContain('partial')
    expect(transaction.match(/CARD-20 delivered/g)).toHaveLength(2)
    expect(transaction.match(/CARD-20 processing/g)).toHaveLength(1)
  })

  test('show an invoice as it was issued, with its documents', async () => {
    const { invoiceId, number } = books.invoiced
    const page = await browser.get(`/finance/invoices/${invoiceId}`)
    expect(readable(page.text)).toContain('4 12.34 EUR 49.36 EUR')
    const pdf = await browser.get(`/finance/invoices/${invoiceId}/documents/pdf`)
    const kept = await api.database.db
      .selectFrom('invoice_documents')
      .select('content')
      .where('invoice_id', '=', invoiceId)
      .where('format', '=', 'pdf')
      .executeTakeFirstOrThrow()
    expect(pdf.bytes.equals(kept.content)).toBe(true)
    expect(pdf.headers.get('content-type')).toBe('application/pdf')
    const csv = await browser.get(`/finance/invoices/${invoiceId}/documents/csv`)
    expect(csv.headers.get('content-disposition')).toBe(`attachment; filename="${number}.csv"`)
    expect((await browser.get(`/finance/invoices/${invoiceId}/documents/exe`)).status).toBe(406)
  })

  test('never show a code', async () => {
    for (const { status, text } of await readAll()) {
      expect(status).toBe(200)
      for (const secret of books.secrets) {
        expect(text).not.toContain(secret)
        expect(text).not.toContain(secret.slice(-12))
      }
    }
  })

  test('print what people typed as text, never as HTML', async () => {
    const all = (await readAll()).map(({ text }) => text).join('\n')
    expect(all).not.toContain('<img')
    expect(all).not.toContain('Card <b>')
    expect(all).toContain('&lt;img src=x onerror=alert(1)&gt;')
    expect(all).toContain('&quot;quoted&quot;')
  })

  test('need no script and nothing from elsewhere, and say so to the browser', async () => {
    for (const path of everyPath()) {
      const { text, headers } = await browser.get(path)
      const [, style = ''] = /<style>(.*?)<\/style>/s.exec(text) ?? []
      const hash = createHash('sha256').update(style).digest('base64')
      expect(headers.get('content-security-policy')).toContain(`style-src 'sha256-${hash}'`)
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('cache-control')).toBe('no-store')
      expect(text).not.toMatch(/<script|<link|style="|https?:\/\//)
    }
  })

  test("show nothing of another account's", async () => {
    const other = await signIn(api.url, (await keepBooks(api)).account.key)
    const { open, invoiced } = books
    for (const path of [
      `/finance/purchase-orders/${open.purchaseOrderId}`,
      `/finance/transactions/${open.transactionIds[0]}`,
      `/finance/invoices/${invoiced.invoiceId}`,
      `/finance/invoices/${invoiced.invoiceId}/documents/pdf`,
      `/finance/invoices/${invoiced.invoiceId}/credit`,
      `/finance/customers/${invoiced.customerId}/statement`,
      `/finance/customers/${invoiced.customerId}/statement/documents/csv`,
    ]) {
      expect((await browser.get(path)).status).toBe(200)
      expect((await other.get(path)).status).toBe(404)
    }
    const lists = await other.get('/finance/invoices')
    expect(lists.text).not.toContain(invoiced.invoiceId)
  })

  test("read no row of another account's, whichever query asks", async () => {
    const { db } = api.database
    const { accountId } = (await keepBooks(api)).account
    const { open } = books
    const [transactionId = ''] = open.transactionIds
    const page = { kind: 'page', page: 1, limit: 10 } as const
    await expect(getFinanceTransaction(db, accountId, transactionId)).rejects.toThrow(/No such/)
    const units = await listFinanceUnits(db, accountId, transactionId, page)
    expect(units).toMatchObject({ rows: [], total: 0 })
    const orders = await listFinanceTransactions(db, accountId, open.purchaseOrderId, page)
    expect(orders).toMatchObject({ rows: [], total: 0 })
  })

  test('are made from queries that do not know the table of codes', () => {
    for (const file of ['finance.ts', 'finance-invoices.ts', 'finance-money.ts']) {
      const source = readFileSync(new URL(`../../db/${file}`, import.meta.url), 'utf8')
      expect(source).not.toMatch(/\bcodes\b/)
    }
  })

  test('page through long lists without leaving anything out', async () => {
    const { accountId, key } = books.account
    const customerId = await makeCustomer(api.database, accountId)
    const { sku } = await makeProduct(api.database, accountId)
    const client = api.client(key)
    const placed: { id: string; purchase_order: { id: string } }[] = []
    while (placed.length < 53) {
      const items = [{ sku, quantity: 1 }]
      const order = await client.post<(typeof placed)[number]>('/v2/transactions', {
        customer_id: customerId,
        items,
      })
      placed.push(order.body)
    }
    const path = `/finance/purchase-orders/${placed[0]?.purchase_order.id}`
    const first = await browser.get(path)
    const [, next = ''] = /rel="next" href="([^"]+)"/.exec(first.text) ?? []
    const second = await browser.get(next.replaceAll('&amp;', '&'))
    expect(second.text).not.toContain('rel="next"')
    expect(second.text).toContain(`rel="first" href="${path}"`)
    const shown = `${first.text}${second.text}`
    for (const { id } of placed) expect(shown).toContain(`/finance/transactions/${id}`)
  })

  test('page through the lines and the orders of an invoice', async () => {
    const { accountId } = books.account
    const customerId = await makeCustomer(api.database, accountId)
    const placed: { id: string; purchase_order: { id: string } }[] = []
    while (placed.length < 51) {
      placed.push(
        await placeOrder(api, books.account, customerId, [{ priceMinor: 100n, quantity: 1 }]),
      )
    }
    const purchaseOrderId = placed[0]?.purchase_order.id ?? ''
    const [invoice] = await billDay(api, accountId, purchaseOrderId, { documents: false })
    const path = `/finance/invoices/${invoice?.id}`
    const first = await browser.get(path)
    for (const list of ['lines', 'transactions']) {
      expect(first.text).toContain(`href="${path}?${list}=2"`)
    }
    expect(readable(first.text)).toContain('1–50 of 51')
    const second = await browser.get(`${path}?transactions=2`)
    expect(readable(second.text)).toContain('51–51 of 51')
    expect(second.text).toContain(`href="${path}?transactions=2&amp;lines=2"`)
    const shown = `${first.text}${second.text}`
    for (const { id } of placed) expect(shown).toContain(`/finance/transactions/${id}`)
    expect((await browser.get(`${path}?lines=0`)).status).toBe(400)
  })

  test('narrow invoices down, and add up what is shown only', async () => {
    const month = new Date().toISOString().slice(0, 7)
    const shown = await browser.get(`/finance/invoices?month=${month}&status=open&currency=EUR`)
    expect(shown.text).toContain(books.invoiced.invoiceId)
    for (const filter of ['month=2020-01', 'status=paid', 'currency=USD']) {
      const none = await browser.get(`/finance/invoices?${filter}`)
      expect(readable(none.text)).toContain('No invoice is like that.')
      expect(readable(none.text)).not.toContain('49.36')
    }
  })

  test.each([
    ['/finance/invoices?cursor=1', 400],
    ['/finance/invoices?month=2026-01&month=2026-02', 400],
    ['/finance/exports/codes.csv', 404],
    ['/finance/exports/invoices.csv?month=never', 400],
    ['/finance/exports/units.csv', 400],
    ['/finance/invoices?month=2026-13', 400],
    ['/finance/purchase-orders?date=yesterday', 400],
    ['/finance/purchase-orders?status=%ff', 400],
    ['/finance/purchase-orders/po_nothing', 404],
    [`/finance/transactions/${newId('transaction')}`, 404],
    ['/finance/invoices/%00', 400],
    ['/finance/nothing', 404],
  ])('refuse %s as a page: %i', async (path, status) => {
    const page = await browser.get(path)
    expect(page.status).toBe(status)
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.text).toContain(page.headers.get('x-request-id') ?? 'no request id')
  })

  test('count against the rate of the key', async () => {
    const page = await browser.get('/finance')
    expect(Number(page.headers.get('x-ratelimit-limit'))).toBeGreaterThan(0)
  })
})
