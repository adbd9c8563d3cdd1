import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Activities } from '../../activities/index.ts'
import { run as runReconcile } from '../../cli/reconcile.ts'
import { run as runStuck } from '../../cli/stuck.ts'
import { inTransaction } from '../../db/client.ts'
import { openLedgerReconciliations } from '../../db/ledger-reconciliations.ts'
import { createClient } from '../api/client.ts'
import { commandContext } from '../cli/context.ts'
import { makeAccount, makeKey } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'
import { failAt, repeatEach } from '../workflows/steps.ts'

/** The report of the books: asked for or of the night, kept, and an alarm when it does not hold. */

let stack: Stack
let wrap: (activities: Activities) => Activities = (activities) => activities
beforeAll(async () => {
  stack = await startStack('ledger_reports', { wrap: (all) => wrap(all) })
})
afterAll(() => stack.stop())

type Report = {
  id: string
  date: string
  run: number
  status: string
  in_balance: boolean | null
  identities: { name: string; difference_count: number; differences: unknown[] }[]
}

const PATH = '/v2/ledger/reconciliations'
const PATIENCE_MS = 60_000 // a busy machine

async function ask(shop: OpenShop): Promise<Report> {
  const { status, body } = await shop.client.post<Report>(PATH)
  expect(status).toBe(201)
  return done(shop, body.id)
}

async function done(shop: OpenShop, id: string): Promise<Report> {
  return eventually(
    async () => (await shop.client.get<Report>(`${PATH}/${id}`)).body,
    ({ status }) => status === 'done',
    PATIENCE_MS,
  )
}

async function listReports(shop: OpenShop): Promise<Report[]> {
  return (await shop.client.get<{ data: Report[] }>(PATH)).body.data
}

/** What the schedule of the night does, for every account. */
const night = () => inTransaction(stack.database.db, (tx) => openLedgerReconciliations(tx, 100))

const spoil = (shop: OpenShop, by: number) =>
  sql`update customer_balances set held_minor = held_minor + ${by}
    where account_id = ${shop.account.accountId} and currency = 'USD'`.execute(stack.database.db)

async function countAlarms(shop: OpenShop): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*)::integer as n from events
    where account_id = ${shop.account.accountId} and type = 'ledger.out_of_balance'`.execute(
    stack.database.db,
  )
  return rows[0]?.n ?? 0
}

async function openSold(): Promise<OpenShop> {
  const shop = await openShop(stack)
  await shop.order([{ sku: shop.pooled.sku, quantity: 3 }])
  return shop
}

async function stuckLines(shop: OpenShop): Promise<string[]> {
  const { context, out } = commandContext(stack.config)
  await runStuck([], context)
  return out.filter(
    (text) => text.includes(shop.account.accountId) && text.includes('is out of balance'),
  )
}

test('books that hold: each identity is named, the report is kept, nobody is alarmed', async () => {
  const shop = await openSold()
  const report = await ask(shop)
  expect(report).toMatchObject({ in_balance: true, run: 1 })
  expect(report.identities.map(({ name }) => name)).toEqual(
    expect.arrayContaining(['unbilled', 'receivable', 'clearing', 'balanced']),
  )
  expect(report.identities.filter((each) => each.difference_count > 0)).toEqual([])
  expect(await ask(shop)).toMatchObject({ run: 2, date: report.date })
  expect((await listReports(shop)).map(({ run }) => run)).toEqual([2, 1])
  expect(await countAlarms(shop)).toBe(0)
  expect(await stuckLines(shop)).toEqual([])
}, 180_000)

test('each night one report for each account that has books; what does not hold is an alarm until it does', async () => {
  const shop = await openSold()
  await makeAccount(stack.database) // nothing was ever posted: nothing to report
  const hook = (events: string[]) =>
    shop.client.post<{ id: string }>('/v2/webhooks', { url: 'https://your-domain.com/x', events })
  const [named, all] = [await hook(['ledger.out_of_balance']), await hook(['*'])]
  await spoil(shop, 7)
  await night()
  await night()
  const [first, ...more] = await listReports(shop)
  expect(more).toEqual([])
  const report = await done(shop, first?.id ?? '')
  expect(report.in_balance).toBe(false)
  expect(report.identities.filter(({ difference_count }) => difference_count > 0)).toMatchObject([
    {
      name: 'balance_held',
      difference_count: 1,
      differences: [{ subject: shop.customerId, currency: 'USD', difference_minor: 7 }],
    },
  ])
  expect(await countAlarms(shop)).toBe(1)
  const { rows } = await sql<{ webhook_id: string }>`select d.webhook_id from deliveries d
    join events e on e.id = d.event_id where e.object_id = ${report.id}`.execute(stack.database.db)
  expect(rows).toEqual([{ webhook_id: named.body.id }])
  expect(all.status).toBe(201)
  expect(await stuckLines(shop)).toEqual([expect.stringContaining('do not hold: balance_held')])
  const { context, out } = commandContext(stack.config)
  expect(await runReconcile(['--account', shop.account.accountId], context)).toBe(1)
  expect(out.at(-1)).toContain(`${report.date}: 1 of`)

  // The next night it still does not hold, and then it is mended.
  await shop.advance('P1D')
  await night()
  await eventually(
    () => countAlarms(shop),
    (count) => count === 2,
    PATIENCE_MS,
  )
  await spoil(shop, -7)
  expect(await ask(shop)).toMatchObject({ in_balance: true })
  expect(await stuckLines(shop)).toEqual([])
  const spoken = commandContext(stack.config)
  expect(await runReconcile(['--account', shop.account.accountId], spoken.context)).toBe(0)
}, 180_000)

test('executed twice, or failed before or after its effect, a report alarms once', async () => {
  const shop = await openSold()
  await spoil(shop, 5)
  const ways = [
    repeatEach,
    (all: Activities) => failAt(all, { nth: 1, when: 'before' }).activities,
    (all: Activities) => failAt(all, { nth: 1, when: 'after' }).activities,
  ]
  for (const [index, way] of ways.entries()) {
    wrap = way
    await stack.restartWorker()
    expect(await ask(shop)).toMatchObject({ in_balance: false, run: index + 1 })
    expect(await countAlarms(shop)).toBe(index + 1)
  }
  wrap = (activities) => activities
  await stack.restartWorker()
  await spoil(shop, -5)
}, 180_000)

test('strangers, bound keys and keys without the scope see and ask for nothing', async () => {
  const shop = await openSold()
  const report = await ask(shop)
  const bound = await makeKey(stack.database, shop.account, { customerId: shop.customerId })
  const reader = await makeKey(stack.database, shop.account, { scopes: ['orders:read'] })
  for (const key of [bound, reader]) {
    const client = createClient(stack.apiUrl, key)
    expect((await client.get(`${PATH}/${report.id}`)).status).toBe(403)
    expect((await client.get(PATH)).status).toBe(403)
    expect((await client.post(PATH)).status).toBe(403)
  }
  const stranger = createClient(stack.apiUrl, (await makeAccount(stack.database)).key)
  expect((await stranger.get(`${PATH}/${report.id}`)).status).toBe(404)
  expect((await stranger.get<{ data: unknown[] }>(PATH)).body.data).toEqual([])
  expect(await listReports(shop)).toHaveLength(1)
}, 180_000)
