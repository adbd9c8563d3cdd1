import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTransaction } from '../../db/client.ts'
import { requestCreditNotes } from '../../db/credit-notes.ts'
import { DomainError } from '../../domain/error.ts'
import { taxOf } from '../../domain/invoice-lines.ts'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { billDay, issueCreditNotes, placeOrder } from '../billing.ts'
import { makeAccount, makeCustomer, type TestAccount } from '../factories.ts'
import { checkDatabase } from '../faults/invariants.ts'

/** `request_credit_note` and the documents made of it, against invoices made the real way. */

let api: ServedApi
let account: TestAccount

beforeAll(async () => {
  api = await serveApi('credit_notes')
  account = await makeAccount(api.database)
})
afterAll(() => api.stop())

const RUNS = Number(process.env['CREDIT_NOTE_RUNS'] ?? 6)

type Unit = { id: string; price_minor: bigint; credited_minor: bigint; state: string }

async function unitsOf(invoiceId: string): Promise<Unit[]> {
  const { rows } = await sql<Unit>`select u.id, u.price_minor, u.credited_minor, u.state
    from units u join invoice_lines l on l.id = u.invoice_line_id
    where l.invoice_id = ${invoiceId} order by l.position, u.id`.execute(api.database.db)
  return rows
}

async function newInvoice(items: Parameters<typeof placeOrder>[3]) {
  const customerId = await makeCustomer(api.database, account.accountId)
  const order = await placeOrder(api, account, customerId, items)
  const invoices = await billDay(api, account.accountId, order.purchase_order.id, {
    documents: false,
  })
  const [first] = invoices
  if (first === undefined) throw new Error('nothing was billed')
  return { customerId, order, invoiceId: first.id, invoices }
}

const request = (key: string, units: { unitId: string; netMinor?: bigint }[]) =>
  inTransaction(api.database.db, (tx) =>
    requestCreditNotes(tx, { accountId: account.accountId, key, reason: 'Recalled', units }),
  )

const readRow = async (table: 'invoices' | 'customer_balances', where: string, id: string) => {
  const { rows } = await sql<Record<string, unknown>>`
    select * from ${sql.table(table)} where ${sql.ref(where)} = ${id}`.execute(api.database.db)
  return rows[0] ?? {}
}

test('an invoice that is credited bit by bit is credited to the cent, never more', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          priceMinor: fc.bigInt({ min: 1n, max: 9_999n }),
          quantity: fc.integer({ min: 1, max: 3 }),
          taxClass: fc.constantFrom('fee' as const, 'digital_service' as const),
        }),
        { minLength: 1, maxLength: 3 },
      ),
      fc.infiniteStream(fc.integer({ min: 1, max: 100 })),
      async (items, percents) => {
        const { invoiceId, customerId } = await newInvoice(items)
        let round = 0
        for (let left = await unitsOf(invoiceId); left.length > 0; round += 1) {
          const parts = left.map((unit) => {
            const rest = unit.price_minor - unit.credited_minor
            const part = (rest * BigInt(percents.next().value ?? 100)) / 100n
            return { unitId: unit.id, netMinor: part > 0n && round < 6 ? part : rest }
          })
          await request(`${invoiceId}/${round}`, parts)
          left = (await unitsOf(invoiceId)).filter((u) => u.credited_minor < u.price_minor)
        }
        await issueCreditNotes(api, account.accountId, { documents: false })
        const { rows } = await sql<{
          net: bigint
          tax: bigint
          invoice_net: bigint
          invoice_tax: bigint
          off: bigint
        }>`
          select sum(c.subtotal_minor)::bigint as net, sum(c.tax_minor)::bigint as tax,
            min(i.subtotal_minor) as invoice_net, min(i.tax_minor) as invoice_tax,
            max(abs(t.tax_minor - tax_of(t.taxable_minor, t.rate_bp))) as off
          from credit_notes c join invoices i on i.id = c.invoice_id
          join credit_note_taxes t on t.credit_note_id = c.id
          where i.id = ${invoiceId}`.execute(api.database.db)
        expect(rows[0]?.net).toBe(rows[0]?.invoice_net)
        expect(rows[0]?.tax).toBe(rows[0]?.invoice_tax)
        expect(Number(rows[0]?.off)).toBeLessThanOrEqual(1)
        expect((await readRow('invoices', 'id', invoiceId))['state']).toBe('void')
        expect((await unitsOf(invoiceId)).map(({ state }) => state)).toContain('reversed')
        const balance = await sql<{ invoiced_minor: bigint }>`select invoiced_minor
          from customer_balances where customer_id = ${customerId} and currency = 'EUR'`.execute(
          api.database.db,
        )
        expect(balance.rows[0]?.invoiced_minor).toBe(0n)
        const [any] = await unitsOf(invoiceId)
        await expect(request(`${invoiceId}/more`, [{ unitId: any?.id ?? '' }])).rejects.toThrow(
          DomainError,
        )
      },
    ),
    { numRuns: RUNS, verbose: 1 },
  )
  expect(await checkDatabase(api.database.db)).toEqual([])
}, 60_000)

test('the tax of SQL is the tax of the documents', async () => {
  const samples = fc.sample(
    fc.tuple(fc.bigInt({ min: 0n, max: 10n ** 12n }), fc.integer({ min: 0, max: 10_000 })),
    500,
  )
  samples.push([50n, 100], [150n, 100], [250n, 100], [5n, 1000], [15n, 1000])
  const { rows } = await sql<{ tax: bigint }>`
    select tax_of(net, rate) as tax from unnest(${samples.map(([net]) => net)}::bigint[],
      ${samples.map(([, rate]) => rate)}::int[]) with ordinality as s (net, rate, n)
    order by n`.execute(api.database.db)
  expect(rows.map(({ tax }) => tax)).toEqual(samples.map(([net, rate]) => taxOf(net, rate)))
})

test('asking twice under a key gives one; another key cannot take the same again', async () => {
  const { invoiceId } = await newInvoice([{ priceMinor: 1_000n, quantity: 2, taxClass: 'fee' }])
  const units = (await unitsOf(invoiceId)).map(({ id }) => ({ unitId: id }))
  const both = await Promise.all([request('refund/1', units), request('refund/1', units)])
  expect(both[0]).toEqual(both[1])
  expect(both[0]).toHaveLength(1)
  const others = ['refund/2', 'refund/3'].map((key) => request(key, units).catch((e: unknown) => e))
  for (const outcome of await Promise.all(others)) {
    expect(outcome).toMatchObject({ reason: 'credit_exceeds_invoice' })
  }
  expect(await readRow('invoices', 'id', invoiceId)).toMatchObject({ credited_minor: 2_380n })
})

test('of ten writers who credit half of a unit each, two succeed', async () => {
  const { invoiceId } = await newInvoice([{ priceMinor: 1_001n, quantity: 1, taxClass: 'fee' }])
  const [unit] = await unitsOf(invoiceId)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 10 }, (_, n) =>
      request(`half/${n}`, [{ unitId: unit?.id ?? '', netMinor: 500n }]),
    ),
  )
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
  expect(await unitsOf(invoiceId)).toMatchObject([{ credited_minor: 1_000n, state: 'allocated' }])
})

test('units of two invoices get a credit note each; a voucher and a fee are two invoices', async () => {
  const { order, invoices } = await newInvoice([
    { priceMinor: 5_000n, quantity: 1 },
    { priceMinor: 100n, quantity: 1, taxClass: 'fee' },
  ])
  expect(invoices).toHaveLength(2)
  const units = (await Promise.all(invoices.map(({ id }) => unitsOf(id)))).flat()
  const ids = await request(
    `claim/${order.id}`,
    units.map(({ id }) => ({ unitId: id })),
  )
  expect(ids).toHaveLength(2)
})

test('a delivered unit that was never billed is reversed and its hold released', async () => {
  const customerId = await makeCustomer(api.database, account.accountId)
  const order = await placeOrder(api, account, customerId, [{ priceMinor: 700n, quantity: 2 }])
  const units = await api.database.db
    .selectFrom('units')
    .select('id')
    .where('transaction_id', '=', order.id)
    .execute()
  const [first] = units
  const unitId = first?.id ?? ''
  await expect(request('part', [{ unitId, netMinor: 1n }])).rejects.toMatchObject({
    reason: 'not_billed',
  })
  expect(await request('whole', [{ unitId }])).toEqual([])
  const { rows } = await sql<{ held_minor: bigint; state: string }>`
    select b.held_minor, u.state from customer_balances b, units u
    where b.customer_id = ${customerId} and b.currency = 'EUR' and u.id = ${unitId}`.execute(
    api.database.db,
  )
  expect(rows[0]).toEqual({ held_minor: 700n, state: 'reversed' })
  const invoices = await billDay(api, account.accountId, order.purchase_order.id, {
    documents: false,
  })
  expect(await unitsOf(invoices[0]?.id ?? '')).toHaveLength(1)
})

test('an issued credit note never changes, and numbers have no gaps', async () => {
  const { invoiceId } = await newInvoice([{ priceMinor: 900n, quantity: 4, taxClass: 'fee' }])
  const units = await unitsOf(invoiceId)
  for (const [n, unit] of units.entries()) await request(`gapless/${n}`, [{ unitId: unit.id }])
  await Promise.all(
    [1, 2].map(() => issueCreditNotes(api, account.accountId, { documents: false })),
  )
  const { rows } = await sql<{ gaps: bigint }>`select count(*) as gaps from (
      select number_value, row_number() over (order by number_value) as expected from credit_notes
      where account_id = ${account.accountId} and state = 'issued') n
    where number_value <> expected`.execute(api.database.db)
  expect(rows[0]?.gaps).toBe(0n)
  for (const statement of [
    sql`update credit_notes set reason = 'other' where state = 'issued'`,
    sql`delete from credit_notes`,
    sql`update credit_note_lines set quantity = 2, net_minor = unit_price_minor * 2`,
    sql`update credit_note_units set net_minor = 1`,
    sql`update invoices set credited_minor = total_minor + 1`,
  ]) {
    await expect(statement.execute(api.database.db)).rejects.toMatchObject({ code: '23514' })
  }
})
