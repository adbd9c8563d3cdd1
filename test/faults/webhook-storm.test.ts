import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTransaction } from '../../db/client.ts'
import { getTestClock, startAdvance } from '../../db/test-clock.ts'
import { WEBHOOK_ATTEMPTS_MAX } from '../../domain/webhook-schedule.ts'
import type { ReceivedRequest } from '../../sandbox/receiver-log.ts'
import { createClient, type TestClient } from '../api/client.ts'
import { makeAccount } from '../factories.ts'
import { eventually } from '../harness.ts'
import { openFleet, type Fleet } from './matrix/fleet.ts'
import { putScript, readRequests } from './merchant.ts'
import { pause, type Mortal } from './mortal.ts'
import { seededRandom, seedOfRun, type Random } from './random.ts'

/**
 * kill -9 of workers and APIs at random instants while events are told to three endpoints: one that is
 * well, one that fails now and then, one that is slow. Two processes of each kind, so that one goes on
 * with what the other one left while that one starts again; now and then both are dead. It goes in
 * rounds of a hundred events and ten kills, each with an account of its own, and the kills of a round
 * fall into what the round before still has to do: retries, and the moves of its clock.
 * BARK_PROVE_WEBHOOKS says how many events in all; what a round found is printed as soon as it is over.
 */

const ROUND_EVENTS = 100
const ROUND_KILLS = 10
const ROUNDS = Math.ceil(Number(process.env['BARK_PROVE_WEBHOOKS'] ?? '100') / ROUND_EVENTS)
/** Rounds whose deliveries go on while the next one begins: more would only wait for each other. */
const OPEN_ROUNDS_MAX = 2
const CREATORS = 6
/** From the readiness of a victim to the next kill, at most. */
const BETWEEN_KILLS_MS_MAX = 1_500
const CREATED_WITHIN_MS = 600_000 // the API is often dead, and the machine may be busy
const SETTLED_WITHIN_MS = 180_000 + ROUNDS * 60_000
const ENDPOINTS = ['well', 'shaky', 'slow'] as const

let fleet: Fleet
let victims: Mortal[]
let apiUrls: string[]
beforeAll(async () => {
  fleet = await openFleet('webhook-storm')
  const [, second] = await Promise.all([fleet.startWorker(), fleet.startApi()])
  apiUrls = [fleet.apiUrl, second.url]
  victims = [...mortalsOf('worker'), ...mortalsOf('api')]
}, 120_000)
afterAll(() => fleet.stop())

const mortalsOf = (kind: string) => fleet.mortals.filter(({ name }) => name === kind)

const sumKills = (mortals: Mortal[]) => mortals.reduce((sum, { kills }) => sum + kills, 0)

test(
  `${ROUNDS * ROUND_KILLS} kills over ${ROUNDS * ROUND_EVENTS} events and three endpoints: every delivery ends once, every attempt is kept`,
  async () => {
    const random = seededRandom(seedOfRun())
    const settling: Promise<string[]>[] = []
    for (let round = 0; round < ROUNDS; round++) {
      await settling[round - OPEN_ROUNDS_MAX]
      const account = await makeAccount(fleet.database)
      const paths = await subscribe(createClient(fleet.apiUrl, account.key), random)
      const story = { created: 0, answered: 0, kills: 0 }
      const creating = Array.from({ length: CREATORS }, () => createProducts(account.key, story))
      await Promise.all([kill(random, story), ...creating])
      const settled = settle(account.accountId, paths)
      settled.catch(() => undefined) // it is awaited, but later: a rejection until then is no news
      settling.push(settled)
    }
    const wrong = await Promise.all(settling)
    process.stdout.write(`seed ${random.seed}: ${printTotals()}\n`)
    expect(wrong.flat()).toEqual([])
    expect(totals.rounds).toBe(ROUNDS)
    expect(sumKills(victims)).toBeGreaterThanOrEqual(ROUNDS * ROUND_KILLS)
  },
  180_000 + ROUNDS * 200_000,
)

const totals = { rounds: 0, deliveries: 0, attempts: 0, requests: 0 }
const printTotals = () =>
  `${totals.rounds * ROUND_EVENTS} events over, ${sumKills(mortalsOf('worker'))} kills of workers and ` +
  `${sumKills(mortalsOf('api'))} of APIs so far; ${totals.requests} requests for ` +
  `${totals.attempts} attempts of ${totals.deliveries} deliveries`

/** Waits until every delivery of a round has ended, and answers what is wrong with any of them. */
async function settle(accountId: string, paths: string[]): Promise<string[]> {
  await untilNone(() => insist(() => countActing(accountId)))
  for (let moves = 0; (await insist(() => countPending(accountId))) > 0 && moves < 3; moves++) {
    const { db } = fleet.database
    await inTransaction(db, (tx) => startAdvance(tx, accountId, { advanceMs: 9 * 3_600_000 }))
    await untilNone(() =>
      insist(async () => ((await getTestClock(db, accountId)).status === 'ready' ? 0 : 1)),
    )
  }
  const ended = await insist(() => readDeliveries(accountId))
  const received = (
    await Promise.all(paths.map((path) => insist(() => readRequests(fleet, path))))
  ).flat()
  const byDelivery = Map.groupBy(received, (each) => each.headers['x-webhook-delivery'] ?? '')
  const kills = sumKills(mortalsOf('worker'))
  const known = new Set(ended.map(({ id }) => id))
  const expected = ROUND_EVENTS * ENDPOINTS.length
  const wrong = [
    ...ended.flatMap((each) => wrongs(each, byDelivery.get(each.id) ?? [], kills)),
    ...[...byDelivery.keys()].filter((id) => !known.has(id)).map((id) => `${id}: nobody knows it`),
    ...(ended.length === expected ? [] : [`${ended.length} deliveries instead of ${expected}`]),
  ]
  totals.rounds += 1
  totals.deliveries += ended.length
  totals.attempts += ended.reduce((sum, each) => sum + each.attempt_count, 0)
  totals.requests += received.length
  process.stdout.write(`${printTotals()}; ${wrong.length} wrong in this round\n`)
  return wrong
}

/** Asks every half a second, because many rounds may wait at the same time. */
async function untilNone(count: () => Promise<number>): Promise<void> {
  const until = Date.now() + SETTLED_WITHIN_MS
  for (;;) {
    const left = await count()
    if (left === 0) return
    if (Date.now() > until) throw new Error(`${left} after ${SETTLED_WITHIN_MS} ms`)
    await pause(500)
  }
}

async function subscribe(client: TestClient, random: Random): Promise<string[]> {
  const scripts = {
    well: [{}],
    shaky: Array.from({ length: ROUND_EVENTS * 4 }, () =>
      random.pick([{}, {}, {}, { status: 500 }, { instead: 'close' }]),
    ),
    slow: [{ delay_ms: 150 }],
  }
  const paths = []
  for (const name of ENDPOINTS) {
    const path = `/${randomUUID()}/${name}`
    const webhook = {
      url: `${fleet.receiverUrl}${path}`,
      events: ['product.created'],
      throttle: { in_flight: 100 },
    }
    const once = { headers: { 'Idempotency-Key': path } }
    await insist(() => putScript(fleet, path, scripts[name]))
    const { status } = await insist(() => client.post('/v2/webhooks', webhook, once))
    expect(status).toBe(201)
    paths.push(path)
  }
  return paths
}

/** Again when a connection broke: those that an earlier kill has closed are noticed by their use only. */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      if (tries === 10) throw error
      await pause(500)
    }
  }
}

/** How far a round has come: the kills and the creators wait for each other, so that they mix. */
type Story = { created: number; answered: number; kills: number }

/** One process after another, whichever runs, until it is enough; work goes on meanwhile. */
async function kill(random: Random, story: Story): Promise<void> {
  const perKill = ROUND_EVENTS / ROUND_KILLS
  for (; story.kills < ROUND_KILLS; story.kills++) {
    const up = await eventually(
      async () => victims.filter(({ pid }) => pid !== null),
      (running) => running.length > 0,
      120_000,
    )
    await pause(random.integer(BETWEEN_KILLS_MS_MAX))
    // Nobody dies for nothing: some of the events of this share have been taken on.
    await eventually(
      async () => story.answered,
      (answered) => answered >= perKill * (story.kills - 2),
      CREATED_WITHIN_MS,
    )
    await random.pick(up).kill()
  }
  await Promise.all(victims.map((mortal) => mortal.up()))
}

/** Spread over all kills: faster would be too easy. */
async function createProducts(key: string, story: Story): Promise<void> {
  while (story.created < ROUND_EVENTS) {
    const due = (story.created / ROUND_EVENTS) * ROUND_KILLS - 1
    if (story.kills < Math.min(ROUND_KILLS, due)) await pause(20)
    else {
      await createProduct(key, story.created++)
      story.answered += 1
    }
  }
}

/** As a client that does not know whether its request arrived: again under the same key. */
async function createProduct(key: string, n: number): Promise<void> {
  const body = JSON.stringify({ name: `Card ${n}`, price: 1, sku: `STORM-${n}` })
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'idempotency-key': `product-${n}`,
  }
  let tries = 0
  await eventually(
    async () => {
      const signal = AbortSignal.timeout(10_000)
      const init = { method: 'POST', headers, body, signal }
      const url = apiUrls[(n + tries++) % apiUrls.length]
      return fetch(`${url}/v2/products`, init).then(
        (answer) => answer.status,
        () => 0,
      )
    },
    (status) => status === 201,
    CREATED_WITHIN_MS,
  )
}

/** Who has not ended and does not wait for a next attempt. */
async function countActing(accountId: string): Promise<number> {
  const { rows } = await fleet.database.pool.query<{ acting: string }>(
    `select count(*) as acting from deliveries d where d.account_id = $1 and d.state = 'pending'
       and not exists (select 1 from waits w where w.story_id = d.id and w.due_at > clock_timestamp())`,
    [accountId],
  )
  return Number(rows[0]?.acting)
}

async function countPending(accountId: string): Promise<number> {
  return (await readDeliveries(accountId)).filter(({ state }) => state === 'pending').length
}

type Ended = {
  id: string
  event_id: string
  state: string
  reason: string | null
  attempt_count: number
  attempts: { number: number; state: string; status_code: number | null }[]
}

async function readDeliveries(accountId: string): Promise<Ended[]> {
  const { rows } = await fleet.database.pool.query<Ended>(
    `select d.id, d.event_id, d.state, d.reason, d.attempt_count,
       (select coalesce(json_agg(json_build_object('number', a.number, 'state', a.state,
          'status_code', a.status_code) order by a.number), '[]')
        from attempts a where a.account_id = d.account_id and a.delivery_id = d.id) as attempts
     from deliveries d where d.account_id = $1`,
    [accountId],
  )
  return rows
}

/** I18 and a complete log, for one delivery: what is wrong with it, in words. */
function wrongs(delivery: Ended, requests: ReceivedRequest[], kills: number): string[] {
  const { id, state, attempt_count: count, attempts } = delivery
  const numbers = new Set(requests.map((each) => Number(each.headers['x-webhook-attempt'])))
  const wellAnswered = requests.some(({ answered }) => answered !== null && answered < 300)
  const promises: [boolean, string][] = [
    [
      state === 'delivered' || (state === 'failed' && count === WEBHOOK_ATTEMPTS_MAX),
      'has not ended',
    ],
    [state !== 'delivered' || wellAnswered, 'is delivered and nobody took it'],
    [
      attempts.length === count && attempts.every((each, at) => each.number === at + 1),
      'log has gaps',
    ],
    [attempts.every((each) => each.state !== 'sending'), 'an attempt has no outcome'],
    [numbers.size === count && numbers.has(count), 'attempts and requests differ'],
    [requests.length <= count + kills, 'more requests than attempts and kills'],
    [
      requests.every(({ headers }) => headers['webhook-id'] === delivery.event_id),
      'another event id',
    ],
  ]
  return promises.filter(([holds]) => !holds).map(([, words]) => `${id}: ${words}`)
}
