import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WEBHOOK_ATTEMPTS_MAX } from '../../domain/webhook-schedule.ts'
import { isReceivedRequest, type ReceivedRequest } from '../../sandbox/receiver-log.ts'
import { createClient, type TestClient } from '../api/client.ts'
import { makeAccount } from '../factories.ts'
import { eventually } from '../harness.ts'
import { startCluster, type Cluster } from './cluster.ts'
import { putScript } from './merchant.ts'
import { pause, type Mortal } from './mortal.ts'
import { seededRandom, seedOfRun, type Random } from './random.ts'

/**
 * kill -9 of the worker and of the API at random instants while events are told to three endpoints:
 * one that is well, one that fails now and then, one that is slow. BARK_PROVE_WEBHOOKS says how many
 * events; one kill for every ten of them.
 */

const EVENTS = Number(process.env['BARK_PROVE_WEBHOOKS'] ?? '100')
const KILLS = EVENTS / 10
const CREATORS = 6
/** A process lives this long at most once it is ready. */
const LIFE_MS_MAX = { worker: 1_200, api: 2_500 }
/** So many lives may be too short to answer anybody; the next one lasts until somebody is answered. */
const FRUITLESS_LIVES_MAX = 2
const CREATED_WITHIN_MS = 600_000 // the API is dead most of the time, and the machine may be busy
const ENDPOINTS = ['well', 'shaky', 'slow'] as const

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
}, 120_000)
afterAll(() => cluster.stop())

test(
  `${KILLS} kills over ${EVENTS} events and three endpoints: every delivery ends once, every attempt is kept`,
  async () => {
    const random = seededRandom(seedOfRun())
    const { accountId, key } = await makeAccount(cluster.database)
    const client = createClient(cluster.apiUrl, key)
    const paths = await subscribe(client, random)
    const { worker, api } = cluster.mortals

    let created = 0
    let answered = 0
    const stillKilling = () => worker.kills + api.kills < KILLS
    const killing = Promise.all([
      killAtRandom(worker, LIFE_MS_MAX.worker, random, { goesOn: stillKilling }),
      // On a busy machine no life would be long enough, and nothing would ever happen.
      killAtRandom(api, LIFE_MS_MAX.api, random, { goesOn: stillKilling, fruits: () => answered }),
    ])
    const create = async () => {
      // Faster than the kills would be too easy: the events spread over all of them.
      while (created < EVENTS) {
        const due = (created / EVENTS) * KILLS
        if (stillKilling() && worker.kills + api.kills < due - 1) await pause(20)
        else {
          await createProduct(cluster.apiUrl, key, created++)
          answered += 1
        }
      }
    }
    await Promise.all([...Array.from({ length: CREATORS }, create), killing])
    await cluster.heal()
    const kills = { worker: worker.kills, api: api.kills }

    await deliveriesRest(accountId)
    for (let hour = 0; (await countPending(accountId)) > 0 && hour < 3; hour++) {
      await client.post('/v2/test_clock', { advance: 'PT9H' })
      await eventually(
        async () => (await client.get<{ status: string }>('/v2/test_clock')).body.status,
        (status) => status === 'ready',
        300_000,
      )
    }

    const ended = await readDeliveries(accountId)
    expect(ended).toHaveLength(EVENTS * ENDPOINTS.length)
    const received = await readReceived(paths)
    const byDelivery = Map.groupBy(received, (each) => each.headers['x-webhook-delivery'] ?? '')
    expect(
      ended.flatMap((each) => wrongs(each, byDelivery.get(each.id) ?? [], kills.worker)),
    ).toEqual([])
    const known = new Set(ended.map(({ id }) => id))
    expect([...byDelivery.keys()].filter((id) => !known.has(id))).toEqual([])
    process.stdout.write(
      `seed ${random.seed}: ${kills.worker} kills of the worker and ${kills.api} of the API over ` +
        `${EVENTS} events; ${received.length} requests for ` +
        `${ended.reduce((sum, each) => sum + each.attempt_count, 0)} attempts of ${ended.length} deliveries\n`,
    )
  },
  120_000 + KILLS * 20_000,
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
    await putScript(cluster, path, scripts[name])
    await client.post('/v2/webhooks', {
      url: `${cluster.receiverUrl}${path}`,
      events: ['product.created'],
      throttle: { in_flight: 100 },
    })
    paths.push(path)
  }
  return paths
}

/** Whenever the process is ready it gets a short life of random length, now and then until it bore fruit. */
async function killAtRandom(
  victim: Mortal,
  lifeMsMax: number,
  random: Random,
  { goesOn, fruits }: { goesOn: () => boolean; fruits?: () => number },
): Promise<void> {
  let fruitless = 0
  while (goesOn()) {
    await victim.up()
    const before = fruits?.()
    const isFruitless = () => fruits !== undefined && fruits() === before
    await pause(random.integer(lifeMsMax))
    while (goesOn() && fruitless >= FRUITLESS_LIVES_MAX && isFruitless()) await pause(20)
    fruitless = isFruitless() ? fruitless + 1 : 0
    if (goesOn()) await victim.kill()
  }
}

/** As a client that does not know whether its request arrived: again under the same key. */
async function createProduct(apiUrl: string, key: string, n: number): Promise<void> {
  const body = JSON.stringify({ name: `Card ${n}`, price: 1, sku: `STORM-${n}` })
  const headers = {
    authorization: `Bearer ${key}`,
    'content-type': 'application/json',
    'idempotency-key': `product-${n}`,
  }
  await eventually(
    async () => {
      const signal = AbortSignal.timeout(10_000)
      const init = { method: 'POST', headers, body, signal }
      return fetch(`${apiUrl}/v2/products`, init).then(
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
      const { rows } = await cluster.database.pool.query<{ acting: string }>(
        `select count(*) as acting from deliveries d where d.account_id = $1 and d.state = 'pending'
           and not exists (select 1 from waits w where w.story_id = d.id and w.due_at > clock_timestamp())`,
        [accountId],
      )
      return Number(rows[0]?.acting)
    },
    (acting) => acting === 0,
    300_000,
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
  const { rows } = await cluster.database.pool.query<Ended>(
    `select d.id, d.event_id, d.state, d.reason, d.attempt_count,
       (select coalesce(json_agg(json_build_object('number', a.number, 'state', a.state,
          'status_code', a.status_code) order by a.number), '[]')
        from attempts a where a.account_id = d.account_id and a.delivery_id = d.id) as attempts
     from deliveries d where d.account_id = $1`,
    [accountId],
  )
  return rows
}

async function readReceived(paths: string[]): Promise<ReceivedRequest[]> {
  const answer = await fetch(`${cluster.receiverControlUrl}/requests`)
  const received: unknown = await answer.json()
  if (!Array.isArray(received) || !received.every(isReceivedRequest)) {
    throw new TypeError('the receiver answered no list of requests')
  }
  return received.filter(({ path }) => paths.includes(path))
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
