import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inTransaction } from '../../../../db/client.ts'
import { takeDocumentNumber } from '../../../../db/document-numbers.ts'
import { makeAccount, makeCustomer, makeKey, type TestAccount } from '../../../factories.ts'
import { billDay, placeOrder } from '../../../billing.ts'
import { readPdf } from '../../../documents/pdf-reader.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import type { ErrorBody } from '../orders/shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('seller_200')
})
afterAll(() => api.stop())

const SELLER = {
  legal_name: 'Κώδικες Α.Ε.',
  address: { street: 'Ερμού 1', city: 'Αθήνα', zip: '105 63', country: 'GR' },
  tax_id: 'EL094259216',
  registration_id: 'ΓΕΜΗ 123456',
  email: 'billing@kodikes.example',
  bank_account: { account: 'GR1601101250000000012300695', bank_code: 'CRBAGRAA' },
  payment_term_days: 30,
  invoice_series: 'ATH',
  credit_note_series: 'ATH-C',
  fiscal_year_first_month: 7,
  locale: 'el',
}

/** A day with one taxed order, billed; answers what its PDF says. */
async function bill(account: TestAccount, customerId: string): Promise<string[]> {
  const order = await placeOrder(api, account, customerId, [
    { priceMinor: 123_456n, quantity: 1, taxClass: 'fee' },
  ])
  const [invoice] = await billDay(api, account.accountId, order.purchase_order.id)
  if (invoice === undefined) throw new Error('nothing was billed')
  const pdf = await api.client(account.key).get(`/v2/invoices/${invoice.id}/documents/pdf`)
  return readPdf(pdf.bytes).pages.flat()
}

test('says who sells, and the next document is theirs; those before stay as they are', async () => {
  const account = await makeAccount(api.database)
  const customerId = await makeCustomer(api.database, account.accountId)
  const client = api.client(account.key)
  const before = await bill(account, customerId)
  const first = await client.get<{ data: { id: string }[] }>('/v2/invoices')
  const path = `/v2/invoices/${first.body.data[0]?.id}/documents/pdf`
  const { bytes } = await client.get(path)

  expect((await client.put('/v2/seller', SELLER)).body).toEqual({ object: 'seller', ...SELLER })
  expect((await client.get('/v2/seller')).body).toEqual({ object: 'seller', ...SELLER })

  const after = await bill(account, customerId)
  expect(before.join('\n')).not.toContain('Κώδικες')
  expect(after.join(' ')).toContain('to GR16\u00a00110\u00a01250\u00a00000')
  for (const text of ['Κώδικες Α.Ε.', 'Registered ΓΕΜΗ 123456', 'VAT 24\u00a0% on EUR 1.234,56']) {
    expect(after).toContain(text)
  }
  expect(after.filter((text) => /^ATH-\d{4}-000001$/.test(text)).length).toBeGreaterThan(0)
  expect((await client.get(path)).bytes.equals(bytes)).toBe(true)
})

test('a customer’s own locale goes before the seller’s', async () => {
  const account = await makeAccount(api.database)
  const customerId = await makeCustomer(api.database, account.accountId)
  const client = api.client(account.key)
  await client.put('/v2/seller', { ...SELLER, locale: 'de' })
  const settings = `/v2/customers/${customerId}/billing-settings`
  const wish = { invoice_recipients: null, invoice_formats: null, locale: 'de-CH' }
  expect((await client.put(settings, wish)).body).toMatchObject({ locale: 'de-CH' })
  expect(await bill(account, customerId)).toContain("VAT 24\u00a0% on EUR 1'234.56")
  const none = { ...wish, locale: null }
  expect((await client.put(settings, none)).body).toMatchObject({ locale: null })
  expect(await bill(account, customerId)).toContain('VAT 24\u00a0% on EUR 1.234,56')
})

describe('numbers', () => {
  /** The next number on a day, at noon UTC. */
  async function take(
    accountId: string,
    date: string,
    kind: 'invoice' | 'credit_note' = 'invoice',
  ) {
    await sql`update test_clocks set offset_ms = greatest(offset_ms, ceil(extract(epoch from
      ${`${date}T12:00:00Z`}::timestamptz - clock_timestamp()) * 1000))
      where account_id = ${accountId}`.execute(api.database.db)
    const taken = await inTransaction(api.database.db, (tx) =>
      takeDocumentNumber(tx, accountId, kind),
    )
    return taken.number
  }

  test('begin anew with the fiscal year of the legal entity, each series for itself', async () => {
    const { accountId, key } = await makeAccount(api.database)
    const put = (change: object) => api.client(key).put('/v2/seller', { ...SELLER, ...change })
    await put({ fiscal_year_first_month: 7 })
    expect(await take(accountId, '2027-06-30')).toBe('ATH-2026-000001')
    expect(await take(accountId, '2027-06-30')).toBe('ATH-2026-000002')
    expect(await take(accountId, '2027-06-30', 'credit_note')).toBe('ATH-C-2026-000001')
    expect(await take(accountId, '2027-07-01')).toBe('ATH-2027-000001')
    expect(await take(accountId, '2028-02-29')).toBe('ATH-2027-000002')
    expect(await take(accountId, '2028-06-30')).toBe('ATH-2027-000003')
    // Another series begins with one, and the first goes on where it stopped.
    await put({ fiscal_year_first_month: 7, invoice_series: 'B' })
    expect(await take(accountId, '2028-06-30')).toBe('B-2027-000001')
    await put({ fiscal_year_first_month: 1 })
    expect(await take(accountId, '2028-06-30')).toBe('ATH-2028-000001')
  })

  test('belong to one legal entity: two accounts count for themselves', async () => {
    const [one, two] = [await makeAccount(api.database), await makeAccount(api.database)]
    expect(await take(one.accountId, '2027-01-01')).toBe('INV-2027-000001')
    expect(await take(two.accountId, '2027-01-01')).toBe('INV-2027-000001')
  })
})

test.each([
  [{ invoice_series: 'INV-2026' }, 'invoice_series'],
  [{ invoice_series: 'inv' }, 'invoice_series'],
  [{ credit_note_series: 'ATH' }, 'credit_note_series'],
  [{ fiscal_year_first_month: 13 }, 'fiscal_year_first_month'],
  [{ locale: 'ja' }, 'locale'],
  [{ locale: 'greek' }, 'locale'],
  [{ payment_term_days: -1 }, 'payment_term_days'],
  [{ address: { ...SELLER.address, country: 'Greece' } }, 'address.country'],
  [{ tax_id: undefined }, 'tax_id'],
  [{ iban: 'GR16' }, 'iban'],
  [
    { bank_account: { account: 'GR1601101250000000012300696', bank_code: null } },
    'bank_account.account',
  ],
])('refuses %j, names the field and changes nothing', async (change, field) => {
  const { key } = await makeAccount(api.database)
  const client = api.client(key)
  const before = (await client.get('/v2/seller')).body
  const answer = await client.put<ErrorBody>('/v2/seller', { ...SELLER, ...change })
  expect(answer.status).toBe(422)
  expect(answer.body.error.details.map((detail) => detail.field)).toContain(field)
  expect((await client.get('/v2/seller')).body).toEqual(before)
})

test('is the account’s own, and changed by whoever may write invoices', async () => {
  const account = await makeAccount(api.database)
  const reader = api.client(await makeKey(api.database, account, { scopes: ['invoices:read'] }))
  expect((await reader.get('/v2/seller')).status).toBe(200)
  expect((await reader.put('/v2/seller', SELLER)).status).toBe(403)
  const customerId = await makeCustomer(api.database, account.accountId)
  const bound = api.client(await makeKey(api.database, account, { customerId }))
  expect((await bound.get('/v2/seller')).status).toBe(403)
})
