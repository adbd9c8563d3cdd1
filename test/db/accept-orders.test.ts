import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type Database } from '../../db/client.ts'
import {
  acceptOrder,
  acceptOrders,
  isUndone,
  type OrderOutcome,
  type OrderRequest,
} from '../../db/order-acceptance.ts'
import { createOrderBatches } from '../../api/order-batches.ts'
import { DomainError } from '../../domain/error.ts'
import { newId } from '../../new-id.ts'
import { seededRandom, seedOfRun } from '../faults/random.ts'
import { createTestDatabase, type TestDatabase } from '../stack.ts'
import { openTwins, requestsOf, snapshotOf, type Twin } from './order-twins.ts'

/** Orders together are what the same orders are one by one. `BARK_PROVE_BATCHES` tries more of them. */
const BATCHES = Number(process.env['BARK_PROVE_BATCHES'] ?? 12)
const ORDERS_MAX = 9

let testDatabase: TestDatabase
let database: Database
beforeAll(async () => {
  testDatabase = await createTestDatabase('accept_orders')
  database = openDatabase({
    url: testDatabase.url,
    poolSizeMax: 8,
    applicationName: 'test-accept-orders',
    onError: () => undefined,
  })
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

const oneByOne = async (requests: readonly OrderRequest[]): Promise<OrderOutcome[]> => {
  const outcomes: OrderOutcome[] = []
  for (const request of requests) {
    outcomes.push(
      await acceptOrder(database.pool, request).catch((error: unknown) => {
        if (error instanceof DomainError) return error
        throw error
      }),
    )
  }
  return outcomes
}

test('random orders accepted together answer and write what they do one by one', async () => {
  const random = seededRandom(seedOfRun())
  const [together, apart] = await openTwins(database)
  const kinds = new Set<string>()
  for (let batch = 0; batch < BATCHES; batch++) {
    const wishes = together.wishes(random, 1 + random.integer(ORDERS_MAX))
    const answers = [
      await acceptOrders(database.pool, requestsOf(together, wishes)),
      await oneByOne(requestsOf(apart, wishes)),
    ] as const
    const words = [together.name(answers[0]), apart.name(answers[1])]
    expect(words[0], `seed ${random.seed}`).toEqual(words[1])
    for (const outcome of answers[1]) kinds.add(kindOf(outcome))
  }
  const written = [await snapshotOf(database, together), await snapshotOf(database, apart)]
  expect(written[0], `seed ${random.seed}`).toEqual(written[1])
  // Otherwise it compared nothing.
  expect([...kinds]).toEqual(expect.arrayContaining(['accepted', 'replayed']))
  expect(kinds.size).toBeGreaterThan(3)
}, 60_000)

function kindOf(outcome: OrderOutcome): string {
  if (outcome === 'locked') return outcome
  if (outcome instanceof DomainError) return outcome.reason
  return outcome.replayed ? 'replayed' : 'accepted'
}

/** Rows that acceptances of an account have left. */
async function countOf(twin: Twin, table: 'transactions' | 'idempotency_keys'): Promise<number> {
  const { rows } = await database.pool.query<{ count: number }>(
    `select count(*)::int as count from ${table} where account_id = $1`,
    [twin.accountId],
  )
  return rows[0]?.count ?? Number.NaN
}

const batches = () =>
  createOrderBatches({
    one: (request) => acceptOrder(database.pool, request),
    many: (requests) => acceptOrders(database.pool, requests),
  })

test('a customer who is locked is handed back with nothing written, and the others are accepted', async () => {
  const [twin] = await openTwins(database)
  const requests = twin.plain(4)
  const [first] = requests
  const holder = await database.pool.connect()
  try {
    await holder.query('begin')
    await holder.query('select 1 from customers where id = $1 for no key update', [
      first?.customer_id,
    ])
    const outcomes = await acceptOrders(database.pool, requests)
    expect(outcomes.map(kindOf)).toEqual(['locked', 'accepted', 'accepted', 'accepted'])
    expect(await countOf(twin, 'transactions')).toBe(3)
    expect(await countOf(twin, 'idempotency_keys')).toBe(3)
  } finally {
    await holder.query('rollback')
    holder.release()
  }
  const again = await acceptOrders(database.pool, requests)
  expect(again.map(kindOf)).toEqual(['accepted', 'replayed', 'replayed', 'replayed'])
})

test('a key that is held elsewhere ends the statement soon, and each order is then asked for alone', async () => {
  const [twin] = await openTwins(database)
  const requests = twin.plain(4)
  const holder = await database.pool.connect()
  try {
    await holder.query('begin')
    await holder.query('select * from accept_orders($1, true)', [
      JSON.stringify([{ ...requests[2], transaction_id: newId('transaction') }]),
    ])
    const error = await acceptOrders(database.pool, requests).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: '55P03' })
    expect(isUndone(error)).toBe(true)
    expect(await countOf(twin, 'transactions')).toBe(0)
    const accept = batches()
    const waiting = requests.map(accept)
    const free = waiting.filter((_, n) => n !== 2)
    expect((await Promise.all(free)).map(kindOf)).toEqual(['accepted', 'accepted', 'accepted'])
    await holder.query('commit')
    expect(kindOf((await waiting[2]) ?? 'locked')).toBe('replayed')
  } finally {
    await holder.query('rollback')
    holder.release()
  }
})

test('a server process that dies between its work and the commit leaves nothing of any order', async () => {
  const [twin] = await openTwins(database)
  const requests = twin.plain(5)
  const worker = await database.pool.connect()
  await worker.query('begin')
  const { rows } = await worker.query<{ pid: number; answers: number }>(
    'select pg_backend_pid() as pid, count(*)::int as answers from accept_orders($1, false)',
    [JSON.stringify(requests)],
  )
  expect(rows[0]?.answers).toBe(5)
  await database.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid])
  await expect(worker.query('commit')).rejects.toThrow(/terminat|not queryable|closed/i)
  worker.release(true)
  expect(await countOf(twin, 'transactions')).toBe(0)
  const outcomes = await acceptOrders(database.pool, requests)
  expect(outcomes.map(kindOf)).toEqual(Array(5).fill('accepted'))
})

test('one that breaks the statement takes no other with it', async () => {
  const [twin] = await openTwins(database)
  const requests = twin.plain(4)
  // What no client can send: the route parses it. It stands for a mistake of ours.
  const broken = { ...requests[1], content_hash: 'not hexadecimal' } as OrderRequest
  const accept = batches()
  const outcomes = await Promise.allSettled(
    requests.map((request, n) => accept(n === 1 ? broken : request)),
  )
  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
  ])
  expect(await countOf(twin, 'transactions')).toBe(3)
})

test('an order that takes no backorder is never one of several', async () => {
  const [twin] = await openTwins(database)
  const requests = twin.plain(2).map((request) => ({ ...request, allow_backorder: false }))
  await expect(acceptOrders(database.pool, requests)).rejects.toThrow('accepted alone')
})
