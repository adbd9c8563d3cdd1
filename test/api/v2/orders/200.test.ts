import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  deriveStatus,
  FULFILLMENT_STATUS_TABLE,
  FULFILLMENT_STATUSES,
  ORDER_STATUS_TABLE,
  ORDER_STATUSES,
  PAYMENT_STATUS_TABLE,
  PAYMENT_STATUSES,
  TRANSACTION_STATUS_TABLE,
  TRANSACTION_STATUSES,
  UNIT_STATES,
  type OrderProgress,
} from '../../../../domain/order-status.ts'
import type { UnitState } from '../../../../domain/unit.ts'
import { makeCustomer } from '../../../factories.ts'
import { openShop, type OrderBody, type Shop } from './shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('orders_200')
})
afterAll(() => shop.stop())

type Page<Item> = {
  data: Item[]
  pagination: { total_items: number; next_cursor: string | null; has_more: boolean }
}

const place = async (over: object = {}): Promise<OrderBody> => {
  const items = [{ sku: shop.product.sku, quantity: 1 }]
  const body = { customer_id: shop.customerId, items, ...over }
  return (await shop.owner.post<OrderBody>('/v2/orders', body)).body
}

/** Puts units into states as the story would, without its detours; marks some as billed and paid. */
async function setUnits(order: OrderBody, states: UnitState[], paid: number): Promise<void> {
  const { pool } = shop.database
  await pool.query(`alter table units disable trigger units_move`)
  await pool.query(
    `update units set state = s.state, allocated_at =
       case when s.state in ('allocated', 'reversed') then now() end
     from unnest($2::text[]) with ordinality as s (state, position)
     where transaction_id = $1 and units.position = s.position`,
    [order.transaction_id, states],
  )
  await pool.query(`alter table units enable trigger units_move`)
  if (paid === 0) return
  const id = order.id.slice(4)
  await pool.query(
    `insert into invoices (id, account_id, customer_id, purchase_order_id, tax_group, run, series,
       number_value, number, business_date, issue_date, due_date, currency, subtotal_minor,
       tax_minor, total_minor, snapshot, snapshot_hash, state, issued_at)
     values ('inv_' || $1, $2, $3, $4, $1, 1, $1, 1, $1, '2026-11-22', '2026-11-22', '2026-12-22',
       'USD', 1, 0, 1, '{}', decode(repeat('00', 32), 'hex'), 'paid', now())`,
    [id, shop.account.accountId, shop.customerId, order.purchase_order.id],
  )
  await pool.query(
    `insert into invoice_lines (id, account_id, invoice_id, position, sku, name, unit_price_minor,
       quantity, net_minor, tax_category, tax_rate_bp)
     values ('invl_' || $1, $2, 'inv_' || $1, 1, 'S', 'N', 1, 1, 1, 'O', 0)`,
    [id, shop.account.accountId],
  )
  await pool.query(
    `update units set invoice_line_id = 'invl_' || $1 where id in (
       select id from units where transaction_id = $2 and state in ('allocated', 'reversed')
       order by position limit $3)`,
    [id, order.transaction_id, paid],
  )
}

/** What a claim gives for a delivered unit: another one, that nobody is billed for and no status counts. */
async function replaceUnit(order: OrderBody): Promise<void> {
  await shop.database.pool.query(
    `insert into units (id, account_id, purchase_order_id, transaction_id, line_id, position,
       product_id, variant_id, price_minor, state, allocated_at, replaces_unit_id)
     select id || '_2', account_id, purchase_order_id, transaction_id, line_id, 100, product_id,
       variant_id, 0, 'allocated', now(), id
     from units where transaction_id = $1 and state in ('allocated', 'reversed')
     order by position limit 1`,
    [order.transaction_id],
  )
}

function progressOf(states: UnitState[], paidUnits: number): OrderProgress {
  const units = Object.fromEntries(
    UNIT_STATES.map((state) => [state, states.filter((each) => each === state).length]),
  )
  return { units, paidUnits }
}

describe('every status filter finds exactly the orders that print it', () => {
  const orders: { id: string; progress: OrderProgress }[] = []

  beforeAll(async () => {
    const cases = fc.sample(
      fc.array(fc.constantFrom(...UNIT_STATES), { minLength: 1, maxLength: 3 }).chain((states) =>
        fc.tuple(fc.constantFrom(0, 1, 3), fc.boolean()).map(([paid, isReplaced]) => {
          const delivered = states.filter((s) => s === 'allocated' || s === 'reversed').length
          return { states, paid: Math.min(paid, delivered), isReplaced }
        }),
      ),
      { numRuns: 60, seed: 20_261_122 },
    )
    for (const { states, paid, isReplaced } of cases) {
      const items = [{ sku: shop.product.sku, quantity: states.length }]
      const order = await place({ items })
      await setUnits(order, states, paid)
      if (isReplaced) await replaceUnit(order)
      orders.push({ id: order.id, progress: progressOf(states, paid) })
    }
  })

  const find = async (path: string): Promise<string[]> => {
    const { body } = await shop.owner.get<Page<OrderBody>>(path)
    expect(body.pagination.total_items).toBe(body.data.length)
    return body.data.map((item) => item.id.replace('txn_', 'ord_')).sort()
  }
  const expected = (fits: (progress: OrderProgress) => boolean): string[] =>
    orders
      .filter((order) => fits(order.progress))
      .map((order) => order.id)
      .sort()

  test.for(ORDER_STATUSES)('status=%s', async (status) => {
    const fits = (p: OrderProgress) => deriveStatus(ORDER_STATUS_TABLE, p) === status
    expect(await find(`/v2/orders?limit=200&status=${status}`)).toEqual(expected(fits))
  })

  test.for(PAYMENT_STATUSES)('payment_status=%s', async (status) => {
    const fits = (p: OrderProgress) => deriveStatus(PAYMENT_STATUS_TABLE, p) === status
    expect(await find(`/v2/orders?limit=200&payment_status=${status}`)).toEqual(expected(fits))
  })

  test.for(FULFILLMENT_STATUSES)('fulfillment_status=%s', async (status) => {
    const fits = (p: OrderProgress) => deriveStatus(FULFILLMENT_STATUS_TABLE, p) === status
    expect(await find(`/v2/orders?limit=200&fulfillment_status=${status}`)).toEqual(expected(fits))
  })

  test.for(TRANSACTION_STATUSES)('transactions with status=%s', async (status) => {
    const fits = (p: OrderProgress) => deriveStatus(TRANSACTION_STATUS_TABLE, p) === status
    expect(await find(`/v2/transactions?limit=200&status=${status}`)).toEqual(expected(fits))
  })

  test('all of them together', async () => {
    let found = 0
    for (const status of ORDER_STATUSES) {
      for (const payment of PAYMENT_STATUSES) {
        for (const goods of FULFILLMENT_STATUSES) {
          const query = `status=${status}&payment_status=${payment}&fulfillment_status=${goods}`
          const ids = await find(
            `/v2/orders?limit=200&customer_id=${shop.customerId}&date_from=2020-01-01&${query}`,
          )
          const fits = (p: OrderProgress) =>
            deriveStatus(ORDER_STATUS_TABLE, p) === status &&
            deriveStatus(PAYMENT_STATUS_TABLE, p) === payment &&
            deriveStatus(FULFILLMENT_STATUS_TABLE, p) === goods
          expect(ids).toEqual(expected(fits))
          found += ids.length
        }
      }
    }
    expect(found).toBe(orders.length)
  })

  test('and each order prints the statuses of its units', async () => {
    for (const { id, progress } of orders) {
      const order = await shop.owner.get<OrderBody>(`/v2/orders/${id}`)
      expect(order.body).toMatchObject({
        status: deriveStatus(ORDER_STATUS_TABLE, progress),
        payment_status: deriveStatus(PAYMENT_STATUS_TABLE, progress),
        fulfillment_status: deriveStatus(FULFILLMENT_STATUS_TABLE, progress),
      })
      const { requested, delivered, remaining, failed, cancelled } = order.body
      expect(requested).toBe(delivered + remaining + failed + cancelled)
    }
  })
})

describe('the other filters', () => {
  test('customer and client reference', async () => {
    const customer_id = await makeCustomer(shop.database, shop.account.accountId)
    const mine = [
      await place({ customer_id, client_reference: 'A/1' }),
      await place({ customer_id }),
    ]
    const ids = async (query: string) =>
      (await shop.owner.get<Page<OrderBody>>(`/v2/orders?${query}`)).body.data.map(({ id }) => id)
    expect(await ids(`customer_id=${customer_id}`)).toEqual([mine[1]?.id, mine[0]?.id])
    expect(await ids(`customer_id=${customer_id}&client_reference=A%2F1`)).toEqual([mine[0]?.id])
    expect(await ids('customer_id=cust_nobody')).toEqual([])
  })

  test('dates are half-open, and a day is one of the account’s zone', async () => {
    const customer_id = await makeCustomer(shop.database, shop.account.accountId)
    const { pool } = shop.database
    await pool.query(`update accounts set time_zone = 'America/Santiago' where id = $1`, [
      shop.account.accountId,
    ])
    // Santiago is at -03:00 in January.
    const instants = ['2026-01-15T02:59:59.999Z', '2026-01-15T03:00:00Z', '2026-01-16T03:00:00Z']
    const ids: string[] = []
    for (const at of instants) {
      const order = await place({ customer_id })
      await pool.query('update transactions set accepted_at = $2 where id = $1', [
        order.transaction_id,
        at,
      ])
      ids.push(order.id)
    }
    const count = async (query: string) => {
      const path = `/v2/orders?customer_id=${customer_id}&${query}`
      const { data } = (await shop.owner.get<Page<OrderBody>>(path)).body
      return data.map(({ id }) => ids.indexOf(id)).toSorted((a, b) => a - b)
    }
    try {
      expect(await count('date_from=2026-01-15')).toEqual([1, 2])
      expect(await count('date_to=2026-01-15')).toEqual([0])
      expect(await count('date_from=2026-01-15&date_to=2026-01-16')).toEqual([1])
      expect(await count('date_from=2026-01-15T03:00:00Z')).toEqual([1, 2])
      expect(await count('date_to=2026-01-15T03:00:00Z')).toEqual([0])
      expect(await count('date_from=2026-01-15T00:00:00-03:00&date_to=2026-01-17')).toEqual([1, 2])
    } finally {
      await pool.query(`update accounts set time_zone = 'UTC' where id = $1`, [
        shop.account.accountId,
      ])
    }
  })

  test('transactions of one purchase order', async () => {
    const customer_id = await makeCustomer(shop.database, shop.account.accountId)
    const order = await place({ customer_id })
    const path = `/v2/transactions?purchase_order_id=${order.purchase_order.id}`
    const { data } = (await shop.owner.get<Page<OrderBody>>(path)).body
    expect(data.map(({ id }) => id)).toEqual([order.transaction_id])
  })
})

test('a walk by cursor sees each order once, whatever is ordered meanwhile', async () => {
  const customer_id = await makeCustomer(shop.database, shop.account.accountId)
  const placed: string[] = []
  for (let n = 0; n < 7; n++) placed.unshift((await place({ customer_id })).id)
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const path: string = `/v2/orders?customer_id=${customer_id}&limit=2&cursor=${cursor}`
    const { body }: { body: Page<OrderBody> } = await shop.owner.get(path)
    seen.push(...body.data.map(({ id }) => id))
    cursor = body.pagination.next_cursor
    await place({ customer_id })
  }
  expect(seen).toEqual(placed)
})

test('an order is read under both of its names, and not again while it is the same', async () => {
  const order = await place()
  const { transaction_id } = order
  for (const path of [`/v2/orders/${order.id}`, `/v2/orders/${transaction_id}`]) {
    expect((await shop.owner.get(path)).body).toMatchObject({ object: 'order', id: order.id })
  }
  for (const path of [`/v2/transactions/${order.id}`, `/v2/transactions/${transaction_id}`]) {
    const answer = await shop.owner.get(path)
    expect(answer.body).toMatchObject({ object: 'transaction', id: transaction_id })
    const headers = { 'If-None-Match': String(answer.headers.get('etag')) }
    expect((await shop.owner.get(path, { headers })).status).toBe(304)
  }
  const before = await shop.owner.get(`/v2/orders/${order.id}`)
  await setUnits(order, ['allocated'], 0)
  const headers = { 'If-None-Match': String(before.headers.get('etag')) }
  expect((await shop.owner.get(`/v2/orders/${order.id}`, { headers })).status).toBe(200)
})

test('an unchanged order reads as it was accepted', async () => {
  const order = await place({ metadata: { a: 1 }, client_reference: 'equal' })
  expect((await shop.owner.get(`/v2/orders/${order.id}`)).body).toEqual(order)
})

test('lines, order and purchase order add up for any prices and quantities', async () => {
  const line = fc.record({
    quantity: fc.integer({ min: 1, max: 40 }),
    minor: fc.oneof(fc.integer({ min: 0, max: 999 }), fc.integer({ min: 0, max: 99_999_999 })),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1, maxLength: 5 }), async (lines) => {
      const customer_id = await makeCustomer(shop.database, shop.account.accountId)
      const items = lines.map(({ quantity, minor }) => ({
        sku: shop.product.sku,
        quantity,
        price: `${Math.floor(minor / 100)}.${String(minor % 100).padStart(2, '0')}`,
      }))
      const orders = [await place({ customer_id, items }), await place({ customer_id, items })]
      const total = lines.reduce((sum, { quantity, minor }) => sum + quantity * minor, 0)
      for (const order of orders) {
        expect(order.total_minor).toBe(total)
        expect(order.items.map((item) => [item.price_minor, item.total_minor])).toEqual(
          lines.map(({ quantity, minor }) => [minor, quantity * minor]),
        )
        for (const item of [order, ...order.items]) {
          expect(item.total).toBe(item.total_minor / 100)
        }
      }
      const path = `/v2/purchase-orders/${orders[0]?.purchase_order.id}`
      expect((await shop.owner.get(path)).body).toMatchObject({
        transaction_count: 2,
        total_minor: 2 * total,
        total: (2 * total) / 100,
      })
    }),
    { numRuns: 20 },
  )
})
