import { randomUUID } from 'node:crypto'
import type { PoolClient } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readEnv, toConfig, type Config } from '../../config.ts'
import { openDatabase, type Database } from '../../db/client.ts'
import { DomainError } from '../../domain/error.ts'
import { acceptOrder, type AcceptedOrder, type OrderRequest } from '../../db/order-acceptance.ts'
import { newId } from '../../new-id.ts'
import {
  importCodes,
  makeAccount,
  makeCustomer,
  makeProduct,
  type TestAccount,
} from '../factories.ts'
import { eventually } from '../harness.ts'
import { createTestDatabase, type TestDatabase } from '../stack.ts'
import { orderRequest } from '../order-request.ts'

let testDatabase: TestDatabase
let config: Config
let database: Database
let account: TestAccount
let sku: string

beforeAll(async () => {
  testDatabase = await createTestDatabase('accept')
  config = toConfig(readEnv({ DATABASE_URL: testDatabase.url }))
  database = openDatabase({
    url: testDatabase.url,
    poolSizeMax: 12,
    applicationName: 'test-accept',
    onError: () => undefined,
  })
  account = await makeAccount(database)
  sku = (await makeProduct(database, account.accountId)).sku
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

function requestOf(customerId: string, over: Partial<OrderRequest> = {}): OrderRequest {
  return orderRequest({
    account_id: account.accountId,
    customer_id: customerId,
    transaction_id: newId('transaction'),
    items: [{ product_id: null, sku, variant_id: null, quantity: 1, price: null }],
    ...over,
  })
}

const accept = (customerId: string, over: Partial<OrderRequest> = {}): Promise<AcceptedOrder> =>
  acceptOrder(database.pool, requestOf(customerId, over))

const linesOf = (...items: [sku: string, quantity: number][]) =>
  items.map(([name, quantity]) => ({
    product_id: null,
    sku: name,
    variant_id: null,
    quantity,
    price: null,
  }))

/** Runs `work` while another session holds what it did in its transaction; then ends that. */
async function whileHeld(
  hold: (holder: PoolClient) => Promise<unknown>,
  end: 'commit' | 'rollback',
  work: (release: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  const holder = await database.pool.connect()
  let held = true
  const release = async () => {
    if (held) await holder.query(end)
    held = false
  }
  try {
    await holder.query('begin')
    await hold(holder)
    await work(release)
  } finally {
    await release()
    holder.release()
  }
}

/** Waits until a session waits for a lock. */
async function untilLocked(): Promise<void> {
  await eventually(
    () =>
      database.pool.query(
        `select 1 from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`,
      ),
    ({ rowCount }) => rowCount !== 0,
  )
}

/** Waits until PostgreSQL's clock has passed an instant. */
async function untilClock(milliseconds: number): Promise<void> {
  await eventually(
    () =>
      database.pool.query<{ late: boolean }>('select clock_timestamp() > $1::timestamptz as late', [
        new Date(milliseconds).toISOString(),
      ]),
    ({ rows }) => rows[0]?.late === true,
  )
}

const lockCustomer = (customerId: string) => (holder: PoolClient) =>
  holder.query('select 1 from customers where id = $1 for no key update', [customerId])

/** A customer whose day ends `milliseconds` from now, by PostgreSQL's clock. */
async function customerWithCutOffIn(milliseconds: number): Promise<string> {
  const hours = new Date().getUTCHours()
  const timeZone = `Etc/GMT${hours >= 12 ? '+' : '-'}${Math.abs(hours - 12)}`
  const { rows } = await database.pool.query<{ cut_off: string }>(
    `select to_char(clock_timestamp() at time zone $1 + $2 * interval '1 millisecond',
       'HH24:MI:SS.US') as cut_off`,
    [timeZone, milliseconds],
  )
  return makeCustomer(database, account.accountId, { timeZone, cutOff: String(rows[0]?.cut_off) })
}

const customer = (over: Parameters<typeof makeCustomer>[2] = {}) =>
  makeCustomer(database, account.accountId, over)

describe('the customer is locked first and the clock is read after that', () => {
  test('who waited for the lock over the cut-off is on the next day', async () => {
    const customerId = await customerWithCutOffIn(2_000)
    const before = await accept(customerId)
    await whileHeld(lockCustomer(customerId), 'rollback', async (release) => {
      const waiting = accept(customerId)
      const end = Date.parse(before.transaction.purchase_order.scheduled_end)
      await untilLocked()
      await untilClock(end)
      await release()
      const after = await waiting
      expect(Date.parse(before.transaction.accepted_at)).toBeLessThan(end)
      expect(Date.parse(after.transaction.accepted_at)).toBeGreaterThanOrEqual(end)
      expect(Date.parse(after.transaction.purchase_order.business_date)).toBe(
        Date.parse(before.transaction.purchase_order.business_date) + 86_400_000,
      )
    })
    const { rows } = await database.pool.query<{ state: string; closed: boolean }>(
      `select state, closed_at >= period_end as closed from purchase_orders
       where customer_id = $1 order by business_date`,
      [customerId],
    )
    expect(rows).toEqual([
      { state: 'settling', closed: true },
      { state: 'open', closed: null },
    ])
  })

  test('who waited while the day was closed early is on the next sequence', async () => {
    const customerId = await customer()
    const { purchase_order } = (await accept(customerId)).transaction
    await whileHeld(
      (holder) =>
        holder.query('select close_purchase_order($1, $2, true)', [
          account.accountId,
          purchase_order.id,
        ]),
      'commit',
      async (release) => {
        const waiting = accept(customerId)
        await untilLocked()
        await release()
        const next = (await waiting).transaction.purchase_order
        expect(next).toMatchObject({ sequence: 2, business_date: purchase_order.business_date })
        expect(next.id).not.toBe(purchase_order.id)
      },
    )
  })
})

test('periods of one customer follow each other without a gap or an overlap', async () => {
  const customerId = await customer()
  for (let n = 0; n < 4; n++) {
    const { id } = (await accept(customerId)).transaction.purchase_order
    await database.pool.query('select close_purchase_order($1, $2, true)', [account.accountId, id])
  }
  await accept(customerId)
  const { rows } = await database.pool.query<{ sequence: number; joins: boolean }>(
    `select sequence, period_start = lag(period_end) over (order by sequence) as joins
     from purchase_orders where customer_id = $1 order by sequence`,
    [customerId],
  )
  expect(rows.map((row) => row.sequence)).toEqual([1, 2, 3, 4, 5])
  expect(rows.slice(1).map((row) => row.joins)).toEqual([true, true, true, true])
})

test('a customer who moves to an earlier zone does not reopen a day that ended', async () => {
  const customerId = await customer({ timeZone: 'Pacific/Kiritimati' })
  const first = (await accept(customerId)).transaction.purchase_order
  await database.pool.query('select close_purchase_order($1, $2, true)', [
    account.accountId,
    first.id,
  ])
  await database.pool.query(`update customers set time_zone = 'Pacific/Pago_Pago' where id = $1`, [
    customerId,
  ])
  const second = (await accept(customerId)).transaction.purchase_order
  expect(Date.parse(second.business_date)).toBeGreaterThanOrEqual(Date.parse(first.business_date))
})

test('business time decides the day and the deadline', async () => {
  const ahead = await makeAccount(database)
  await database.pool.query('update test_clocks set offset_ms = $2 where account_id = $1', [
    ahead.accountId,
    10 * 86_400_000,
  ])
  const customerId = await makeCustomer(database, ahead.accountId)
  const product = await makeProduct(database, ahead.accountId)
  const at = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString()
  const there = {
    account_id: ahead.accountId,
    items: linesOf([product.sku, 1]),
  }
  const { transaction } = await accept(customerId, { ...there, deadline: at(39) })
  const days = (Date.parse(transaction.accepted_at) - Date.now()) / 86_400_000
  expect(days).toBeGreaterThan(9.9)
  expect(days).toBeLessThan(10.1)
  expect(transaction.accepted_at.slice(0, 10)).toBe(transaction.purchase_order.business_date)
  for (const deadline of [at(9), at(41)]) {
    await expect(accept(customerId, { ...there, deadline })).rejects.toMatchObject({
      reason: 'invalid_fields',
      detail: { fields: [{ field: 'deadline' }] },
    })
  }
})

test('a replay is answered when its deadline is over', async () => {
  const customerId = await customer()
  const over = { idempotency_key: randomUUID(), client_reference: randomUUID() }
  const deadline = new Date(Date.now() + 300).toISOString()
  const first = await accept(customerId, { ...over, deadline })
  await untilClock(Date.parse(deadline))
  for (const replay of [
    { ...over, deadline },
    { ...over, deadline, idempotency_key: null },
    { ...over, deadline, idempotency_key: randomUUID() },
  ]) {
    expect(await accept(customerId, replay)).toEqual({
      replayed: true,
      transaction: first.transaction,
    })
  }
})

test('an order writes its rows, one event and one command, and nothing twice', async () => {
  const customerId = await customer()
  const other = await makeProduct(database, account.accountId, { priceMinor: 250n })
  const { transaction } = await accept(customerId, {
    items: linesOf([other.sku, 2], [sku, 3], [other.sku, 1]),
  })
  const { rows: units } = await database.pool.query(
    `select u.position, l.position as line, u.price_minor::int as price, u.state, u.purchase_order_id
     from units u join lines l on l.id = u.line_id where u.transaction_id = $1 order by u.position`,
    [transaction.id],
  )
  const unit = (position: number, line: number, price: number) => ({
    position,
    line,
    price,
    state: 'queued',
    purchase_order_id: transaction.purchase_order.id,
  })
  expect(units).toEqual([
    unit(1, 1, 250),
    unit(2, 1, 250),
    unit(3, 2, 4999),
    unit(4, 2, 4999),
    unit(5, 2, 4999),
    unit(6, 3, 250),
  ])
  const { rows: events } = await database.pool.query(
    'select type, sequence, customer_id, facts from events where object_id = $1',
    [transaction.id],
  )
  expect(events).toEqual([
    {
      type: 'order.created',
      sequence: 1,
      customer_id: customerId,
      facts: { units: { queued: 6 } },
    },
  ])
  const { rows: commands } = await database.pool.query(
    `select verb, workflow from outbox where subject ->> 'customer_id' = $1 order by id`,
    [customerId],
  )
  expect(commands).toEqual([
    { verb: 'start', workflow: 'runPurchaseOrderDay' },
    { verb: 'start', workflow: 'fulfillTransaction' },
  ])
  const { rows: held } = await database.pool.query(
    `select held_minor::int from customer_balances where customer_id = $1 and currency = 'USD'`,
    [customerId],
  )
  expect(held).toEqual([{ held_minor: 15_747 }])
})

describe('out of stock is decided by a look that waits', () => {
  async function scarce(codes: number) {
    const product = await makeProduct(database, account.accountId)
    await importCodes(database, config.keys, account, { productId: product.id }, codes)
    return product
  }
  const lockCodes = (productId: string) => (holder: PoolClient) =>
    holder.query('select 1 from codes where product_id = $1 for update', [productId])

  test('codes that come back are sold', async () => {
    const product = await scarce(1)
    const customerId = await customer()
    await whileHeld(lockCodes(product.id), 'rollback', async (release) => {
      const waiting = accept(customerId, {
        allow_backorder: false,
        items: linesOf([product.sku, 1]),
      })
      await untilLocked()
      await release()
      expect((await waiting).replayed).toBe(false)
    })
  })

  test('codes that do not come back in time are busy, not gone', async () => {
    const product = await scarce(1)
    const customerId = await customer()
    await whileHeld(lockCodes(product.id), 'rollback', async () => {
      await expect(
        accept(customerId, { allow_backorder: false, items: linesOf([product.sku, 1]) }),
      ).rejects.toMatchObject({ reason: 'busy' })
    })
  })

  test('codes are kept for an order that is paid by card, and none for one that cannot have all', async () => {
    const product = await scarce(2)
    const customerId = await customer()
    const paid = (quantity: number) =>
      accept(customerId, {
        allow_backorder: false,
        payment_method: 'card',
        paying: { token: null, within_seconds: 900, currencies: null },
        items: linesOf([product.sku, quantity]),
      })
    await expect(paid(3)).rejects.toMatchObject({ reason: 'out_of_stock' })
    const { transaction } = await paid(2)
    await expect(paid(1)).rejects.toMatchObject({ reason: 'out_of_stock' })
    const { rows } = await database.pool.query(
      'select reserved_for, unit_id from codes where product_id = $1',
      [product.id],
    )
    const kept = { reserved_for: transaction.id, unit_id: null }
    expect(rows).toEqual([kept, kept])
  })

  test('600 who want the last 500 get 500, each code once', async () => {
    const product = await scarce(500)
    const customers = await Promise.all(Array.from({ length: 12 }, () => customer()))
    const buy = async (customerId: string): Promise<unknown> => {
      try {
        await accept(customerId, { allow_backorder: false, items: linesOf([product.sku, 1]) })
        return 'sold'
      } catch (error) {
        return error instanceof DomainError ? error.reason : error
      }
    }
    // Twelve at a time: who waits for a connection is no matter of the stock.
    const outcomes: unknown[] = []
    await Promise.all(
      customers.map(async (customerId) => {
        for (let n = 0; n < 50; n++) outcomes.push(await buy(customerId))
      }),
    )
    const count = (word: string) => outcomes.filter((outcome) => outcome === word).length
    expect([count('sold'), count('out_of_stock')]).toEqual([500, 100])
    const { rows } = await database.pool.query(
      `select count(*)::int as codes, count(distinct unit_id)::int as units from codes
       where product_id = $1 and unit_id is not null`,
      [product.id],
    )
    expect(rows).toEqual([{ codes: 500, units: 500 }])
  }, 60_000)

  test('orders that want the same products in another order do not stop each other', async () => {
    const [a, b] = [await scarce(100), await scarce(100)]
    const customers = await Promise.all(Array.from({ length: 10 }, () => customer()))
    const orders = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        accept(String(customers[n % 10]), {
          allow_backorder: false,
          items: n % 2 === 0 ? linesOf([a.sku, 1], [b.sku, 1]) : linesOf([b.sku, 1], [a.sku, 1]),
        }),
      ),
    )
    expect(orders).toHaveLength(100)
  }, 60_000)
})

test('the same key of one connection after another is one order, and a second key another', async () => {
  const customerId = await customer()
  const idempotency_key = randomUUID()
  const orders = await Promise.all(
    Array.from({ length: 12 }, () => accept(customerId, { idempotency_key })),
  )
  expect(new Set(orders.map(({ transaction }) => transaction.id)).size).toBe(1)
  expect(orders.filter(({ replayed }) => !replayed)).toHaveLength(1)
  const other = await accept(customerId, { idempotency_key: randomUUID() })
  expect(other.transaction.id).not.toBe(orders[0]?.transaction.id)
})

test('a key under which an earlier order was repeated stands for that order', async () => {
  const customerId = await customer()
  const client_reference = randomUUID()
  const first = await accept(customerId, { client_reference, idempotency_key: randomUUID() })
  const idempotency_key = randomUUID()
  for (let n = 0; n < 2; n++) {
    expect(await accept(customerId, { client_reference, idempotency_key })).toEqual({
      replayed: true,
      transaction: first.transaction,
    })
  }
})

test('a key whose first request is refused while others wait for it is given to one of them', async () => {
  const customerId = await customer()
  const idempotency_key = randomUUID()
  const product = await makeProduct(database, account.accountId, { status: 'draft' })
  const items = linesOf([product.sku, 1])
  await whileHeld(lockCustomer(customerId), 'rollback', async (release) => {
    const waiting = Promise.allSettled([
      accept(customerId, { idempotency_key, items }),
      accept(customerId, { idempotency_key, items }),
    ])
    await untilLocked()
    await release()
    for (const outcome of await waiting) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { reason: 'product_unavailable' },
      })
    }
  })
  expect((await accept(customerId, { idempotency_key })).replayed).toBe(false)
})
