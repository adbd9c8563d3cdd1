import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readEnv, toConfig, type Config } from '../../config.ts'
import { inTransaction, openDatabase, type Database } from '../../db/client.ts'
import { fulfillTransaction, requestCancelRemaining } from '../../db/fulfillment.ts'
import { postJournal } from '../../db/ledger.ts'
import { acceptOrder } from '../../db/order-acceptance.ts'
import { entriesOf, LEDGER_ACCOUNTS, POSTING_RULES, type Posting } from '../../domain/ledger.ts'
import { newId } from '../../new-id.ts'
import {
  importCodes,
  makeAccount,
  makeCustomer,
  makeProduct,
  type TestAccount,
} from '../factories.ts'
import { createTestDatabase, type TestDatabase } from '../stack.ts'
import { orderRequest } from '../order-request.ts'

let testDatabase: TestDatabase
let config: Config
let database: Database
let account: TestAccount
let product: { id: string; sku: string }

beforeAll(async () => {
  testDatabase = await createTestDatabase('ledger')
  config = toConfig(readEnv({ DATABASE_URL: testDatabase.url }))
  database = openDatabase({
    url: testDatabase.url,
    poolSizeMax: 8,
    applicationName: 'test-ledger',
    onError: () => undefined,
  })
  account = await makeAccount(database)
  product = await makeProduct(database, account.accountId, { priceMinor: 1000n })
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

async function order(customerId: string, quantity: number): Promise<string> {
  const { transaction } = await acceptOrder(
    database.pool,
    orderRequest({
      account_id: account.accountId,
      customer_id: customerId,
      transaction_id: newId('transaction'),
      items: [{ product_id: null, sku: product.sku, variant_id: null, quantity, price: null }],
    }),
  )
  return transaction.id
}

/** What a customer's ledger accounts hold; those at zero are left out. */
async function balancesOf(customerId: string): Promise<Record<string, number>> {
  const { rows } = await database.pool.query<{ kind: string; minor: number }>(
    `select a.kind, sum(e.amount_minor)::int as minor from entries e
     join ledger_accounts a on a.id = e.ledger_account_id
     where a.customer_id = $1 group by a.kind having sum(e.amount_minor) <> 0`,
    [customerId],
  )
  return Object.fromEntries(rows.map((row) => [row.kind, row.minor]))
}

async function journalsOf(sourceId: string): Promise<{ kind: string; entries: number }[]> {
  const { rows } = await database.pool.query<{ kind: string; entries: number }>(
    `select j.kind, count(*)::int as entries from journals j join entries e on e.journal_id = j.id
     where j.source_id = $1 group by j.id, j.kind order by j.kind`,
    [sourceId],
  )
  return rows
}

const customer = () => makeCustomer(database, account.accountId)

const post = (customerId: string | null, posting: Posting, sourceId = randomUUID()) =>
  inTransaction(database.db, (tx) =>
    postJournal(tx, {
      accountId: account.accountId,
      customerId,
      currency: 'USD',
      posting,
      sourceId,
    }),
  )

describe('SQL and TypeScript agree', () => {
  test('on the kinds of ledger accounts', async () => {
    const { rows } = await database.pool.query<{ kind: string; class: string }>(
      'select kind, class from ledger_account_kinds',
    )
    expect(Object.fromEntries(rows.map((row) => [row.kind, row.class]))).toEqual(LEDGER_ACCOUNTS)
  })

  test('on what every journal moves', async () => {
    const { rows } = await database.pool.query(
      'select journal, measure, debit, credit from posting_rules order by 1, 2',
    )
    const ours = Object.entries(POSTING_RULES).flatMap(([journal, rules]) =>
      Object.entries(rules).map(([measure, rule]) => ({ journal, measure, ...rule })),
    )
    const key = (row: { journal: string; measure: string }) => `${row.journal} ${row.measure}`
    expect(rows.length).toBeGreaterThan(20)
    expect(rows).toEqual(ours.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)))
  })

  test('on the hold of an acceptance, which SQL spells out', async () => {
    const customerId = await customer()
    await order(customerId, 3)
    const held = entriesOf({ kind: 'order_accepted', amounts: { amount: 3000n } })
    expect(await balancesOf(customerId)).toEqual(
      Object.fromEntries(held.map((entry) => [entry.account, Number(entry.amountMinor)])),
    )
  })
})

describe('an order’s units', () => {
  test('hold credit, and are revenue when they are delivered', async () => {
    const customerId = await customer()
    await importCodes(database, config.keys, account, { productId: product.id }, 2)
    const id = await order(customerId, 3)
    await fulfillTransaction(database.pool, { accountId: account.accountId, transactionId: id })
    expect(await balancesOf(customerId)).toEqual({
      held: 3000,
      held_offset: -3000,
      unbilled: 2000,
      revenue: -2000,
    })
    expect(await journalsOf(`${id}/1`)).toEqual([{ kind: 'units_allocated', entries: 2 }])
  })

  test('give the hold back when they are given up; each step is posted once', async () => {
    const customerId = await customer()
    await importCodes(database, config.keys, account, { productId: product.id }, 1)
    const key = { accountId: account.accountId, transactionId: await order(customerId, 4) }
    await fulfillTransaction(database.pool, key)
    await inTransaction(database.db, (tx) => requestCancelRemaining(tx, key))
    for (let n = 0; n < 3; n++) await fulfillTransaction(database.pool, key)
    expect(await balancesOf(customerId)).toEqual({
      held: 1000,
      held_offset: -1000,
      unbilled: 1000,
      revenue: -1000,
    })
    expect(await journalsOf(`${key.transactionId}/2`)).toEqual([
      { kind: 'units_given_up', entries: 2 },
    ])
  })

  test('are taken back when they are reversed before they were billed', async () => {
    const customerId = await customer()
    await importCodes(database, config.keys, account, { productId: product.id }, 2)
    const id = await order(customerId, 2)
    await fulfillTransaction(database.pool, { accountId: account.accountId, transactionId: id })
    await database.pool.query(
      `update units set state = 'reversed' where transaction_id = $1 and position = 2`,
      [id],
    )
    expect(await balancesOf(customerId)).toEqual({
      held: 1000,
      held_offset: -1000,
      unbilled: 1000,
      revenue: -1000,
    })
  })
})

describe('a journal', () => {
  const paid: Posting = { kind: 'payment_received', amounts: { allocated: 0n, unallocated: 700n } }

  test('is posted once, however often and by however many', async () => {
    const customerId = await customer()
    const sourceId = randomUUID()
    await Promise.all(Array.from({ length: 5 }, () => post(customerId, paid, sourceId)))
    expect(await journalsOf(sourceId)).toEqual([{ kind: 'payment_received', entries: 2 }])
    const { rows } = await database.pool.query(
      `select unallocated_minor::int as minor from customer_balances
       where customer_id = $1 and currency = 'USD'`,
      [customerId],
    )
    expect(rows).toEqual([{ minor: 700 }])
  })

  test('is refused when its source has moved other amounts', async () => {
    const customerId = await customer()
    const sourceId = randomUUID()
    await post(customerId, paid, sourceId)
    const other: Posting = { kind: 'payment_received', amounts: { unallocated: 701n } }
    await expect(post(customerId, other, sourceId)).rejects.toThrow('posted with other amounts')
    expect(await balancesOf(customerId)).toEqual({ cash: 700, unallocated_cash: -700 })
  })

  test('may concern the account and no customer of it', async () => {
    const sourceId = randomUUID()
    await post(null, { kind: 'psp_paid_out', amounts: { amount: 5n } }, sourceId)
    expect(await journalsOf(sourceId)).toEqual([{ kind: 'psp_paid_out', entries: 2 }])
  })

  test('that moves nothing is none', async () => {
    const sourceId = randomUUID()
    await post(await customer(), { kind: 'cash_allocated', amounts: { amount: 0n } }, sourceId)
    expect(await journalsOf(sourceId)).toEqual([])
  })

  test('cannot spend what the customer does not have', async () => {
    const customerId = await customer()
    await post(customerId, paid)
    const spend: Posting = { kind: 'cash_allocated', amounts: { amount: 701n } }
    await expect(post(customerId, spend)).rejects.toThrow('customer_balances')
  })
})

describe('the database itself refuses', () => {
  /** Writes a journal by hand, with entries of some accounts, and commits. */
  const write = (
    customerId: string,
    amounts: Record<string, bigint>,
    over: { accountId?: string; currency?: string } = {},
  ) =>
    inTransaction(database.db, async (tx) => {
      const id = newId('journal')
      await sql`insert into journals (id, account_id, customer_id, currency, kind, source_id, occurred_at)
        values (${id}, ${account.accountId}, ${customerId}, 'USD', 'by_hand', ${id}, clock_timestamp())`.execute(
        tx,
      )
      await sql`insert into entries (journal_id, ledger_account_id, account_id, currency, amount_minor)
        select ${id}, id, ${over.accountId ?? account.accountId}, ${over.currency ?? 'USD'}, minor
        from unnest(${Object.keys(amounts)}::text[], ${Object.values(amounts)}::bigint[])
          as wanted (kind, minor)
        join ledger_accounts using (kind)
        where customer_id = ${customerId} and currency = 'USD'`.execute(tx)
    })

  test('entries that are not balanced', async () => {
    const customerId = await customer()
    await write(customerId, { cash: 5n, revenue: -5n })
    await expect(write(customerId, { cash: 5n, revenue: -4n })).rejects.toThrow('not balanced')
    await expect(write(customerId, { revenue: -4n })).rejects.toThrow('not balanced')
  })

  test('entries of another account, customer or currency', async () => {
    const customerId = await customer()
    const stranger = await makeAccount(database)
    const amounts = { cash: 5n, revenue: -5n }
    for (const over of [{ accountId: stranger.accountId }, { currency: 'EUR' }]) {
      await expect(write(customerId, amounts, over)).rejects.toThrow('another account')
    }
    const otherId = await customer()
    await expect(
      inTransaction(database.db, async (tx) => {
        const id = newId('journal')
        await sql`insert into journals (id, account_id, customer_id, currency, kind, source_id, occurred_at)
          values (${id}, ${account.accountId}, ${customerId}, 'USD', 'by_hand', ${id}, clock_timestamp())`.execute(
          tx,
        )
        await sql`insert into entries (journal_id, ledger_account_id, account_id, currency, amount_minor)
          select ${id}, id, account_id, currency, case kind when 'cash' then 5 else -5 end
          from ledger_accounts where customer_id = ${otherId} and currency = 'USD'
            and kind in ('cash', 'revenue')`.execute(tx)
      }),
    ).rejects.toThrow('another account')
  })

  test('any change of what is posted', async () => {
    await order(await customer(), 1)
    for (const table of ['journals', 'entries', 'ledger_accounts']) {
      for (const act of [`delete from ${table}`, `update ${table} set account_id = 'x'`]) {
        await expect(database.pool.query(act)).rejects.toThrow('append-only')
      }
    }
  })
})
