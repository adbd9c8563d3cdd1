import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../../serve.ts'
import { createBilled, type Billed, type CreditNote } from './billed.ts'

let api: ServedApi
let billed: Billed

beforeAll(async () => {
  api = await serveApi('credit_notes_201')
  billed = await createBilled(api)
})
afterAll(() => api.stop())

test('a part of a line, then the rest: pending at first, the amounts decided at once', async () => {
  const { client, invoiceId } = billed
  const path = `/v2/invoices/${invoiceId}/credit-notes`
  const part = await client.post<CreditNote>(path, {
    reason: 'One code was refused',
    lines: [{ position: 1, quantity: 1 }],
  })
  expect(part.status).toBe(201)
  expect(part.body).toMatchObject({
    status: 'pending',
    number: null,
    subtotal_minor: 1_000,
    tax_minor: 190,
    total_minor: 1_190,
    lines: [],
  })
  const amount = await client.post<CreditNote>(path, {
    reason: 'A discount',
    lines: [{ position: 1, amount: '0.05' }],
  })
  expect(amount.body).toMatchObject({ subtotal_minor: 5, tax_minor: 1 })
  const rest = await client.post<CreditNote>(path, { reason: 'Everything else' })
  expect(rest.body).toMatchObject({ subtotal_minor: 1_995, tax_minor: 379 })
  const invoice = await client.get<{ amount_credited_minor: number }>(`/v2/invoices/${invoiceId}`)
  expect(invoice.body.amount_credited_minor).toBe(3_570)
})

test('the same Idempotency-Key credits once', async () => {
  const { client, invoiceId } = await createBilled(api)
  const path = `/v2/invoices/${invoiceId}/credit-notes`
  const body = { reason: 'Refused', lines: [{ position: 1, quantity: 1 }] }
  const options = { headers: { 'Idempotency-Key': 'credit-1' } }
  const [first, again] = await Promise.all([
    client.post<CreditNote>(path, body, options),
    client.post<CreditNote>(path, body, options),
  ])
  expect(first.body.id).toBe(again.body.id)
  const list = await client.get<{ data: CreditNote[] }>(`/v2/credit-notes?invoice_id=${invoiceId}`)
  expect(list.body.data).toHaveLength(1)
})
