import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql } from 'kysely'
import { eventually } from '../../harness.ts'
import { checkDatabase } from '../invariants.ts'
import { fieldsOf, textOf } from '../json.ts'
import { keepResult, readRun } from '../run.ts'
import { openShop } from '../scenarios/shop.ts'
import { openFleet, type Fleet } from './fleet.ts'

/** Sixteen clients order from one customer while its day is closed again and again. */

const run = readRun()
const long = run.matrix === 'all'
const ORDERS = long ? 10_000 : 300
const ORDERS_PER_CLOSE = long ? 250 : 30
const CLIENTS = 16

let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet('matrix_close', { workerEnv: false })
}, 60_000)
afterAll(() => fleet.stop())

test(
  `${ORDERS} orders around the closes of their days: none lost, none twice, each on the open day`,
  async () => {
    const shop = await openShop({ ...fleet, apiUrl: fleet.apiDirectUrl })
    const { db } = fleet.database
    const accepted: string[] = []
    const client = async (): Promise<void> => {
      while (accepted.length < ORDERS) accepted.push(await shop.order(1))
    }
    const closeOne = async (): Promise<void> => {
      const { id } = await db
        .selectFrom('purchase_orders')
        .select('id')
        .where('account_id', '=', shop.accountId)
        .where('state', '=', 'open')
        .executeTakeFirstOrThrow()
      await shop.client.insist({
        name: `close ${id}`,
        method: 'POST',
        path: `/v2/purchase-orders/${id}/close`,
        key: `close ${id}`,
        body: {},
      })
    }
    const closer = async (): Promise<void> => {
      for (let after = ORDERS_PER_CLOSE; after < ORDERS; after += ORDERS_PER_CLOSE) {
        await eventually(
          async () => accepted.length,
          (count) => count >= after,
          300_000,
        )
        await closeOne()
      }
    }
    await Promise.all([closer(), ...Array.from({ length: CLIENTS }, client)])

    const { rows } = await sql<{ id: string; purchase_order_id: string }>`
      select id, purchase_order_id from transactions where account_id = ${shop.accountId}`.execute(
      db,
    )
    const days = new Map(rows.map((row) => [row.id, row.purchase_order_id]))
    const told = shop.client.operations.flatMap(({ method, path, tries }) =>
      method === 'POST' && path === '/v2/transactions' ? tries : [],
    )
    const misled = told
      .filter(({ outcome }) => outcome === 'ok')
      .map(({ body }) => fieldsOf(body))
      .filter(
        (body) => days.get(textOf(body, 'id')) !== textOf(fieldsOf(body['purchase_order']), 'id'),
      )
    keepResult(run, 'rows', { row: 'orders at the close', orders: days.size })
    expect(new Set(accepted).size).toBe(accepted.length)
    expect([...days.keys()].toSorted()).toEqual(accepted.toSorted())
    expect(misled).toEqual([])
    expect(new Set(days.values()).size).toBe(Math.ceil(ORDERS / ORDERS_PER_CLOSE))
    expect(await checkDatabase(db)).toEqual([])
  },
  ORDERS * 60 + 150_000,
)
