import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from '../api/client.ts'
import { makeAccount } from '../factories.ts'
import { readRequests } from '../faults/merchant.ts'
import { openFleet, type Fleet } from '../faults/matrix/fleet.ts'
import { pause, type Mortal } from '../faults/mortal.ts'
import { seededRandom, seedOfRun } from '../faults/random.ts'
import { eventually } from '../harness.ts'
import { busiestSecond, happen, readAttempts, readDeliveries } from './world.ts'

/**
 * The limit of an endpoint holds over several worker processes, also when one of them freezes now and
 * then; measured where the requests arrive, in a process of its own. BARK_PROVE_THROTTLE=1000 says
 * how many deliveries are queued: a thousand take two minutes.
 */

const QUEUED = Number(process.env['BARK_PROVE_THROTTLE'] ?? '40')
const PER_SECOND = 10
const WORKERS = QUEUED > 100 ? 3 : 2
const WITHIN_MS = 60_000 + QUEUED * 500 // 100 ms each, if nothing else ran on the machine
const FREEZE_MS = 400
const BETWEEN_FREEZES_MS = 5_000

let fleet: Fleet
let workers: Mortal[]
beforeAll(async () => {
  fleet = await openFleet('throttle-fleet', { workerEnv: false })
  workers = await Promise.all(Array.from({ length: WORKERS }, () => fleet.startWorker()))
}, 90_000)
afterAll(() => fleet.stop())

test(
  `${PER_SECOND} per second with ${QUEUED} queued at ${WORKERS} workers that freeze: never more than 11, none lost, no attempt used`,
  async () => {
    const random = seededRandom(seedOfRun())
    const { db } = fleet.database
    const { accountId, key } = await makeAccount(fleet.database)
    const path = `/${randomUUID()}`
    const { status } = await createClient(fleet.apiUrl, key).post('/v2/webhooks', {
      url: `${fleet.receiverUrl}${path}`,
      events: ['product.created'],
      throttle: { per_second: PER_SECOND, in_flight: 100 },
    })
    expect(status).toBe(201)
    for (let n = 0; n < QUEUED; n++) await happen(db, accountId)

    let freezes = 0
    let ended = false
    const freezeNowAndThen = async () => {
      while (!ended) {
        const worker = random.pick(workers)
        worker.pause()
        await pause(FREEZE_MS)
        worker.resume()
        freezes += 1
        await pause(random.integer(BETWEEN_FREEZES_MS))
      }
    }
    const freezing = freezeNowAndThen()
    const isOver = async () => {
      const { rows } = await fleet.database.pool.query(
        `select 1 from deliveries where account_id = $1 and state = 'pending' limit 1`,
        [accountId],
      )
      return rows.length === 0
    }
    await eventually(isOver, Boolean, WITHIN_MS).finally(() => {
      ended = true
    })
    await freezing
    const deliveries = await readDeliveries(db, accountId)
    for (const delivery of deliveries) {
      expect(delivery).toMatchObject({ state: 'delivered', attempt_count: 1 })
    }
    expect(await readAttempts(db, accountId)).toHaveLength(QUEUED)
    const received = await readRequests(fleet, path)
    const arrivals = received.map((each) => Date.parse(each.received_at))
    expect(new Set(received.map((each) => each.headers['webhook-id'])).size).toBe(QUEUED)
    expect(received).toHaveLength(QUEUED)
    const busiest = busiestSecond(arrivals)
    const seconds = (Math.max(...arrivals) - Math.min(...arrivals)) / 1_000
    process.stdout.write(
      `seed ${random.seed}: ${QUEUED} in ${seconds.toFixed(1)} s, ${busiest} in the busiest second, ${freezes} freezes\n`,
    )
    expect(busiest).toBeLessThanOrEqual(PER_SECOND + 1)
  },
  WITHIN_MS + 30_000,
)
