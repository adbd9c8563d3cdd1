import { afterAll, beforeAll, expect, test } from 'vitest'
import { RESEND_SECONDS_MAX } from '../../domain/payment.ts'
import { seededRandom } from '../faults/random.ts'
import { startChaos, type Chaos, type ChaosTill } from './chaos.ts'

/**
 * The provider did it, and nobody heard: a reply is lost, or whoever made the call dies. Each money
 * movement happens once. BARK_PROVE_LOST says how often each is tried (200 is the proof).
 */
const RUNS = Number(process.env['BARK_PROVE_LOST'] ?? 8)
const AT_ONCE = 8
const HOUR = 3_600

let chaos: Chaos
beforeAll(async () => {
  chaos = await startChaos('lost_payment_replies')
})
afterAll(() => chaos.stop())

type Lost = 'authorize' | 'capture' | 'refund'

/** Meets a call of each payment with a fault the first time, and any later one with nothing. */
function loseFirst(kind: Lost): void {
  const met = new Set<string>()
  let turn = 0
  chaos.fate = (call) => {
    if (call.kind !== kind || call.key === null || met.has(call.key)) return null
    met.add(call.key)
    turn += 1
    return turn % 2 === 0 ? 'lost' : 'killed_after'
  }
}

/** Works until nothing is open, hours later if need be. */
async function carry(till: ChaosTill, id: string): Promise<void> {
  const random = seededRandom(1)
  for (let round = 0; round < 8; round++) {
    await till.work(id, random)
    await till.advance(round === 0 ? 60 : HOUR)
  }
}

/** A payment as far as the call that is lost, and what each of its movements is. */
async function play(till: ChaosTill, kind: Lost): Promise<[string, bigint[]]> {
  const create = { amount: 5_000, currency: 'usd', payment_method: 'pm_card_visa' }
  const manual = kind === 'capture' ? { capture_method: 'manual' } : {}
  const made = await till.client.post<{ id: string }>('/v2/payments/intents', {
    ...create,
    ...manual,
  })
  const { id } = made.body
  if (kind === 'authorize') {
    await carry(till, id)
    return [id, [5_000n]]
  }
  await till.work(id, seededRandom(1))
  const path = kind === 'capture' ? 'capture' : 'refund'
  const asked = await till.client.post(`/v2/payments/${id}/${path}`, { amount: 2_000 })
  expect(asked.status).toBe(201)
  await carry(till, id)
  return [id, kind === 'capture' ? [2_000n] : [5_000n, -2_000n]]
}

const countOf = (amounts: bigint[]) =>
  new Map(
    [...Map.groupBy(amounts, (amount) => amount)].map(([amount, all]) => [amount, all.length]),
  )

test.each<Lost>(['authorize', 'capture', 'refund'])(
  `${RUNS} lost replies to %s move the money once each`,
  async (kind) => {
    loseFirst(kind)
    const till = await chaos.open()
    const expected: bigint[] = []
    for (let done = 0; done < RUNS; done += AT_ONCE) {
      const some = Array.from({ length: Math.min(AT_ONCE, RUNS - done) }, () => play(till, kind))
      for (const [id, amounts] of await Promise.all(some)) {
        expected.push(...amounts)
        const { body } = await till.client.get<{ status: string }>(`/v2/payments/intents/${id}`)
        expect(body.status).toBe('succeeded')
      }
    }
    const moved = (await till.movements()).map(({ amountMinor }) => amountMinor)
    expect(countOf(moved)).toEqual(countOf(expected))
  },
  540_000,
)

test('after 23 hours of silence no key is sent again, there are only questions', async () => {
  const till = await chaos.open()
  const asksFrom = chaos.calls.length
  chaos.fate = () => 'never'
  const made = await till.client.post<{ id: string }>('/v2/payments/intents', {
    amount: 5_000,
    currency: 'usd',
    payment_method: 'pm_card_visa',
  })
  const { id } = made.body
  const random = seededRandom(1)
  for (const seconds of [5, 30, 300, HOUR, 6 * HOUR, 20 * HOUR, 24 * HOUR, 24 * HOUR, 24 * HOUR]) {
    await till.work(id, random)
    await till.advance(seconds)
  }
  await till.work(id, random)
  const calls = chaos.calls.slice(asksFrom)
  const firstMs = calls[0]?.at.getTime() ?? 0
  const late = calls.filter(({ at }) => at.getTime() - firstMs >= RESEND_SECONDS_MAX * 1000)
  expect(new Set(calls.flatMap(({ key }) => key ?? [])).size).toBe(1)
  expect(late.length).toBeGreaterThanOrEqual(3)
  expect(late.filter(({ kind }) => kind !== 'ask')).toEqual([])
})
