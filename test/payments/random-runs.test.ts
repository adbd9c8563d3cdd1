import { afterAll, beforeAll, expect, test } from 'vitest'
import { seededRandom, seedOfRun, type Random } from '../faults/random.ts'
import { expectAgreement, expectInstant, settle, startingPoint } from './chaos-checks.ts'
import { startChaos, type Chaos, type ChaosTill } from './chaos.ts'
import type { CallFault } from './faulty-provider.ts'

/**
 * Random operations on payments, with concurrency, lost replies, deaths of whoever makes a call, and
 * the provider's own events in any order, twice, late or never. BARK_PROVE_PAYMENTS says how many
 * payments, each a sequence of its own; BARK_SEED with which chance.
 */
const RUNS = Number(process.env['BARK_PROVE_PAYMENTS'] ?? 40)
const SEED = seedOfRun()
const PER_ACCOUNT = 10
const TILLS_AT_ONCE = 8
const STEPS_MAX = 6
const AMOUNT = 10_000

let chaos: Chaos
beforeAll(async () => {
  chaos = await startChaos('payment_runs')
})
afterAll(() => chaos.stop())

const FAULTS: readonly CallFault[] = ['lost', 'never', 'killed_before', 'killed_after']
const TOKENS = [
  'pm_card_visa',
  'pm_card_visa',
  'pm_card_visa_chargeDeclined',
  'pm_card_authenticationRequired',
  'pm_card_pendingRefund',
  'pm_card_refundFail',
  'pm_card_createDispute',
  'pm_card_sandbox_captureFails',
  'pm_us_bank_account',
]

test(
  `${RUNS} payments keep every promise about money (seed ${SEED})`,
  async () => {
    const random = seededRandom(SEED)
    const startedMs = performance.now()
    const cpu = process.cpuUsage()
    let left = RUNS
    const counts = { payments: 0, operations: 0, calls: 0, events: 0 }
    const lanes = Array.from({ length: TILLS_AT_ONCE }, () => seededRandom(random.integer(2 ** 31)))
    await Promise.all(
      lanes.map(async (lane) => {
        while (left > 0) {
          const payments = Math.min(PER_ACCOUNT, left)
          left -= payments
          const till = await chaos.open()
          for (let n = 0; n < payments; n++) {
            const operations = await playPayment(till, lane)
            counts.operations += operations
          }
          till.meet(() => null)
          await settle(chaos.database, till, lane)
          await expectAgreement(chaos.database, till)
          counts.payments += payments
          counts.calls += till.calls.length
          counts.events += till.heard.length
        }
      }),
    )
    const { user, system } = process.cpuUsage(cpu)
    process.stdout.write(
      `${JSON.stringify(counts)} in ${Math.round(performance.now() - startedMs)} ms, ` +
        `${Math.round((user + system) / 1000)} ms of this process's processor time\n`,
    )
    expect(counts.payments).toBe(RUNS)
    expect(counts.operations).toBeGreaterThan(2 * RUNS)
  },
  60_000 + RUNS * 1_000,
)

/** One payment: created, then operated on at random, some of it at once. Answers how many operations. */
async function playPayment(till: ChaosTill, random: Random): Promise<number> {
  till.meet(({ kind }) =>
    random.integer(kind === 'ask' ? 8 : 3) === 0 ? random.pick(FAULTS) : null,
  )
  const made = await till.post<{ id: string }>('/v2/payments/intents', {
    amount: AMOUNT,
    currency: 'usd',
    ...(random.integer(3) === 0
      ? { payment_method: 'pm_card_visa', capture_method: 'manual' }
      : { payment_method: random.pick(TOKENS) }),
  })
  expect(made.status).toBe(201)
  const { id } = made.body
  const steps = 2 + random.integer(STEPS_MAX)
  let operations = 1
  let seen = startingPoint()
  for (let step = 0; step < steps; step++) {
    const atOnce = 1 + random.integer(2)
    operations += atOnce
    await Promise.all(Array.from({ length: atOnce }, () => operate(till, id, random)))
    seen = await expectInstant(chaos.database, id, seen)
  }
  return operations
}

const OPERATIONS = [
  'work',
  'work',
  'work',
  'tell',
  'tell',
  'capture',
  'cancel',
  'refund',
  'refund',
  'confirm',
  'payer disputes',
  'dispute',
  'wait',
] as const

async function operate(till: ChaosTill, id: string, random: Random): Promise<void> {
  const amount = 1 + random.integer(AMOUNT)
  const post = async (path: string, body?: unknown) => {
    const { status } = await till.post(`/v2/payments/${path}`, body)
    expect([201, 409, 422]).toContain(status)
  }
  switch (random.pick(OPERATIONS)) {
    case 'work':
      // Two at once, as when a worker is thought dead and is not.
      return till.work(id, 1 + Number(random.integer(4) === 0))
    case 'tell': {
      // Any of what was told so far: an old one, one of another payment, the same one again.
      if (till.heard.length === 0) return
      const event = random.pick(till.heard)
      await Promise.all([till.deliver(event), till.deliver(random.pick([event, ...till.heard]))])
      return
    }
    case 'capture':
      return post(`${id}/capture`, random.integer(2) === 0 ? {} : { amount })
    case 'cancel':
      return post(`${id}/cancel`)
    case 'refund':
      return post(`${id}/refund`, random.integer(3) === 0 ? {} : { amount })
    case 'confirm':
      return post(`intents/${id}/confirm`, { payment_method: 'pm_card_visa' })
    case 'payer disputes':
      return till.dispute(id, amount)
    case 'dispute':
      return answerDispute(till, id, random)
    case 'wait':
      return till.advance(random.pick([10, 60, 600, 3_600]))
  }
}

/** Answers a dispute that we know of, in one of the ways in which it may end. */
async function answerDispute(till: ChaosTill, id: string, random: Random): Promise<void> {
  const { data } = await till.get<{ data: { id: string }[] }>(
    `/v2/payments/disputes?payment_id=${id}`,
  )
  const [dispute] = data
  if (dispute === undefined) return
  const text = random.pick(['winning_evidence', 'losing_evidence', 'We sent it.', null])
  const path = `/v2/payments/disputes/${dispute.id}`
  const { status } =
    text === null
      ? await till.post(`${path}/accept`)
      : await till.post(`${path}/respond`, { evidence: { transaction_details: text } })
  expect([201, 409]).toContain(status)
}
