import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { canonicalJson } from '../../domain/canonical-json.ts'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { billDay, placeOrder } from '../billing.ts'
import { makeAccount, makeCustomer } from '../factories.ts'

let api: ServedApi
let invoiceId = ''

beforeAll(async () => {
  api = await serveApi('immutable_invoices')
  const account = await makeAccount(api.database)
  const customerId = await makeCustomer(api.database, account.accountId)
  const order = await placeOrder(api, account, customerId, [
    { priceMinor: 1_000n, quantity: 3, taxClass: 'fee' },
  ])
  const [invoice] = await billDay(api, account.accountId, order.purchase_order.id)
  invoiceId = invoice?.id ?? ''
})
afterAll(() => api.stop())

test('the hash of an issued invoice is that of its content', async () => {
  const { rows } = await api.database.pool.query<{ snapshot: unknown; hash: Buffer }>(
    'select snapshot, snapshot_hash as hash from invoices where id = $1',
    [invoiceId],
  )
  const hash = createHash('sha256').update(canonicalJson(rows[0]?.snapshot)).digest()
  expect(rows[0]?.hash.equals(hash)).toBe(true)
})

test.each([
  `update invoices set snapshot = snapshot || '{"number": "INV-1"}' where id = $1`,
  `update invoices set snapshot_hash = sha256('x') where id = $1`,
  'update invoices set total_minor = total_minor + 1, subtotal_minor = subtotal_minor + 1 where id = $1',
  `update invoices set number = 'INV-1' where id = $1`,
  'update invoices set issue_date = issue_date - 1 where id = $1',
  'delete from invoices where id = $1',
  `update invoice_lines set name = 'x' where invoice_id = $1`,
  'delete from invoice_lines where invoice_id = $1',
  `update invoice_documents set content = 'x' where invoice_id = $1`,
  'delete from invoice_documents where invoice_id = $1',
])('PostgreSQL refuses: %s', async (statement) => {
  await expect(api.database.pool.query(statement, [invoiceId])).rejects.toThrow(
    /never changes|never deleted|append-only/,
  )
})

test.each([
  ['an invoice that is not there', `'inv_none', account_id`],
  ['an account that is not its invoice’s', `invoice_id, (select id from other)`],
])('PostgreSQL refuses an invoice line of %s', async (_, parents) => {
  const other = await makeAccount(api.database)
  const line = (columns: string) =>
    api.database.pool.query(
      `with other as (select $2::text as id)
       insert into invoice_lines (id, invoice_id, account_id, position, sku, name, unit_price_minor,
         quantity, net_minor, tax_category, tax_rate_bp)
       select 'il_' || gen_random_uuid(), ${columns}, position + 100, sku, name, unit_price_minor,
         quantity, net_minor, tax_category, tax_rate_bp
       from invoice_lines where invoice_id = $1`,
      [invoiceId, other.accountId],
    )
  await expect(line(parents)).rejects.toMatchObject({ code: '23503' })
})
