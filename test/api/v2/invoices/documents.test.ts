import { parse } from 'csv-parse/sync'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { billDay, placeOrder } from '../../../billing.ts'
import { makeAccount, makeCustomer } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import type { ErrorBody } from '../orders/shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('invoice_documents')
})
afterAll(() => api.stop())

type Line = { priceMinor: bigint; quantity: number; currency?: string; taxClass?: 'fee' }

/** A day with one order per line of a buyer with an address, billed. */
async function bill(
  lines: Line[],
): Promise<{ client: TestClient; ids: string[]; path: string; number: string }> {
  const account = await makeAccount(api.database)
  const customerId = await makeCustomer(api.database, account.accountId)
  const client = api.client(account.key)
  const address = { street: 'Salem St 5', city: 'Salmiya', zip: '20001', country: 'KW' }
  await client.patch(`/v2/customers/${customerId}`, { addresses: [address] })
  const orders = []
  for (const line of lines) orders.push(await placeOrder(api, account, customerId, [line]))
  const purchaseOrderId = orders[0]?.purchase_order.id ?? ''
  const [invoice] = await billDay(api, account.accountId, purchaseOrderId)
  const path = `/v2/invoices/${invoice?.id}`
  return { client, ids: orders.map(({ id }) => id), path, number: invoice?.number ?? '' }
}

test('a currency that the norm cannot express has PDF and CSV, and the rest says why not', async () => {
  const { client, path, number } = await bill([
    { priceMinor: 7_125n, quantity: 2, currency: 'KWD' },
  ])
  const { body } = await client.get<{ documents: { format: string }[] }>(path)
  expect(body.documents.map(({ format }) => format)).toEqual(['csv', 'pdf'])
  for (const format of ['ubl', 'cii']) {
    const answer = await client.get<ErrorBody>(`${path}/documents/${format}`)
    expect(answer.status).toBe(406)
    expect(answer.body.error).toMatchObject({
      reason: 'document_format_unavailable',
      message: `EN 16931 cannot express amounts in KWD. ${number} can be read as csv and pdf.`,
    })
  }
  const strange = await client.get<ErrorBody>(`${path}/documents/docx`)
  expect(strange.body.error.message).toContain('There is no format called docx.')
  const sent = await client.post<ErrorBody>(`${path}/send`, { formats: ['ubl'] })
  expect(sent.body.error.message).toContain('KWD')
})

test('a CSV has the lines, or the transactions behind them, and both add up to the invoice', async () => {
  const { client, path, ids, number } = await bill([
    { priceMinor: 1_234n, quantity: 3 },
    { priceMinor: 99n, quantity: 1 },
  ])
  const { body } = await client.get<{ subtotal_minor: number }>(path)
  const read = async (query: string) => {
    const { bytes, headers } = await client.get(`${path}/documents/csv${query}`)
    const rows: Record<string, string>[] = parse(bytes, { columns: true })
    return { rows, name: headers.get('content-disposition') }
  }
  const lines = await read('')
  const transactions = await read('?rows=transactions')
  expect(await read('?rows=lines')).toEqual(lines)
  expect(lines.name).toContain(`"${number}.csv"`)
  expect(transactions.name).toContain(`"${number}-transactions.csv"`)
  expect(transactions.rows.map((row) => row['transaction_id'])).toEqual(ids)
  const sum = (rows: Record<string, string>[], column: string) =>
    rows.reduce((all, row) => all + Number(row[column]?.replace('.', '')), 0)
  expect(sum(lines.rows, 'net')).toBe(body.subtotal_minor)
  expect(sum(transactions.rows, 'total')).toBe(body.subtotal_minor)
  for (const query of ['pdf?rows=lines', 'csv?rows=units', 'csv?columns=all']) {
    expect((await client.get(`${path}/documents/${query}`)).status).toBe(400)
  }
})

test('its tax lines say what was charged on what, and add up to its tax', async () => {
  const { client, path } = await bill([{ priceMinor: 3_33n, quantity: 3, taxClass: 'fee' }])
  const { body } = await client.get<{ tax_minor: number }>(path)
  expect(body).toMatchObject({
    tax_minor: 190,
    tax_lines: [
      {
        category: 'S',
        rate_percent: 19,
        taxable: 9.99,
        taxable_minor: 999,
        tax: 1.9,
        tax_minor: 190,
        exemption_code: null,
        exemption_text: null,
      },
    ],
  })
})
