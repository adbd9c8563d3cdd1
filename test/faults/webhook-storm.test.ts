import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { getTestClock } from '../../db/test-clock.ts'
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
 * well, one that fails now and then, one that is slow. BARK_PROVE_WEBHOOKS says how many events; one kill
 * for every ten of them. Two processes of each kind, so that one goes on with what the other one left
 * while that one starts again; now and then both are dead.
 */

const EVENTS = Number(process.env['BARK_PROVE_WEBHOOKS'] ?? '100')
const KILLS = EVENTS / 10
const CREATORS = 6
/** From the readiness of a victim to the next kill, at most. */
const BETWEEN_KILLS_MS_MAX = 1_500
const CREATED_WITHIN_MS = 600_000 // the API is often dead, and the machine may be busy
const RESTS_WITHIN_MS = 120_000 + EVENTS * 300
const ENDPOINTS = ['well', 'shaky', 'slow'] as const

type Victims = { workers: Mortal[]; apis: Mortal[] }

let fleet: Fleet
let victims: Victims
let apiUrls: string[]
beforeAll(async () => {
  fleet = await openFleet('webhook-storm')
  const [, second] = await Promise.all([fleet.startWorker(), fleet.startApi()])
  apiUrls = [fleet.apiUrl, second.url]
  victims = { apis: mortalsOf('api'), workers: mortalsOf('worker') }
}, 120_000)
afterAll(() => fleet.stop())

const mortalsOf = (kind: string) => fleet.mortals.filter(({ name }) => name === kind)

const sumKills = (mortals: Mortal[]) => mortals.reduce((sum, { kills }) => sum + kills, 0)
const countKills = ({ workers, apis }: Victims) => ({
  workers: sumKills(workers),
  apis: sumKills(apis),
})

test(
  `${KILLS} kills over ${EVENTS} events and three endpoints: every delivery ends once, every attempt is kept`,
  async () => {
    const random = seededRandom(seedOfRun())
    const { accountId, key } = await makeAccount(fleet.database)
    const client = createClient(fleet.apiUrl, key)
    const paths = await subscribe(client, random)
    const took = stopwatch()

    const story = { created: 0, answered: 0 }
    await Promise.all([
      kill(random, story),
      ...Array.from({ length: CREATORS }, () => createProducts(key, story)),
    ])
    took.lap('kills')
    const kills = countKills(victims)

    await deliveriesRest(accountId)
    took.lap('rest')
    for (let hour = 0; (await countPending(accountId)) > 0 && hour < 3; hour++) {
      await client.post('/v2/test_clock', { advance: 'PT9H' })
      await eventually(
        () => getTestClock(fleet.database.db, accountId),
        (clock) => clock.status === 'ready',
        RESTS_WITHIN_MS,
      )
    }
    took.lap('clock')

    const ended = await readDeliveries(accountId)
    expect(ended).toHaveLength(EVENTS * ENDPOINTS.length)
    const received = (await Promise.all(paths.map((path) => readRequests(fleet, path)))).flat()
    const byDelivery = Map.groupBy(received, (each) => each.headers['x-webhook-delivery'] ?? '')
    expect(
      ended.flatMap((each) => wrongs(each, byDelivery.get(each.id) ?? [], kills.workers)),
    ).toEqual([])
    const known = new Set(ended.map(({ id }) => id))
    expect([...byDelivery.keys()].filter((id) => !known.has(id))).toEqual([])
    const attempts = ended.reduce((sum, each) => sum + each.attempt_count, 0)
    process.stdout.write(
      `seed ${random.seed}: ${kills.workers} kills of workers and ${kills.apis} of APIs over ` +
        `${EVENTS} events; ${received.length} requests for ${attempts} attempts of ` +
        `${ended.length} deliveries; ${took.laps.join(', ')}\n`,
    )
    expect(kills.workers + kills.apis).toBeGreaterThanOrEqual(KILLS)
  },
  180_000 + KILLS * 20_000,
)

async function subscribe(client: TestClient, random: Random): Promise<string[]> {
  const scripts = {
    well: [{}],
    shaky: Array.from({ length: EVENTS * 4 }, () =>
      random.pick([{}, {}, {}, { status: 500 }, { instead: 'close' }]),
    ),
    slow: [{ delay_ms: 150 }],
  }
  const paths = []
  for (const name of ENDPOINTS) {
    const path = `/${randomUUID()}/${name}`
    await putScript(fleet, path, scripts[name])
    await client.post('/v2/webhooks', {
      url: `${fleet.receiverUrl}${path}`,
      events: ['product.created'],
      throttle: { in_flight: 100 },
    })
    paths.push(path)
  }
  return paths
}

/** How far the events have come: the kills and the creators wait for each other, so that they mix. */
type Story = { created: number; answered: number }

/** One process after another, whichever runs, until it is enough; work goes on meanwhile. */
async function kill(random: Random, story: Story): Promise<void> {
  const everybody = [...victims.workers, ...victims.apis]
  for (let kills = 0; kills < KILLS; kills++) {
    const isUp = ({ pid }: Mortal) => pid !== null
    const up = await eventually(
      async () => everybody.filter(isUp),
      (running) => running.length > 0,
      120_000,
    )
    await pause(random.integer(BETWEEN_KILLS_MS_MAX))
    // Nobody dies for nothing: some of the events of this share have been taken on.
    await eventually(
      async () => story.answered,
      (answered) => answered >= EVENTS * ((kills - 2) / KILLS),
      CREATED_WITHIN_MS,
    )
    await random.pick(up).kill()
  }
  for (const mortal of everybody) await mortal.up()
}

/** Spread over all kills: faster would be too easy. */
async function createProducts(key: string, story: Story): Promise<void> {
  while (story.created < EVENTS) {
    const { workers, apis } = countKills(victims)
    if (workers + apis < Math.min(KILLS, (story.created / EVENTS) * KILLS - 1)) await pause(20)
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

/** Until nobody acts: each delivery has ended or waits for its next attempt. */
async function deliveriesRest(accountId: string): Promise<void> {
  await eventually(
    async () => {
      const { rows } = await fleet.database.pool.query<{ acting: string }>(
        `select count(*) as acting from deliveries d where d.account_id = $1 and d.state = 'pending'
           and not exists (select 1 from waits w where w.story_id = d.id and w.due_at > clock_timestamp())`,
        [accountId],
      )
      return Number(rows[0]?.acting)
    },
    (acting) => acting === 0,
    RESTS_WITHIN_MS,
  )
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

/** How long each part took, in words. */
function stopwatch() {
  let since = performance.now()
  const laps: string[] = []
  return {
    laps,
    lap(name: string) {
      const now = performance.now()
      laps.push(`${name} ${Math.round((now - since) / 1_000)} s`)
      since = now
    },
  }
}
