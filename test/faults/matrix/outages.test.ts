import { randomUUID } from 'node:crypto'
import { Client } from 'pg'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importCodes, makeAccount, makeCustomer, makeProduct } from '../../factories.ts'
import { eventually } from '../../harness.ts'
import { checkWorkflows, connectTemporal } from '../check-workflows.ts'
import { startCluster, VICTIMS, type Cluster, type Victim } from '../cluster.ts'
import { openHistory, type HistoryClient, type Try } from '../history.ts'
import { checkDrained } from '../check-drained.ts'
import { checkDatabase } from '../invariants.ts'
import { fieldsOf, textOf } from '../json.ts'
import { pause } from '../mortal.ts'
import { seededRandom } from '../random.ts'
import { keepResult, readRun } from '../run.ts'
import { proveRow } from './prove.ts'

/** What happens to whole servers: PostgreSQL and Temporal go, freeze, or have no room. */

const FILE = 'test/faults/matrix/outages.test.ts'
const STORY_MS_MAX = 150_000
const TEMPORAL_STARTS_PER_SECOND = 20 // far below what was measured, on a machine with other work
const run = readRun()
const long = run.matrix === 'all'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
}, 120_000)
afterAll(() => cluster.stop())

test('PostgreSQL is killed: 503 within 2 s as long as it is down, and back within 10 s', async () => {
  const shop = await openShop()
  await shop.order()
  const { postgres } = cluster.mortals
  postgres.keepDown()
  await postgres.kill()
  const refusals: Try[] = []
  for (let tries = 0; tries < 5; tries++) {
    refusals.push(await shop.client.ask(shop.asking()))
    refusals.push(await shop.client.ask({ name: 'read', path: '/v2/transactions' }))
  }
  postgres.revive()
  await postgres.up()
  const upAt = performance.now()
  await shop.order()
  const backMs = Math.round(performance.now() - upAt)
  for (const { status, tookMs, retryAfter } of refusals) {
    expect(status).toBe(503)
    expect(tookMs).toBeLessThan(2_000)
    expect(Number(retryAfter)).toBeGreaterThan(0)
  }
  expect(backMs).toBeLessThan(10_000)
  await cluster.heal()
  await isWhole(shop)
  const slowest = Math.max(...refusals.map(({ tookMs }) => tookMs))
  keepResult(run, 'rows', { row: 'PostgreSQL killed', refusedInMs: slowest, backMs })
}, 60_000)

test('PostgreSQL has no connection left: 503 within a second, and back within 5 s', async () => {
  const shop = await openShop()
  await shop.order()
  const held: Client[] = []
  // Each connection of the API is ended and its place taken, until only refusals are left.
  const url = new URL(cluster.databaseUrl)
  const refused = async (): Promise<boolean> => {
    const client = new Client({ connectionString: url.href, connectionTimeoutMillis: 5_000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      held.push(client)
      return false
    } catch (error) {
      if (Reflect.get(Object(error), 'code') !== '53300') throw error
      return true
    }
  }
  let tries: Try[] = []
  try {
    while (!(await refused()));
    // The API makes itself a new one at once, for as long as a place is free.
    await eventually(
      async () => {
        const own = await held[0]?.query(`select pg_terminate_backend(pid) from pg_stat_activity
          where application_name = 'bark-api'`)
        while (!(await refused()));
        return own?.rowCount
      },
      (own) => own === 0,
    )
    tries = [
      await shop.client.ask(shop.asking()),
      await shop.client.ask({ name: 'read', path: '/v2/transactions' }),
      ...(await Promise.all(Array.from({ length: 20 }, () => shop.client.ask(shop.asking())))),
    ]
  } finally {
    await Promise.all(held.map((client) => client.end()))
  }
  const freeAt = performance.now()
  await shop.order()
  const backMs = Math.round(performance.now() - freeAt)
  const seen = tries.map(({ status, retryAfter }) => `${status} ${retryAfter}`)
  expect(new Set(seen)).toEqual(new Set(['503 1']))
  const slowest = Math.max(...tries.map(({ tookMs }) => tookMs))
  expect(slowest).toBeLessThan(1_000)
  expect(backMs).toBeLessThan(5_000)
  await cluster.heal()
  await isWhole(shop)
  keepResult(run, 'rows', { row: 'max_connections', refusedInMs: slowest, backMs })
}, 60_000)

test('Temporal is away while orders are accepted: every one is, and every one is started', async () => {
  const ORDERS = long ? 2_000 : 60
  const AWAY_MS = long ? 600_000 : 3_000
  const shop = await openShop(ORDERS)
  const { temporal } = cluster.mortals
  temporal.keepDown()
  await temporal.kill()
  const goneAt = performance.now()
  const accepted = await shop.orderMany(ORDERS)
  await pause(Math.max(0, AWAY_MS - (performance.now() - goneAt)))
  temporal.revive()
  await temporal.up()
  const backAt = performance.now()
  const withinMs = (1_000 * ORDERS) / TEMPORAL_STARTS_PER_SECOND + 30_000
  await eventually(
    async () => (await shop.countEnded()) === accepted.length,
    (all) => all,
    withinMs,
  )
  const startedMs = Math.round(performance.now() - backAt)
  expect(new Set(accepted).size).toBe(ORDERS)
  await isWhole(shop)
  const connected = await connectTemporal(cluster.temporalAddress)
  const shopStories = await checkWorkflows(connected.client, cluster.database.db, shop.accountId)
  await connected.close()
  // The customer's day goes on for hours; every order has one workflow, which has ended.
  const rows = shopStories.flatMap((violation) => violation.rows.map(fieldsOf))
  expect(rows.flatMap(({ missing, surplus }) => [missing, surplus].flat())).toEqual([])
  keepResult(run, 'rows', { row: 'Temporal away', orders: ORDERS, startedMs })
}, 900_000)

const frozen: Victim[] = long
  ? [...VICTIMS]
  : [seededRandom(run.seed).pick(['postgres', 'temporal'] as const)]

test.each(frozen)(
  `%s stands still and goes on (seed ${run.seed})`,
  async (victim) => {
    const STANDS_MS = long ? 30_000 : 3_000
    const proof = await proveRow(cluster, run, {
      name: `${victim} stopped for ${STANDS_MS} ms`,
      file: FILE,
      disturbances: 3,
      async disturb() {
        await pause(500)
        cluster.mortals[victim].pause()
        await pause(STANDS_MS)
        cluster.mortals[victim].resume()
        await cluster.heal()
      },
    })
    expect(proof.seconds).toBeGreaterThan(STANDS_MS / 1_000)
  },
  STORY_MS_MAX,
)

test(
  'single sessions of PostgreSQL stand still and go on',
  async () => {
    const proof = await proveRow(cluster, run, {
      name: 'backends stopped',
      file: FILE,
      disturbances: 3,
      async disturb() {
        await pause(500)
        const { rows } = await sql<{ pid: number }>`select pid from pg_stat_activity
          where application_name in ('bark-api', 'bark-worker') order by random() limit 4`.execute(
          cluster.database.db,
        )
        for (const { pid } of rows) process.kill(pid, 'SIGSTOP')
        await pause(long ? 30_000 : 2_000)
        for (const { pid } of rows) process.kill(pid, 'SIGCONT')
        expect(rows).toHaveLength(4)
      },
    })
    expect(proof.slowestTryMs).toBeLessThan(STORY_MS_MAX)
  },
  STORY_MS_MAX,
)

test(
  "Temporal's way to its database is cut",
  async () => {
    await proveRow(cluster, run, {
      name: 'temporal-postgres reset',
      file: FILE,
      disturbances: 2,
      async disturb() {
        for (const kind of ['reset', 'blackHole'] as const) {
          await pause(300)
          cluster.links['temporal-postgres'].setMode({ kind })
          await pause(1_000)
          cluster.links['temporal-postgres'].setMode({ kind: 'pass' })
        }
        await cluster.heal()
      },
    })
    expect(cluster.mortals.temporal.pid).not.toBeNull()
  },
  STORY_MS_MAX,
)

type OutageShop = {
  accountId: string
  client: HistoryClient
  asking(): { name: string; method: 'POST'; path: string; key: string; body: unknown }
  order(): Promise<string>
  /** Eight clients at once. */
  orderMany(count: number): Promise<string[]>
  countEnded(): Promise<number>
}

async function openShop(codes = 5): Promise<OutageShop> {
  const { database, keys, apiUrl } = cluster
  const account = await makeAccount(database)
  const { accountId } = account
  const customerId = await makeCustomer(database, accountId)
  const product = await makeProduct(database, accountId, { priceMinor: 1000n })
  await importCodes(database, keys, account, { productId: product.id }, codes)
  const client = openHistory(apiUrl, account.key)
  const body = { customer_id: customerId, items: [{ sku: product.sku, quantity: 1 }] }
  const asking = () =>
    ({ name: 'order', method: 'POST', path: '/v2/transactions', key: randomUUID(), body }) as const
  const order = async () => textOf(fieldsOf((await client.insist(asking())).body), 'id')
  return {
    accountId,
    client,
    asking,
    order,
    async orderMany(count) {
      const CLIENTS = 8
      const ids: string[] = []
      const one = async (): Promise<void> => {
        while (ids.length < count) {
          const place = ids.push('') - 1
          ids[place] = await order()
        }
      }
      await Promise.all(Array.from({ length: CLIENTS }, one))
      return ids
    },
    async countEnded() {
      const { rows } = await sql<{ count: bigint }>`select count(*) from transactions
        where account_id = ${accountId} and ended_at is not null`.execute(database.db)
      return Number(rows[0]?.count)
    },
  }
}

/** Nothing acknowledged is lost, nothing that was not asked for is there, everything went on. */
async function isWhole(shop: OutageShop): Promise<void> {
  const { db } = cluster.database
  await eventually(
    () => checkDrained(db),
    (left) => left.length === 0,
    30_000,
  )
  expect(await checkDatabase(db)).toEqual([])
  const { rows } = await sql<{ id: string }>`
    select id from transactions where account_id = ${shop.accountId}`.execute(db)
  const acknowledged = shop.client.operations
    .filter(({ method }) => method === 'POST')
    .flatMap(({ tries }) => tries.filter(({ status }) => status === 201))
    .map(({ body }) => textOf(fieldsOf(body), 'id'))
  expect(rows.map(({ id }) => id).toSorted()).toEqual([...new Set(acknowledged)].toSorted())
}
