import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type Database } from '../../db/client.ts'
import { acceptOrder } from '../../db/order-acceptance.ts'
import { newId } from '../../new-id.ts'
import { createTestDatabase, type TestDatabase } from '../stack.ts'
import { openTwins, type Twin } from './order-twins.ts'

/** What foreign keys of an order's rows would say, said once per statement. */

let testDatabase: TestDatabase
let database: Database
let twins: [Twin, Twin]
/** An order of each of the two accounts: its transaction, and one of its lines. */
let orders: { transaction: string; line: string; purchaseOrder: string }[]

beforeAll(async () => {
  testDatabase = await createTestDatabase('parents')
  database = openDatabase({
    url: testDatabase.url,
    poolSizeMax: 2,
    applicationName: 'test-parents',
    onError: () => undefined,
  })
  twins = await openTwins(database)
  orders = []
  for (const twin of twins) {
    for (const request of twin.plain(2)) {
      const { transaction } = await acceptOrder(database.pool, request)
      orders.push({
        transaction: transaction.id,
        line: transaction.lines[0]?.id ?? '',
        purchaseOrder: transaction.purchase_order.id,
      })
    }
  }
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

/** Copies the row with `id`, with other values for some columns (SQL by column). */
async function copy(
  table: string,
  id: string,
  changes: Record<string, string>,
): Promise<number | null> {
  const { rows } = await database.pool.query<{ column: string }>(
    `select column_name as column from information_schema.columns
     where table_name = $1 and is_generated = 'NEVER' order by ordinal_position`,
    [table],
  )
  const columns = rows.map(({ column }) => column)
  const values = columns.map((column) => changes[column] ?? `r.${column}`)
  const { rowCount } = await database.pool.query(
    `insert into ${table} (${columns.join(', ')}) select ${values.join(', ')} from ${table} r
     where r.id = $1`,
    [id],
  )
  return rowCount
}

const [MINE, MINE_TOO, FOREIGN] = [0, 1, 2] as const
const quoted = (text: string | undefined) => `'${text}'`
const order = (index: number) => orders[index] ?? { transaction: '', line: '', purchaseOrder: '' }
async function aUnit(): Promise<string> {
  const { rows } = await database.pool.query<{ id: string }>(
    'select id from units where line_id = $1 limit 1',
    [order(MINE).line],
  )
  return String(rows[0]?.id)
}

const fresh = (kind: 'transaction' | 'line' | 'unit') => ({
  id: quoted(newId(kind)),
  position: '1000 + (extract(epoch from clock_timestamp()) * 1000)::bigint % 100000',
})

test('a copy with the same parents is accepted: what is refused below is refused for its parents', async () => {
  const transaction = { ...fresh('transaction'), client_reference: 'null' }
  expect(await copy('transactions', order(MINE).transaction, transaction)).toBe(1)
  expect(await copy('lines', order(MINE).line, fresh('line'))).toBe(1)
  expect(await copy('units', await aUnit(), fresh('unit'))).toBe(1)
})

test.each([
  [
    'transaction',
    'a purchase order of another customer',
    () => ({ purchase_order_id: quoted(order(MINE_TOO).purchaseOrder) }),
  ],
  [
    'transaction',
    'a purchase order of another account',
    () => ({ purchase_order_id: quoted(order(FOREIGN).purchaseOrder) }),
  ],
  ['transaction', 'another currency than its purchase order', () => ({ currency: quoted('EUR') })],
  ['transaction', 'no purchase order', () => ({ purchase_order_id: quoted('po_none') })],
  [
    'line',
    'an order of another account',
    () => ({ transaction_id: quoted(order(FOREIGN).transaction) }),
  ],
  ['line', 'an order that is not there', () => ({ transaction_id: quoted('txn_none') })],
  [
    'line',
    'a product of another account',
    () => ({ product_id: quoted(twins[1].ids.get('product card')) }),
  ],
  ['line', 'a product that is not there', () => ({ product_id: quoted('prod_none') })],
  [
    'line',
    'a variant of another product',
    () => ({ variant_id: quoted(twins[0].ids.get('variant big')) }),
  ],
  ['line', 'a variant that is not there', () => ({ variant_id: quoted('var_none') })],
  ['unit', 'a line of another order', () => ({ line_id: quoted(order(MINE_TOO).line) })],
  ['unit', 'a line of another account', () => ({ line_id: quoted(order(FOREIGN).line) })],
  [
    'unit',
    'a purchase order that is not its order’s',
    () => ({ purchase_order_id: quoted(order(MINE_TOO).purchaseOrder) }),
  ],
  ['unit', 'another account than its order', () => ({ account_id: quoted(twins[1].accountId) })],
] as const)('a %s with %s is refused', async (kind, _, changes) => {
  const ids = {
    transaction: order(MINE).transaction,
    line: order(MINE).line,
    unit: await aUnit(),
  }
  await expect(
    copy(`${kind}s`, ids[kind], { ...fresh(kind), client_reference: 'null', ...changes() }),
  ).rejects.toMatchObject({ code: '23503' })
})

test.each([
  ['purchase_orders', 'customer_id'],
  ['transactions', 'purchase_order_id'],
  ['lines', 'product_id'],
  ['units', 'line_id'],
  ['products', 'account_id'],
  ['variants', 'product_id'],
])('rows of %s stay, and keep their %s', async (table, column) => {
  for (const statement of [`delete from ${table}`, `update ${table} set ${column} = ${column}`]) {
    await expect(database.pool.query(statement)).rejects.toThrow(`a row of ${table} stays`)
  }
})

test('one bad row of a statement ends all of it', async () => {
  const before = await database.pool.query('select count(*) from lines')
  await expect(
    database.pool.query(
      `insert into lines (id, account_id, transaction_id, position, product_id, sku, name, tax_class,
         fulfillment_type, quantity, unit_price_minor, total_minor)
       select 'line_' || n, account_id, case n when 7 then $2 else transaction_id end, 5000 + n, product_id,
         sku, name, tax_class, fulfillment_type, 1, 1, 1
       from lines, generate_series(1, 9) n where id = $1`,
      [order(MINE).line, order(FOREIGN).transaction],
    ),
  ).rejects.toMatchObject({ code: '23503' })
  expect((await database.pool.query('select count(*) from lines')).rows).toEqual(before.rows)
})
