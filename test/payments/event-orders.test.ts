import { afterAll, beforeAll, expect, test } from 'vitest'
import { seededRandom } from '../faults/random.ts'
import { listedEvents } from '../listed-events.ts'
import { startChaos, type Chaos } from './chaos.ts'

/**
 * What a provider tells about a payment may come in any order and more than once: it is asked before
 * anything is believed. BARK_PROVE_EVENT_ORDERS=720 tries every order of six.
 */
const ORDERS_MAX = Number(process.env['BARK_PROVE_EVENT_ORDERS'] ?? 24)
const AT_ONCE = 8
const EVENTS = [
  'payment_intent.created',
  'payment_intent.processing',
  'charge.succeeded',
  'payment_intent.succeeded',
  'charge.refunded',
  'refund.updated',
]

let chaos: Chaos
beforeAll(async () => {
  chaos = await startChaos('event_orders')
})
afterAll(() => chaos.stop())

function* permutationsOf<T>(list: readonly T[]): Generator<T[]> {
  if (list.length <= 1) return yield [...list]
  for (const [index, first] of list.entries()) {
    for (const rest of permutationsOf(list.toSpliced(index, 1))) yield [first, ...rest]
  }
}

/** Everything is told before anybody looked: the reply to the authorization was lost. */
async function hear(order: string[], n: number) {
  const till = await chaos.open()
  const random = seededRandom(n)
  const made = await till.client.post<{ id: string }>('/v2/payments/intents', {
    amount: 5_000,
    currency: 'usd',
    payment_method: 'pm_card_visa',
  })
  const { id } = made.body
  await till.work(id, random)
  for (const type of order) {
    // Some twice, some twice at once.
    const times = 1 + random.integer(3)
    await Promise.all(Array.from({ length: times }, () => till.tell(id, `evt_${id}_${type}`)))
    await till.work(id, random)
  }
  const { body } = await till.client.get(`/v2/payments/intents/${id}`)
  const events = await listedEvents<{ type: string }>(till.client, 'cursor=', 1)
  return {
    state: [body['status'], body['amount_captured'], body['amount_refunded']],
    told: events.map(({ type }) => type),
    moved: (await till.movements()).map(({ amountMinor }) => amountMinor),
  }
}

test(`${ORDERS_MAX} orders of ${EVENTS.length} events with duplicates end alike`, async () => {
  chaos.fate = ({ kind }) => (kind === 'authorize' ? 'lost' : null)
  const all = [...permutationsOf(EVENTS)]
  const orders = all.filter((_, index) => index % Math.ceil(all.length / ORDERS_MAX) === 0)
  const seen = new Set<string>()
  for (let done = 0; done < orders.length; done += AT_ONCE) {
    const some = orders.slice(done, done + AT_ONCE).map((order, n) => hear(order, done + n))
    for (const end of await Promise.all(some)) {
      seen.add(
        JSON.stringify(end, (_, value) => (typeof value === 'bigint' ? Number(value) : value)),
      )
    }
  }
  expect([...seen].map((end) => JSON.parse(end))).toEqual([
    { state: ['succeeded', 5_000, 0], told: ['payment.succeeded'], moved: [5_000] },
  ])
}, 540_000)
