import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { reconcileWithin } from '../../db/reconciliation.ts'
import { inTransaction } from '../../db/client.ts'
import { canPaymentMove, type PaymentState } from '../../domain/payment.ts'
import { seededRandom, type Random } from '../faults/random.ts'
import { startChaos, type CallFault, type Chaos, type ChaosTill } from './chaos.ts'

/**
 * Random operations on payments, with concurrency, lost replies, deaths of whoever makes a call, and
 * events of the provider in any order. BARK_PROVE_PAYMENTS says how many payments (10,000 is the proof),
 * BARK_PROVE_SEED with which chance; the seed is printed.
 */
const RUNS = Number(process.env['BARK_PROVE_PAYMENTS'] ?? 40)
const SEED = Number(process.env['BARK_PROVE_SEED'] ?? Date.now() % 1_000_000)
const PER_ACCOUNT = 20
const AT_ONCE = 4 // as many as the connections that look at the rows
const STEPS_MAX = 10
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
  'pm_card_visa',
  'pm_card_visa_chargeDeclined',
  'pm_card_authenticationRequired',
  'pm_card_pendingRefund',
  'pm_card_refundFail',
  'pm_card_sandbox_captureFails',
  'pm_us_bank_account',
]

test(`${RUNS} payments keep every promise about money (seed ${SEED})`, async () => {
  const random = seededRandom(SEED)
  let operations = 0
  for (let done = 0; done < RUNS; done += PER_ACCOUNT) {
    const till = await chaos.open()
    const lanes = Array.from({ length: AT_ONCE }, () => seededRandom(random.integer(2 ** 31)))
    const counts = await Promise.all(
      lanes.map(async (lane, index) => {
        let count = 0
        for (let n = index; n < Math.min(PER_ACCOUNT, RUNS - done); n += AT_ONCE) {
          count += await playPayment(till, lane)
        }
        return count
      }),
    )
    operations += counts.reduce((left, right) => left + right, 0)
    chaos.fate = () => null
    await settle(till, random)
    await expectAgreement(till)
  }
  expect(operations).toBeGreaterThan(RUNS)
}, 540_000)

/** One payment: created, then operated on at random, some of it at once. Answers how many operations. */
async function playPayment(till: ChaosTill, random: Random): Promise<number> {
  chaos.fate = ({ kind }) =>
    kind !== 'ask' && random.integer(3) === 0 ? random.pick(FAULTS) : null
  const { id } = await create(till, {
    amount: AMOUNT,
    currency: 'usd',
    payment_method: random.pick(TOKENS),
    capture_method: 'automatic',
    ...(random.integer(2) === 0
      ? { payment_method: 'pm_card_visa', capture_method: 'manual' }
      : {}),
  })
  const steps = 2 + random.integer(STEPS_MAX)
  let state = await readState(id)
  for (let step = 0; step < steps; step++) {
    await Promise.all(
      Array.from({ length: 1 + random.integer(2) }, () => operate(till, id, random)),
    )
    state = await expectInstant(id, state)
  }
  return steps
}

/** Again while nobody has time. */
async function create(till: ChaosTill, body: unknown): Promise<{ id: string }> {
  const made = await till.client.post<{ id: string }>('/v2/payments/intents', body)
  if (made.status === 503) return create(till, body)
  expect(made.status).toBe(201)
  return made.body
}

const OPERATIONS = [
  'work',
  'work',
  'work',
  'capture',
  'cancel',
  'refund',
  'refund',
  'confirm',
  'tell',
  'wait',
]

async function operate(till: ChaosTill, id: string, random: Random): Promise<void> {
  const amount = 1 + random.integer(AMOUNT)
  const post = async (path: string, body: unknown) => {
    const { status } = await till.client.post(`/v2/payments/${path}`, body)
    expect([201, 409, 422, 503]).toContain(status)
  }
  switch (random.pick(OPERATIONS)) {
    case 'capture':
      return post(`${id}/capture`, random.integer(2) === 0 ? {} : { amount })
    case 'cancel':
      return post(`${id}/cancel`, undefined)
    case 'refund':
      return post(`${id}/refund`, random.integer(3) === 0 ? {} : { amount })
    case 'confirm':
      return post(`intents/${id}/confirm`, { payment_method: 'pm_card_visa' })
    case 'tell':
      // Twice, or one that was told before.
      await till.tell(id, random.integer(2) === 0 ? `evt_${id}` : undefined)
      return
    case 'wait':
      return till.advance(random.pick([10, 60, 600, 3_600]))
    default:
      return till.work(id, random)
  }
}

async function readState(id: string): Promise<PaymentState> {
  const { state } = await chaos.api.database.db
    .selectFrom('payment_intents')
    .select('state')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return state
}

/** What holds at every instant: the order of the amounts, and moves along the table only. */
async function expectInstant(id: string, before: PaymentState): Promise<PaymentState> {
  const row = await chaos.api.database.db
    .selectFrom('payment_intents')
    .select(['state', 'amount_minor', 'authorized_minor', 'captured_minor', 'refunded_minor'])
    .select(['refund_held_minor'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  expect(row.refunded_minor + row.refund_held_minor <= row.captured_minor).toBe(true)
  expect(row.captured_minor <= row.authorized_minor).toBe(true)
  expect(row.authorized_minor <= row.amount_minor).toBe(true)
  expect(row.state === before || isReachable(before, row.state)).toBe(true)
  return row.state
}

/** Over any number of legal moves: what happened in between was not looked at. */
function isReachable(from: PaymentState, to: PaymentState): boolean {
  const seen = new Set<PaymentState>([from])
  const states: PaymentState[] = [
    'requires_payment_method',
    'requires_action',
    'processing',
    'requires_capture',
    'succeeded',
    'cancelled',
    'failed',
  ]
  for (const at of seen) {
    for (const next of states) if (canPaymentMove(at, next)) seen.add(next)
  }
  return seen.has(to)
}

const ROUNDS_MAX = 40

/** Nobody loses a reply any more: everything comes to its end, days later. */
async function settle(till: ChaosTill, random: Random): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const { rows } = await sql<{ id: string }>`select p.id from payment_intents p
      where p.account_id = ${till.account.accountId} and (p.ended_at is null
        or exists (select 1 from refunds r where r.payment_id = p.id and r.ended_at is null))
    `.execute(chaos.api.database.db)
    if (rows.length === 0) return
    for (const { id } of rows) await till.work(id, random)
    await till.advance(round < 4 ? 600 : 86_400)
  }
  throw new Error(`${till.account.accountId} has open stories after ${ROUNDS_MAX} rounds`)
}

/** Both ledgers agree to the cent, payment by payment, and so do ours. */
async function expectAgreement(till: ChaosTill): Promise<void> {
  const { rows } = await sql<{ provider_id: string; captured: number; refunded: number }>`
    select provider_id, captured_minor::integer as captured, refunded_minor::integer as refunded
    from payment_intents where account_id = ${till.account.accountId} and captured_minor > 0
    order by provider_id`.execute(chaos.api.database.db)
  const theirs = new Map<string, { captured: number; refunded: number }>()
  const movements = await till.movements()
  for (const { kind, paymentProviderId, amountMinor } of movements) {
    const sums = theirs.get(paymentProviderId) ?? { captured: 0, refunded: 0 }
    if (kind === 'capture') sums.captured += Number(amountMinor)
    else sums.refunded -= Number(amountMinor)
    expect(sums.refunded).toBeLessThanOrEqual(sums.captured)
    theirs.set(paymentProviderId, sums)
  }
  expect(
    [...theirs].map(([provider_id, sums]) => ({ provider_id, ...sums })).toSorted(byProviderId),
  ).toEqual(rows.toSorted(byProviderId))
  const identities = await inTransaction(chaos.api.database.db, (tx) =>
    reconcileWithin(tx, till.account.accountId),
  )
  expect(identities.filter(({ differences }) => differences.length > 0)).toEqual([])
  const clearing = await sql<{ minor: bigint }>`
    select coalesce(sum(e.amount_minor), 0)::bigint as minor from entries e
    join ledger_accounts a on a.id = e.ledger_account_id
    where a.account_id = ${till.account.accountId} and a.kind = 'psp_clearing'`.execute(
    chaos.api.database.db,
  )
  const net = movements.reduce((sum, each) => sum + each.amountMinor - each.feeMinor, 0n)
  expect(clearing.rows[0]?.minor).toBe(net)
}

const byProviderId = (a: { provider_id: string }, b: { provider_id: string }) =>
  a.provider_id < b.provider_id ? -1 : 1
