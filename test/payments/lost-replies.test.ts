import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RESEND_SECONDS_MAX } from '../../domain/payment.ts'
import { startChaos, type Chaos, type ChaosTill } from './chaos.ts'
import type { Call } from './faulty-provider.ts'

/**
 * The provider did it, and nobody heard: a reply is lost, or whoever made the call dies. Each money
 * movement happens once. BARK_PROVE_LOST says how often each is tried (200 is the proof).
 */
const RUNS = Number(process.env['BARK_PROVE_LOST'] ?? 8)
const TILLS = 4
const HOUR = 3_600

let chaos: Chaos
beforeAll(async () => {
  chaos = await startChaos('lost_payment_replies')
})
afterAll(() => chaos.stop())

const KINDS = ['authorize', 'capture', 'refund'] as const
type Lost = (typeof KINDS)[number]
const AMOUNTS = { authorize: [5_000n], capture: [2_000n], refund: [5_000n, -2_000n] } as const

/** Meets each key of a kind with a fault the first time, in turn a lost reply and a death. */
function loseFirst(kind: Lost): (call: Call) => 'lost' | 'killed_after' | null {
  const met = new Set<string>()
  return (call) => {
    if (call.kind !== kind || call.key === null || met.has(call.key)) return null
    met.add(call.key)
    return met.size % 2 === 0 ? 'lost' : 'killed_after'
  }
}

async function create(till: ChaosTill, kind: Lost): Promise<string> {
  const made = await till.post<{ id: string }>('/v2/payments/intents', {
    amount: 5_000,
    currency: 'usd',
    payment_method: 'pm_card_visa',
    capture_method: kind === 'capture' ? 'manual' : 'automatic',
  })
  expect(made.status).toBe(201)
  return made.body.id
}

/** A payment as far as the call that a fate is to meet. */
async function begin(till: ChaosTill, kind: Lost): Promise<string> {
  const id = await create(till, kind)
  if (kind === 'authorize') return id
  await till.work(id)
  const asked = await till.post(`/v2/payments/${id}/${kind}`, { amount: 2_000 })
  expect(asked.status).toBe(201)
  return id
}

async function lastOperation(paymentId: string) {
  const { rows } = await sql<{ kind: string; state: string; code: string }>`
    select kind, state, error ->> 'code' as code from payment_operations
    where payment_id = ${paymentId} order by created_at desc, id desc limit 1`.execute(
    chaos.database.db,
  )
  return rows[0]
}

describe.each(KINDS)('a reply to %s that is lost after it took effect', (kind) => {
  test(
    `${RUNS} times moves the money once each`,
    async () => {
      const ids: string[] = []
      const moved = new Map<string, bigint[]>()
      await Promise.all(
        Array.from({ length: TILLS }, async () => {
          const till = await chaos.open()
          till.meet(loseFirst(kind))
          const own: string[] = []
          for (let n = 0; n < RUNS / TILLS; n++) own.push(await begin(till, kind))
          for (const pause of [0, 60, 600]) {
            await till.advance(pause)
            for (const id of own) await till.work(id)
          }
          for (const id of own) {
            const found = await till.get<{ status: string }>(`/v2/payments/intents/${id}`)
            expect(found.status).toBe('succeeded')
          }
          const sent = till.calls.filter((call) => call.kind === kind).length
          expect(sent).toBe(2 * own.length) // each key was met, and sent again
          for (const { paymentProviderId, amountMinor } of await till.movements()) {
            const all = moved.get(paymentProviderId) ?? []
            moved.set(paymentProviderId, [...all, amountMinor])
          }
          ids.push(...own)
        }),
      )
      expect(ids.length).toBeGreaterThanOrEqual(RUNS)
      expect([...moved.values()]).toEqual(ids.map(() => AMOUNTS[kind]))
    },
    60_000 + RUNS * 1_000,
  )

  test('is asked about and not sent again when whoever made the call comes back after a day', async () => {
    const till = await chaos.open()
    const id = await begin(till, kind)
    const from = till.calls.length
    till.meet(() => 'killed_before')
    await till.work(id)
    till.meet(() => null)
    await till.advance(RESEND_SECONDS_MAX)
    await till.work(id)
    const calls = till.calls.slice(from).map((call) => call.kind)
    expect(calls.filter((call) => call !== 'ask')).toEqual([kind])
    expect(calls.at(-1)).toBe('ask')
    expect(await lastOperation(id)).toEqual({ kind, state: 'errored', code: 'never_arrived' })
  })

  test('and silence for days: after 23 hours no key is sent again, there are only questions', async () => {
    const till = await chaos.open()
    const id = await begin(till, kind)
    const from = till.calls.length
    till.meet(() => 'never')
    for (const pause of [0, 5, 30, 300, HOUR, 6 * HOUR, 20 * HOUR, 24 * HOUR, 24 * HOUR]) {
      await till.advance(pause)
      await till.work(id)
    }
    const calls = till.calls.slice(from)
    expect(new Set(calls.flatMap(({ key }) => key ?? [])).size).toBe(1)
    expect(calls.filter((call) => call.kind === kind)).toHaveLength(3)
    const firstMs = calls[0]?.at.getTime() ?? 0
    const late = calls.filter(({ at }) => at.getTime() - firstMs >= RESEND_SECONDS_MAX * 1000)
    expect(late.length).toBeGreaterThanOrEqual(2)
    expect(late.filter((call) => call.kind !== 'ask')).toEqual([])
    // The provider speaks again and has never heard of it: too late to send it.
    till.meet(() => null)
    await till.advance(24 * HOUR)
    await till.work(id)
    expect(till.calls.slice(from).filter((call) => call.kind === kind)).toHaveLength(3)
    expect(await lastOperation(id)).toEqual({ kind, state: 'errored', code: 'never_arrived' })
  })
})
