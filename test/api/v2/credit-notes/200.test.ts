import { afterAll, beforeAll, expect, test } from 'vitest'
import { issueCreditNotes } from '../../../billing.ts'
import { makeCustomer, makeKey } from '../../../factories.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import { createBilled, type Billed, type CreditNote } from './billed.ts'

let api: ServedApi
let billed: Billed
let noteId: string

beforeAll(async () => {
  api = await serveApi('credit_notes_200')
  billed = await createBilled(api)
  const asked = await billed.client.post<CreditNote>(
    `/v2/invoices/${billed.invoiceId}/credit-notes`,
    { reason: 'Recalled by its maker', lines: [{ position: 1, quantity: 2 }] },
  )
  noteId = asked.body.id
  await issueCreditNotes(api, billed.account.accountId)
})
afterAll(() => api.stop())

test('an issued credit note has its number, its lines and its documents', async () => {
  const { body } = await billed.client.get<CreditNote>(`/v2/credit-notes/${noteId}`)
  expect(body).toMatchObject({
    status: 'issued',
    invoice_number: billed.number,
    reason: 'Recalled by its maker',
    total_minor: 2_380,
    lines: [{ quantity: 2, net_minor: 2_000 }],
  })
  expect(body.number).toMatch(/^CN-\d{4}-000001$/)
  expect(body.sent_at).not.toBeNull()
  expect(body.documents.map(({ format }) => format)).toEqual(['csv', 'pdf'])
  for (const { format, url } of body.documents) {
    const file = await billed.client.get(url)
    expect(file.headers.get('content-disposition')).toContain(`${body.number}.${format}`)
    expect(file.bytes.length).toBeGreaterThan(100)
  }
})

test('lists filter by status, invoice, customer and number', async () => {
  const number = (await billed.client.get<CreditNote>(`/v2/credit-notes/${noteId}`)).body.number
  for (const [filter, found] of [
    ['status=issued', 1],
    ['status=pending', 0],
    [`invoice_id=${billed.invoiceId}`, 1],
    ['invoice_id=inv_other', 0],
    [`customer_id=${billed.customerId}`, 1],
    [`number=${number}`, 1],
  ] as const) {
    const { body } = await billed.client.get<{ data: CreditNote[] }>(`/v2/credit-notes?${filter}`)
    expect(body.data, filter).toHaveLength(found)
  }
})

test('a bound key reads the credit notes of its customer only', async () => {
  const { account, customerId } = billed
  const other = await makeCustomer(api.database, account.accountId)
  const own = api.client(await makeKey(api.database, account, { customerId }))
  const foreign = api.client(await makeKey(api.database, account, { customerId: other }))
  expect((await own.get(`/v2/credit-notes/${noteId}`)).status).toBe(200)
  expect((await foreign.get(`/v2/credit-notes/${noteId}`)).status).toBe(404)
  expect((await foreign.get<{ data: unknown[] }>('/v2/credit-notes')).body.data).toEqual([])
})
