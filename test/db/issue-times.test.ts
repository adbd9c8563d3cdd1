import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { purchaseOrderActivities } from '../../activities/purchase-orders.ts'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { billingDeps } from '../billing.ts'
import { makeAccount } from '../factories.ts'

/** When the invoices of purchase orders that end together may take their numbers. */

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('issue_times')
})
afterAll(() => api.stop())

type Timed = { id: string; state: string; closed: Date; issue: Date | null; settle: Date }

/** So many customers whose day ends at the same midnight, with a purchase order each. */
async function openDays(count: number): Promise<{ accountId: string; ids: string[]; key: string }> {
  const { accountId, key } = await makeAccount(api.database)
  const { rows } = await sql<{ id: string }>`
    with buyers as (
      insert into customers (id, account_id, email)
      select new_id('cust'), ${accountId}, n || '@customer.example'
      from generate_series(1, ${count}) n returning id
    ) select id from buyers`.execute(api.database.db)
  const opened = await sql<{ id: string }>`
    select (open_purchase_order(${accountId}, customer, 'USD', 'UTC', '24:00',
      business_now(${accountId}))).id from unnest(${rows.map(({ id }) => id)}::text[]) customer
    `.execute(api.database.db)
  return { accountId, key, ids: opened.rows.map(({ id }) => id) }
}

async function step(accountId: string, ids: string[]): Promise<void> {
  const { stepPurchaseOrder } = purchaseOrderActivities(billingDeps(api))
  for (const purchaseOrderId of ids) await stepPurchaseOrder({ accountId, purchaseOrderId })
}

/** To the end of the day of the account, which is in UTC. */
const toMidnight = (accountId: string) =>
  sql`update test_clocks set offset_ms = ceil(extract(epoch from (select max(scheduled_end)
    from purchase_orders where account_id = ${accountId}) - clock_timestamp()) * 1000)
    where account_id = ${accountId}`.execute(api.database.db)

async function read(accountId: string): Promise<Timed[]> {
  const { rows } = await sql<Timed>`select id, state, closed_at as closed, issue_after as issue,
    settle_until as settle from purchase_orders where account_id = ${accountId} order by id`.execute(
    api.database.db,
  )
  return rows
}

const delays = (rows: Timed[]) =>
  rows.map(({ closed, issue }) => ((issue?.getTime() ?? Number.NaN) - closed.getTime()) / 1000)

test('many that end together are spread, 20 to a second, the same however often it is asked', async () => {
  const { accountId, ids } = await openDays(80)
  await toMidnight(accountId)
  await step(accountId, ids)
  const first = await read(accountId)
  expect(first.map(({ state }) => state)).toEqual(ids.map(() => 'settling'))
  const seconds = delays(first)
  expect(Math.max(...seconds)).toBeLessThan(4)
  expect(new Set(seconds).size).toBeGreaterThan(1)
  await step(accountId, ids)
  expect(await read(accountId)).toEqual(first)
}, 60_000)

test('never past the settle window, and a few wait for nothing', async () => {
  const many = await openDays(60)
  await sql`update accounts set settle_window_seconds = 1 where id = ${many.accountId}`.execute(
    api.database.db,
  )
  await toMidnight(many.accountId)
  await step(many.accountId, many.ids)
  for (const { issue, settle } of await read(many.accountId)) {
    expect(issue?.getTime()).toBeLessThanOrEqual(settle.getTime())
  }
  const few = await openDays(3)
  await toMidnight(few.accountId)
  await step(few.accountId, few.ids)
  expect(delays(await read(few.accountId))).toEqual([0, 0, 0])
}, 60_000)

test('who closes early does not wait, and the close itself is never late', async () => {
  const { accountId, ids, key } = await openDays(41)
  const early = ids.at(-1) ?? ''
  expect((await api.client(key).post(`/v2/purchase-orders/${early}/close`)).status).toBe(201)
  await step(accountId, [early])
  const rows = await read(accountId)
  expect(delays(rows.filter(({ id }) => id === early))).toEqual([0])
  expect(rows.filter(({ issue }) => issue !== null)).toHaveLength(1)
  await toMidnight(accountId)
  await step(accountId, ids)
  const { rows: ends } = await sql<{
    late: boolean
  }>`select bool_or(period_end > scheduled_end) as late
    from purchase_orders where account_id = ${accountId}`.execute(api.database.db)
  expect(ends).toEqual([{ late: false }])
}, 60_000)
