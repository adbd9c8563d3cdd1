import { randomUUID } from 'node:crypto'
import { CompiledQuery, sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkInvoiceHashes } from '../../../../db/order-proof-parts.ts'
import { checkOrder } from '../../../../db/order-proofs.ts'
import { billDay, issueCreditNotes } from '../../../billing.ts'
import { makeAccount, makeCustomer, makeKey } from '../../../factories.ts'
import { openShop, type OrderBody, type Shop } from './shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('order_proof')
})
afterAll(() => shop.stop())

type Check = { name: string; subject: string; expected: number; actual: number; holds: boolean }
type Proof = {
  holds: boolean
  checks: Check[]
  workflow_id: string
  order: { id: string; status: string }
  units: { id: string; state: string; code: { id: string; masked: string } | null }[]
  ledger: { kind: string; entries: { account: string; amount_minor: number }[] }[]
  invoice_lines: { invoice_id: string; units_of_order: number }[]
  credit_notes: { status: string; net_minor: number }[]
  payments: { kind: string; amount_minor: number }[]
  deliveries: { event_type: string; status: string }[]
}

const orderId = (id: string) => id.replace('txn_', 'ord_')

async function prove(transactionId: string): Promise<Proof> {
  const answer = await shop.owner.get<Proof>(`/v2/orders/${orderId(transactionId)}/proof`)
  if (answer.status !== 200) throw new Error(answer.bytes.toString())
  return answer.body
}

/** Names of the checks that do not hold: none, at every stage of an honest order. */
async function broken(transactionId: string): Promise<string[]> {
  const { holds, checks } = await prove(transactionId)
  const names = checks.filter((check) => !check.holds).map(({ name }) => name)
  expect(holds).toBe(names.length === 0)
  return names
}

async function place(quantity: number): Promise<OrderBody> {
  const customerId = await makeCustomer(shop.database, shop.account.accountId)
  const body = { customer_id: customerId, items: [{ sku: shop.product.sku, quantity }] }
  return (await shop.owner.post<OrderBody>('/v2/transactions', body)).body
}

const bill = (order: OrderBody) =>
  billDay(shop, shop.account.accountId, order.purchase_order.id, { documents: false })

const pay = (invoiceId: string, amount: number) =>
  shop.owner.post(`/v2/invoices/${invoiceId}/payments`, {
    amount,
    reference: randomUUID(),
    received_on: '2026-11-23',
  })

const credit = (invoiceId: string, body: object) =>
  shop.owner.post(`/v2/invoices/${invoiceId}/credit-notes`, { reason: 'Refused', ...body })

/** An order of three, all of it delivered and billed. */
async function billed(): Promise<{ order: OrderBody; invoiceId: string; codes: string[] }> {
  const order = await place(3)
  const codes = await shop.stock(3)
  await shop.fulfill(order.id)
  const [invoice] = await bill(order)
  if (invoice === undefined) throw new Error('nothing was billed')
  return { order, invoiceId: invoice.id, codes }
}

test('an order is proven right after each stage of its story', async () => {
  await shop.owner.post('/v2/webhooks', {
    url: 'https://shop.example/hook',
    events: ['order.fulfilled'],
  })
  const order = await place(3)
  expect(await broken(order.id)).toEqual([])
  const codes = await shop.stock(2)
  await shop.fulfill(order.id)
  expect(await broken(order.id)).toEqual([])
  codes.push(...(await shop.stock(1)))
  await shop.fulfill(order.id)
  expect(await broken(order.id)).toEqual([])
  const [invoice] = await bill(order)
  const invoiceId = invoice?.id ?? ''
  expect(await broken(order.id)).toEqual([])
  await pay(invoiceId, 60)
  expect(await broken(order.id)).toEqual([])
  await credit(invoiceId, { lines: [{ position: 1, quantity: 1 }] })
  expect(await broken(order.id)).toEqual([])
  await issueCreditNotes(shop, shop.account.accountId, { documents: false })
  expect(await broken(order.id)).toEqual([])
  await pay(invoiceId, 100)
  expect(await broken(order.id)).toEqual([])
  await credit(invoiceId, {})
  await issueCreditNotes(shop, shop.account.accountId, { documents: false })

  const proof = await prove(order.id)
  expect(proof).toMatchObject({ holds: true, workflow_id: `transaction/${order.id}` })
  expect(proof.order.id).toBe(orderId(order.id))
  expect(new Set(proof.ledger.map(({ kind }) => kind))).toEqual(
    new Set([
      'order_accepted',
      'units_allocated',
      'invoice_issued',
      'payment_received',
      'credit_note_issued',
    ]),
  )
  expect(proof.units.map(({ state }) => state)).toEqual(['reversed', 'reversed', 'reversed'])
  for (const [index, unit] of proof.units.entries()) {
    expect(codes.map((code) => `****${code.slice(-4)}`)).toContain(unit.code?.masked)
    expect(JSON.stringify(proof)).not.toContain(codes[index])
  }
  expect(proof.invoice_lines).toMatchObject([{ invoice_id: invoiceId, units_of_order: 3 }])
  expect(proof.credit_notes.map(({ net_minor }) => net_minor)).toEqual([4999, 9998])
  expect(proof.payments.map(({ amount_minor }) => amount_minor)).toEqual([6000, 10000])
  expect(proof.deliveries).toMatchObject([{ event_type: 'order.fulfilled', status: 'pending' }])
})

test('an order that gave up, or lost pieces before they were billed, is proven too', async () => {
  const order = await place(2)
  await shop.stock(1)
  await shop.fulfill(order.id)
  await shop.database.pool.query(
    `update transactions set cancel_requested_at = clock_timestamp() where id = $1`,
    [order.id],
  )
  await shop.fulfill(order.id)
  const proof = await prove(order.id)
  expect(proof.holds).toBe(true)
  expect(proof.units.map(({ state }) => state)).toEqual(['allocated', 'cancelled'])
  expect(proof.ledger.map(({ kind }) => kind)).toContain('units_given_up')
})

/**
 * What somebody with the database in hands could do to an honest order. Each is planted past every
 * trigger, must be seen by the check of that name, and is undone.
 */
const PLANTED: Record<string, (row: { order: string; invoice: string }) => [string, string[]]> = {
  lines: ({ order }) => [
    `update lines set quantity = quantity + 1, total_minor = total_minor + unit_price_minor
      where transaction_id = $1`,
    [order],
  ],
  units: ({ order }) => [
    `update units set price_minor = price_minor + 1 where transaction_id = $1`,
    [order],
  ],
  pieces: ({ order }) => [
    `update transactions set unit_count = unit_count + 1 where id = $1`,
    [order],
  ],
  codes: ({ order }) => [
    `update codes set unit_id = null, allocated_at = null where unit_id =
      (select id from units where transaction_id = $1 and position = 1)`,
    [order],
  ],
  held: ({ order }) => [
    `delete from entries where journal_id in
      (select id from journals where source_id = $1 and kind = 'order_accepted')`,
    [order],
  ],
  revenue: ({ order }) => [
    `update entries set amount_minor = amount_minor * 2 where journal_id in
      (select id from journals where source_id like $1 || '/%' and kind = 'units_allocated')`,
    [order],
  ],
  billed: ({ invoice }) => [
    `update invoices set snapshot =
      jsonb_set(snapshot, '{transactions,0,total_minor}', '"1"') where id = $1`,
    [invoice],
  ],
  invoice_lines: ({ invoice }) => [
    `update units set price_minor = price_minor - 1 where position = 3 and invoice_line_id in
      (select id from invoice_lines where invoice_id = $1)`,
    [invoice],
  ],
  invoice_total: ({ invoice }) => [
    `update invoices set total_minor = total_minor + 1,
      subtotal_minor = subtotal_minor + 1 where id = $1`,
    [invoice],
  ],
  posted: ({ invoice }) => [
    `update entries set amount_minor = amount_minor + 1 where amount_minor > 0 and journal_id in
      (select id from journals where source_id = $1)`,
    [invoice],
  ],
  settled: ({ invoice }) => [
    `update credit_notes set total_minor = total_minor + 1, tax_minor = tax_minor + 1
      where invoice_id = $1`,
    [invoice],
  ],
  invoice_state: ({ invoice }) => [`update invoices set state = 'paid' where id = $1`, [invoice]],
  credited: ({ invoice }) => [
    `update credit_note_units set net_minor = net_minor - 1 where credit_note_id in
      (select id from credit_notes where invoice_id = $1)`,
    [invoice],
  ],
  unchanged: ({ invoice }) => [
    `update invoices set snapshot = jsonb_set(snapshot, '{buyer,name}', '"Another"') where id = $1`,
    [invoice],
  ],
  balanced: ({ order }) => [
    `delete from entries where amount_minor < 0 and journal_id in
      (select id from journals where source_id like $1 || '/%')`,
    [order],
  ],
  events: ({ order }) => [`delete from events where object_id = $1 and sequence = 2`, [order]],
}

describe('a planted discrepancy is seen', () => {
  let row: { order: string; invoice: string }
  beforeAll(async () => {
    const { order, invoiceId } = await billed()
    await credit(invoiceId, { lines: [{ position: 1, quantity: 1 }] })
    await issueCreditNotes(shop, shop.account.accountId, { documents: false })
    row = { order: order.id, invoice: invoiceId }
  })

  test('and nothing is seen before', async () => {
    expect(await broken(row.order)).toEqual([])
  })

  test.each(Object.entries(PLANTED))('%s', async (name, plant) => {
    const [statement, values] = plant(row)
    const key = { accountId: shop.account.accountId, transactionId: row.order }
    const seen: string[] = []
    const planting = shop.database.db.transaction().execute(async (tx) => {
      await sql`set local session_replication_role = replica`.execute(tx)
      await tx.executeQuery(CompiledQuery.raw(statement, values))
      const hashes = await checkInvoiceHashes(tx, key.accountId, [row.invoice])
      for (const check of [...(await checkOrder(tx, key)), ...hashes]) {
        if (check.expected !== check.actual) seen.push(check.name)
      }
      throw new Error('planted, seen and undone')
    })
    await expect(planting).rejects.toThrow('undone')
    expect(seen).toContain(name)
  })

  test('and told: the proof does not hold', async () => {
    await shop.database.db
      .updateTable('invoices')
      .set({ state: 'paid' })
      .where('id', '=', row.invoice)
      .execute()
    expect(await broken(row.order)).toEqual(['invoice_state'])
  })
})

test('a proof is for finance, of the whole account, and of nobody else', async () => {
  const order = await place(1)
  const path = `/v2/orders/${orderId(order.id)}/proof`
  const { accountId, mode } = shop.account
  const asked = async (key: string) => (await shop.owner.get(path, { key })).status
  expect(await asked(await makeKey(shop.database, shop.account, { scopes: ['orders:read'] }))).toBe(
    403,
  )
  const bound = await makeKey(shop.database, { accountId, mode }, { customerId: order.customer_id })
  expect(await asked(bound)).toBe(403)
  expect(await asked((await makeAccount(shop.database)).key)).toBe(404)
  expect((await shop.owner.get('/v2/orders/ord_nothing/proof')).status).toBe(404)
  expect(await asked(shop.account.key)).toBe(200)
})
