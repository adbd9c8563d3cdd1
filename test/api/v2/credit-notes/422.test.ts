import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeKey } from '../../../factories.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import { createBilled, type Billed, type CreditNote } from './billed.ts'

/** What is refused, with every status of these routes; nothing is written then. */

let api: ServedApi
let billed: Billed

beforeAll(async () => {
  api = await serveApi('credit_notes_422')
  billed = await createBilled(api)
})
afterAll(() => api.stop())

test.each([
  ['no reason', {}, 'invalid_fields'],
  [
    'units and lines',
    { units: [{ unit_id: 'unit_1' }], lines: [{ position: 1 }] },
    'invalid_fields',
  ],
  ['no lines', { lines: [] }, 'invalid_fields'],
  [
    'a quantity and an amount',
    { lines: [{ position: 1, quantity: 1, amount: 1 }] },
    'invalid_fields',
  ],
  ['an unknown field', { all: true }, 'invalid_fields'],
  ['more pieces than billed', { lines: [{ position: 1, quantity: 4 }] }, 'credit_exceeds_invoice'],
  ['a line that is not there', { lines: [{ position: 2 }] }, 'credit_exceeds_invoice'],
  ['more money than billed', { lines: [{ position: 1, amount: 30.01 }] }, 'credit_exceeds_invoice'],
  ['a unit that is not there', { units: [{ unit_id: 'unit_1' }] }, 'credit_exceeds_invoice'],
  ['nothing', { lines: [{ position: 1, amount: 0 }] }, 'invalid_amount'],
  ['less than nothing', { lines: [{ position: 1, amount: -1 }] }, 'invalid_amount'],
  ['a third decimal', { lines: [{ position: 1, amount: '0.001' }] }, 'invalid_amount'],
])('422 for %s', async (what, body, reason) => {
  const answer = await billed.client.post(`/v2/invoices/${billed.invoiceId}/credit-notes`, {
    ...(what === 'no reason' ? {} : { reason: 'Because' }),
    ...body,
  })
  expect(answer.status).toBe(422)
  expect(answer.body['error']).toMatchObject({ reason })
  const { rows } = await sql<{ n: bigint }>`select count(*) as n from credit_notes`.execute(
    api.database.db,
  )
  expect(rows[0]?.n).toBe(0n)
})

test('404 for an invoice that is not there or not ours', async () => {
  const other = await createBilled(api)
  for (const id of ['inv_00000000000000000000000000', billed.invoiceId]) {
    const answer = await other.client.post(`/v2/invoices/${id}/credit-notes`, { reason: 'Because' })
    expect(answer.status).toBe(404)
  }
  expect((await other.client.get('/v2/credit-notes/cn_1')).status).toBe(404)
  expect((await other.client.get('/v2/credit-notes/cn_1/documents/pdf')).status).toBe(404)
})

test('403 for a key without the scope and for a bound key', async () => {
  const path = `/v2/invoices/${billed.invoiceId}/credit-notes`
  const { account, customerId } = billed
  const reader = await makeKey(api.database, account, { scopes: ['invoices:read'] })
  const bound = await makeKey(api.database, account, { customerId })
  for (const key of [reader, bound]) {
    expect((await api.client(key).post(path, { reason: 'Because' })).status).toBe(403)
  }
})

test('a pending one has no documents yet (409); a format that cannot be is 406', async () => {
  const { client, invoiceId } = await createBilled(api)
  const path = `/v2/invoices/${invoiceId}/credit-notes`
  const asked = await client.post<CreditNote>(path, { reason: 'All' })
  const pending = await client.get(`/v2/credit-notes/${asked.body.id}/documents/pdf`)
  expect(pending.status).toBe(409)
  expect((await client.get(`/v2/invoices/${invoiceId}/documents/ubl`)).status).toBe(406)
})
