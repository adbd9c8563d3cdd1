import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { issueCreditNotes } from '../billing.ts'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { makeKey } from '../factories.ts'
import { keepBooks, type Books } from './books.ts'
import { signIn, type Browser, type Page } from './browser.ts'

/** What finance does on the pages, with forms and nothing else. */

let api: ServedApi

beforeAll(async () => {
  api = await serveApi('finance-money')
})
afterAll(() => api.stop())

type Desk = { books: Books; browser: Browser; invoice: string }

/** An invoice of four units of 12.34 EUR, and somebody from finance in front of it. */
async function openDesk(): Promise<Desk> {
  const books = await keepBooks(api)
  const browser = await signIn(api.url, books.account.key)
  return { books, browser, invoice: `/finance/invoices/${books.invoiced.invoiceId}` }
}

function readable(text: string): string {
  return text
    .replace(/<style>.*?<\/style>/s, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/[\s\u00a0]+/g, ' ')
}

/** Fills a form of a page in and sends it, with what stands hidden in it. */
async function send(
  browser: Browser,
  page: Page,
  action: string,
  fields: Record<string, string>,
): Promise<Page> {
  const [, form = ''] =
    new RegExp(`action="${action}"[^>]*>(.*?)</form>`, 's').exec(page.text) ?? []
  const hidden = [...form.matchAll(/type="hidden"\s+name="(\w+)"\s+value="([^"]*)"/g)]
  expect(hidden.map(([, name]) => name)).toContain('key')
  const known = Object.fromEntries(hidden.map(([, name = '', value = '']) => [name, value]))
  return browser.submit(action, { ...known, ...fields })
}

const payment = (amount: string, reference = 'SEPA 1') => ({
  amount,
  reference,
  received_on: '2026-11-23',
  method: 'bank_transfer',
})

test('a payment is recorded, what is owed goes down, and it can go back', async () => {
  const { browser, invoice } = await openDesk()
  const page = await browser.get(invoice)
  const paid = await send(browser, page, `${invoice}/payments`, payment('19.36'))
  expect(paid.headers.get('location')).toBe(`${invoice}?done=received`)
  const after = await browser.get(`${invoice}?done=received`)
  expect(readable(after.text)).toContain('The payment is recorded.')
  expect(readable(after.text)).toContain('Owed 30.00 EUR')
  for (const path of ['/finance', '/finance/invoices']) {
    expect(readable((await browser.get(path)).text)).toContain('49.36 EUR 30.00 EUR')
  }
  expect(readable((await browser.get('/finance/payments')).text)).toMatch(/SEPA 1 .* 19.36 EUR/)
  const [action = ''] = /\/finance\/invoices\/\w+\/payments\/\w+\/reversal/.exec(after.text) ?? []
  const reversal = { reason: 'Account closed', reversed_on: '2026-11-25' }
  expect((await send(browser, after, action, reversal)).status).toBe(303)
  const back = readable((await browser.get(invoice)).text)
  expect(back).toContain('returned 2026-11-25 Account closed')
  expect(back).toContain('Owed 49.36 EUR')
})

test('a form that is sent twice is carried out once', async () => {
  const { browser, invoice, books } = await openDesk()
  const page = await browser.get(invoice)
  const twice = [payment('1.00', 'one'), payment('1.00', 'one')]
  const answers = []
  for (const fields of twice) {
    answers.push(await send(browser, page, `${invoice}/payments`, fields))
  }
  expect(answers.map(({ status }) => status)).toEqual([303, 303])
  const { rows } = await api.database.pool.query(
    'select id from received_payments where invoice_id = $1',
    [books.invoiced.invoiceId],
  )
  expect(rows).toHaveLength(1)
})

test('what is too much is on account, and pays the next invoice', async () => {
  const { browser, invoice, books } = await openDesk()
  await send(browser, await browser.get(invoice), `${invoice}/payments`, payment('60'))
  const text = readable((await browser.get('/finance/customers')).text)
  expect(text).toContain('0.00 EUR 0.00 EUR 10.64 EUR')
  const statement = `/finance/customers/${books.invoiced.customerId}/statement?currency=EUR`
  const page = await browser.get(statement)
  expect(readable(page.text)).toContain('−10.64 EUR in their favour')
  const [, pdf = ''] = /href="([^"]+\/documents\/pdf[^"]*)"/.exec(page.text) ?? []
  const file = await browser.get(pdf.replaceAll('&amp;', '&'))
  expect(file.headers.get('content-type')).toBe('application/pdf')
  expect(file.bytes.subarray(0, 5).toString()).toBe('%PDF-')
})

test('pieces of an invoice are credited, after a look at what that means', async () => {
  const { browser, invoice, books } = await openDesk()
  const choice = await browser.get(`${invoice}/credit`)
  expect(readable(choice.text)).toContain('All that is left, 49.36 EUR and its tax')
  const meant = await browser.get(`${invoice}/credit?reason=Refused&line_1=1`)
  expect(readable(meant.text)).toContain('Net, to which its tax is added 1 12.34 EUR')
  const sent = await send(browser, meant, `${invoice}/credit`, {})
  const note = sent.headers.get('location') ?? ''
  expect(note).toMatch(/^\/finance\/credit-notes\/cn_\w+$/)
  expect(readable((await browser.get(note)).text)).toContain('its number follows within seconds')
  await issueCreditNotes(api, books.account.accountId)
  const issued = await browser.get(note)
  expect(readable(issued.text)).toMatch(/Credit note CN-\d+-\d+ .* Reason Refused/)
  expect((await browser.get(`${note}/documents/pdf`)).status).toBe(200)
  expect(readable((await browser.get('/finance/credit-notes')).text)).toContain('12.34 EUR')
  expect(readable((await browser.get(invoice)).text)).toContain('Owed 37.02 EUR')
  const tooMuch = await browser.get(`${invoice}/credit?reason=Refused&line_1=4`)
  expect(tooMuch.status).toBe(422)
})

test('all that is left is credited at once; then there is nothing to credit', async () => {
  const { browser, invoice, books } = await openDesk()
  const meant = await browser.get(`${invoice}/credit?reason=Recalled&whole=yes`)
  await send(browser, meant, `${invoice}/credit`, {})
  await issueCreditNotes(api, books.account.accountId, { documents: false })
  expect(readable((await browser.get(invoice)).text)).toContain('void')
  expect(readable((await browser.get(`${invoice}/credit`)).text)).toContain(
    'Everything of it was credited already.',
  )
})

test('documents are sent again, to whom the form says', async () => {
  const { browser, invoice, books } = await openDesk()
  const page = await browser.get(invoice)
  const recipients = 'one@buyer.example, two@buyer.example'
  expect((await send(browser, page, `${invoice}/send`, { recipients })).status).toBe(303)
  const sends = await api.database.db
    .selectFrom('document_sends')
    .select('recipients')
    .where('invoice_id', '=', books.invoiced.invoiceId)
    .execute()
  expect(sends).toEqual([{ recipients: ['one@buyer.example', 'two@buyer.example'] }])
})

test('a credit note shows who was sent it, and is sent again', async () => {
  const { browser, invoice, books } = await openDesk()
  const meant = await browser.get(`${invoice}/credit?reason=Recalled&whole=yes`)
  const made = await send(browser, meant, `${invoice}/credit`, {})
  const path = made.headers.get('location') ?? ''
  expect(readable((await browser.get(path)).text)).toContain('its number follows within seconds')
  await issueCreditNotes(api, books.account.accountId)
  const page = await browser.get(path)
  expect(readable(page.text)).toMatch(/@\S+ PDF, CSV sent/)
  expect(readable(page.text)).toContain('Credited 49.36 EUR')
  const again = await send(browser, page, `${path}/send`, { recipients: 'one@buyer.example' })
  expect(again.headers.get('location')).toBe(`${path}?done=sent`)
  expect(readable((await browser.get(`${path}?done=sent`)).text)).toContain('It is being sent.')
  const sends = await api.database.db
    .selectFrom('document_sends')
    .select(['id', 'recipients'])
    .where('credit_note_id', '=', path.split('/').at(-1) ?? '')
    .execute()
  expect(sends).toEqual([{ id: `${path.split('/').at(-1)}/2`, recipients: ['one@buyer.example'] }])
})

test('what is typed wrong is refused in words and changes nothing', async () => {
  const { browser, invoice } = await openDesk()
  const page = await browser.get(invoice)
  for (const fields of [payment('0'), payment('1.001'), payment('-5'), payment('1', '')]) {
    const refused = await send(browser, page, `${invoice}/payments`, fields)
    expect(refused.status).toBe(422)
    expect(refused.headers.get('content-type')).toContain('text/html')
  }
  expect(readable((await browser.get(invoice)).text)).toContain('Owed 49.36 EUR')
})

test('a form from another site, and a key that may only look, change nothing', async () => {
  const { browser, invoice, books } = await openDesk()
  const fields = { key: randomUUID(), ...payment('1') }
  const foreign = { Origin: 'https://evil.example', 'Sec-Fetch-Site': 'cross-site' }
  expect((await browser.submit(`${invoice}/payments`, fields, foreign)).status).toBe(400)
  const scopes = ['finance:read'] as const
  const reader = await signIn(api.url, await makeKey(api.database, books.account, { scopes }))
  expect((await reader.get(invoice)).text).not.toContain('method="post" action="/finance/invoices')
  expect((await reader.submit(`${invoice}/payments`, fields)).status).toBe(403)
  expect((await reader.submit(`${invoice}/credit`, { ...fields, reason: 'x' })).status).toBe(403)
  expect(readable((await browser.get(invoice)).text)).toContain('Owed 49.36 EUR')
})

test('every list comes as a file that no spreadsheet runs', async () => {
  const { browser, invoice, books } = await openDesk()
  const page = await browser.get(invoice)
  await send(browser, page, `${invoice}/payments`, payment('1', '=cmd|calc'))
  const files: Record<string, string> = {
    'purchase-orders': books.invoiced.purchaseOrderId,
    [`transactions.csv?purchase_order_id=${books.open.purchaseOrderId}`]:
      books.open.transactionIds[1] ?? '',
    [`units.csv?transaction_id=${books.open.transactionIds[1]}`]: 'CARD-20',
    invoices: books.invoiced.number,
    'credit-notes': 'credit_note_id',
    payments: `'=cmd|calc`,
    customers: books.invoiced.customerId,
    today: books.open.purchaseOrderId,
    'provider-days': 'compared_at',
    'provider-differences': 'their_state',
    'clearing.csv?currency=EUR': 'balance',
  }
  for (const [name, text] of Object.entries(files)) {
    const file = await browser.get(`/finance/exports/${name.includes('.') ? name : `${name}.csv`}`)
    expect(file.status).toBe(200)
    expect(file.headers.get('content-type')).toContain('text/csv')
    expect(file.text).toContain(text)
    for (const secret of books.secrets) expect(file.text).not.toContain(secret)
  }
})

test('the ledger’s differences are shown to whoever opens the reconciliation', async () => {
  const { browser, books } = await openDesk()
  const path = '/finance/reconciliation'
  expect(readable((await browser.get(path)).text)).toMatch(/All \d+ identities hold\./)
  await api.database.pool.query(
    `update customer_balances set invoiced_minor = invoiced_minor + 1 where customer_id = $1
       and currency = 'EUR'`,
    [books.invoiced.customerId],
  )
  const text = readable((await browser.get(path)).text)
  expect(text).toContain('1 of')
  expect(text).toMatch(/balance receivable .* 1 differ/)
})
