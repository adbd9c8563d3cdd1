import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importCodes, makeKey, makeProduct } from '../../../factories.ts'
import { canUnitMove } from '../../../../domain/unit.ts'
import { seedOfRun } from '../../../faults/random.ts'
import { startApi, type RunningApi } from '../../../../server.ts'
import { createLog } from '../../../../log.ts'
import { createClient, type TestClient } from '../../client.ts'
import { openShop, type OrderBody, type Shop } from '../orders/shop.ts'

/**
 * A poller with an ETag never misses a change and is never told an old list: any order of polls,
 * crowds of polls, long polls, deliveries and moves, over two processes that share nothing but the
 * database.
 */

const UNALLOCATED = ['queued', 'sourcing', 'unknown', 'backordered'] as const
const RUNS = Number(process.env['BARK_PROVE_POLLS'] ?? 8)

let shop: Shop
let second: RunningApi
let clients: TestClient[]
beforeAll(async () => {
  shop = await openShop('codes_interleaving')
  second = await startApi(shop.config, createLog('test-second', 'silent'))
  const key = await makeKey(shop.database, shop.account, { requestsPerSecond: 1_000 })
  clients = [shop.client(key), createClient(`http://127.0.0.1:${second.port}`, key)]
})
afterAll(async () => {
  await second.close()
  await shop.stop()
})

type Code = { unit_id: string; state: string; reason: string | null; code: string | null }
type CodeList = OrderBody & { codes: Code[] }

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ poll: fc.nat({ max: 2 }), process: fc.nat({ max: 1 }) }) },
  { weight: 2, arbitrary: fc.record({ deliver: fc.integer({ min: 1, max: 2 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ move: fc.constantFrom('sourcing', 'backordered', 'unknown') }),
  },
  { weight: 1, arbitrary: fc.record({ wait: fc.nat({ max: 2 }), process: fc.nat({ max: 1 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ crowd: fc.array(fc.boolean(), { minLength: 4, maxLength: 12 }) }),
  },
)

/** What one poller knows: the last list, and the ETag that it sends. */
type Poller = { etag: string | null; list: CodeList | null }

async function newOrder(quantity: number) {
  const product = await makeProduct(shop.database, shop.account.accountId)
  const body = { customer_id: shop.customerId, items: [{ sku: product.sku, quantity }] }
  const { id } = (await shop.owner.post<OrderBody>('/v2/transactions', body)).body
  return { id, productId: product.id }
}

/** The truth as the database tells it at one instant: the units' states, and which have a code. */
async function truth(id: string): Promise<string> {
  const { rows } = await shop.database.pool.query<{ seen: string }>(
    `select string_agg(u.id || ' ' || u.state || case when c.id is null then '' else ' code' end, ','
       order by u.position) as seen
     from units u left join codes c on c.unit_id = u.id where u.transaction_id = $1`,
    [id],
  )
  return rows[0]?.seen ?? ''
}

/** The same as a list tells it. */
function told({ codes }: CodeList): string {
  const stateOf = ({ state, reason }: Code) => {
    if (state === 'processing') return reason
    return state === 'available' ? 'allocated' : state
  }
  return codes
    .map((unit) => `${unit.unit_id} ${stateOf(unit)}${unit.code === null ? '' : ' code'}`)
    .join(',')
}

async function poll(client: TestClient, id: string, poller: Poller, prefer?: string) {
  const before = await truth(id)
  const answer = await client.get<CodeList>(`/v2/transactions/${id}/codes`, {
    headers: {
      ...(poller.etag === null ? {} : { 'If-None-Match': poller.etag }),
      ...(prefer === undefined ? {} : { Prefer: prefer }),
    },
  })
  const after = await truth(id)
  return { answer, wasQuiet: before === after, now: after }
}

/** Every code that was shown is shown again, unchanged. */
function expectGrown(before: CodeList | null, now: CodeList): void {
  const shown = (before?.codes ?? []).filter(({ code }) => code !== null)
  for (const { unit_id, code } of shown) {
    expect(now.codes.find((each) => each.unit_id === unit_id)?.code).toBe(code)
  }
  expect(now.codes.map(({ unit_id }) => unit_id)).toEqual(
    before === null
      ? now.codes.map(({ unit_id }) => unit_id)
      : before.codes.map(({ unit_id }) => unit_id),
  )
}

/** An order, who polls it, which state each ETag stood for, and its states in their order. */
type Watch = { id: string; pollers: Poller[]; known: Map<string, string>; truths: string[] }

/** Does a change, and notes what is true from then on. */
async function change({ id, truths }: Watch, act: () => Promise<unknown>): Promise<void> {
  await act()
  truths.push(await truth(id))
}

/**
 * A poll among others while the order may change: what it is told, by a list or by a 304, was true
 * at some instant after it was asked.
 */
async function pollInCrowd(watch: Watch, poller: Poller, client: TestClient): Promise<() => void> {
  const since = watch.truths.length - 1
  const { etag, list } = poller
  const answer = await client.get<CodeList>(`/v2/transactions/${watch.id}/codes`, {
    headers: { ...(etag === null ? {} : { 'If-None-Match': etag }) },
  })
  const seen = answer.status === 304 ? list : answer.body
  return () => {
    if (seen === null) throw new Error('304 for a list that was never sent')
    expectGrown(list, seen)
    expect(watch.truths.slice(since)).toContain(told(seen))
  }
}

/** Runs a poll to its end; deliveries may happen meanwhile. */
async function lookOnce(
  { id, pollers, known }: Watch,
  index: number,
  process: number,
  prefer: string | undefined,
): Promise<void> {
  const poller = pollers[index]
  const client = clients[process]
  if (poller === undefined || client === undefined) throw new Error('no such poller')
  const { answer, wasQuiet, now } = await poll(client, id, poller, prefer)
  const etag = String(answer.headers.get('etag'))
  const isKnown = answer.status === 304
  expect(answer.status).toBe(isKnown ? 304 : 200)
  expect(etag === poller.etag).toBe(isKnown)
  const list = isKnown ? poller.list : answer.body
  if (list === null) throw new Error('304 for a list that was never sent')
  expectGrown(poller.list, list)
  Object.assign(poller, { list, etag })
  // One ETag is one state of the order, in both processes: an old one never passes for the new.
  if (!wasQuiet) return
  expect(known.get(etag) ?? now).toBe(now)
  known.set(etag, now)
}

test(
  'no order of polls and deliveries gives a stale answer or loses a code',
  async () => {
    const seed = seedOfRun()
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(step, { minLength: 4, maxLength: 14 }),
        async (quantity, steps) => {
          const { id, productId } = await newOrder(quantity)
          const pollers: Poller[] = Array.from({ length: 3 }, () => ({ etag: null, list: null }))
          const watch: Watch = { id, pollers, known: new Map(), truths: [await truth(id)] }
          const look = (index: number, process: number, prefer?: string) =>
            lookOnce(watch, index, process, prefer)
          const waiting: Promise<void>[] = []
          const crowds: Promise<() => void>[] = []
          for (const each of steps) {
            if ('poll' in each) await look(each.poll, each.process)
            else if ('wait' in each) waiting.push(look(each.wait, each.process, 'wait=1'))
            else if ('crowd' in each) {
              for (const [n, isSecond] of each.crowd.entries()) {
                const [poller, client] = [pollers[n % pollers.length], clients[isSecond ? 1 : 0]]
                if (poller === undefined || client === undefined) throw new Error('nobody polls')
                crowds.push(pollInCrowd(watch, poller, client))
              }
              continue // the next step happens while they ask
            } else if ('deliver' in each) {
              const { account, config, database } = shop
              await change(watch, async () => {
                await importCodes(database, config.keys, account, { productId }, each.deliver)
                await shop.fulfill(id)
              })
            } else {
              const from = UNALLOCATED.filter((state) => canUnitMove(state, each.move))
              await change(watch, () =>
                shop.database.pool.query(
                  'update units set state = $2 where transaction_id = $1 and state = any($3)',
                  [id, each.move, from],
                ),
              )
            }
            // Long polls of one poller do not overlap: a client sends the ETag that it has.
            if (!('deliver' in each)) await Promise.all(waiting.splice(0))
          }
          await Promise.all(waiting)
          for (const check of await Promise.all(crowds)) check()
          // In the end everybody knows the same, and what they know is the truth.
          for (const index of pollers.keys()) await look(index, index % 2)
          expect(new Set(pollers.map(({ etag }) => etag)).size).toBe(1)
        },
      ),
      { seed, numRuns: RUNS },
    )
  },
  60_000 + RUNS * 8_000,
)
