import { sql } from 'kysely'
import { expect } from 'vitest'
import { inTransaction, type Database } from '../../db/client.ts'
import { reconcileWithin } from '../../db/reconciliation.ts'
import { canPaymentMove, PAYMENT_STATES, type PaymentState } from '../../domain/payment.ts'
import type { Random } from '../faults/random.ts'
import type { ChaosTill } from './chaos.ts'

/** What holds of payments at every instant, and what holds once everything has come to its end. */

export type Instant = { state: PaymentState | null; captured: bigint; refunded: bigint }

export const startingPoint = (): Instant => ({ state: null, captured: 0n, refunded: 0n })

/** The order of the amounts, and moves along the table only. Answers what the next look compares with. */
export async function expectInstant(
  { db }: Database,
  id: string,
  before: Instant,
): Promise<Instant> {
  const row = await db
    .selectFrom('payment_intents')
    .select(['state', 'amount_minor', 'authorized_minor', 'captured_minor', 'refunded_minor'])
    .select(['refund_held_minor'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  expect(row.refunded_minor + row.refund_held_minor <= row.captured_minor).toBe(true)
  expect(row.captured_minor <= row.authorized_minor).toBe(true)
  expect(row.authorized_minor <= row.amount_minor).toBe(true)
  const { state } = before
  expect(state === null || state === row.state || isReachable(state, row.state)).toBe(true)
  // What was captured stays so: one capture, and nothing that takes it back.
  expect(before.captured === 0n || before.captured === row.captured_minor).toBe(true)
  return { state: row.state, captured: row.captured_minor, refunded: row.refunded_minor }
}

/** Over any number of legal moves: what happened in between was not looked at. */
function isReachable(from: PaymentState, to: PaymentState): boolean {
  const seen = new Set<PaymentState>([from])
  for (const at of seen) {
    for (const next of PAYMENT_STATES) if (canPaymentMove(at, next)) seen.add(next)
  }
  return seen.has(to)
}

const HOUR = 3_600
const DAY = 24 * HOUR
/** Long enough together for every page, bank, authorization, refund and dispute to end. */
const PAUSES = [0, HOUR, 25 * HOUR, 6 * DAY, 9 * DAY, 9 * DAY, 9 * DAY, 9 * DAY]

/** Nobody loses a reply any more: what was told arrives, and everything comes to its end. */
export async function settle(
  { db }: Database,
  till: ChaosTill,
  random: Pick<Random, 'shuffle'>,
): Promise<void> {
  let delivered = 0
  for (const pause of PAUSES) {
    await till.advance(pause)
    const news = random.shuffle(till.heard.slice(delivered))
    delivered = till.heard.length
    for (const event of news) await till.deliver(event)
    const open = await listOpen(db, till.accountId)
    if (open.length === 0 && pause > 9 * DAY - 1) return
    await Promise.all(open.map((id) => till.work(id)))
  }
  expect(await listOpen(db, till.accountId), 'stories that never end').toEqual([])
}

async function listOpen(db: Database['db'], accountId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select p.id from payment_intents p
    where p.account_id = ${accountId} and (p.ended_at is null
      or exists (select 1 from refunds r where r.payment_id = p.id and r.ended_at is null)
      or exists (select 1 from disputes d where d.payment_id = p.id and d.ended_at is null))
  `.execute(db)
  return rows.map(({ id }) => id)
}

type Sums = { captured: bigint; refunded: bigint; disputed: bigint }

/** Both ledgers agree to the cent, payment by payment, and so do ours among themselves. */
export async function expectAgreement({ db }: Database, till: ChaosTill): Promise<void> {
  const { rows } = await sql<Sums & { provider_id: string }>`
    select provider_id, captured_minor as captured, refunded_minor as refunded,
      disputed_minor as disputed
    from payment_intents where account_id = ${till.accountId} and captured_minor > 0`.execute(db)
  const theirs = new Map<string, Sums>()
  const movements = await till.movements()
  for (const { kind, paymentProviderId, amountMinor } of movements) {
    const sums = theirs.get(paymentProviderId) ?? { captured: 0n, refunded: 0n, disputed: 0n }
    if (kind === 'capture') sums.captured += amountMinor
    else if (kind === 'dispute' || kind === 'dispute_won') sums.disputed -= amountMinor
    else sums.refunded -= amountMinor
    expect(sums.refunded + sums.disputed <= sums.captured).toBe(true)
    theirs.set(paymentProviderId, sums)
  }
  const print = ([id, { captured, refunded, disputed }]: [string, Sums]) =>
    `${id}: ${captured} captured, ${refunded} refunded, ${disputed} disputed`
  expect([...theirs].map(print).toSorted()).toEqual(
    rows.map((row) => print([row.provider_id, row])).toSorted(),
  )
  const identities = await inTransaction(db, (tx) => reconcileWithin(tx, till.accountId))
  expect(identities.filter(({ differences }) => differences.length > 0)).toEqual([])
  const clearing = await sql<{ minor: bigint }>`
    select coalesce(sum(e.amount_minor), 0)::bigint as minor from entries e
    join ledger_accounts a on a.id = e.ledger_account_id
    where a.account_id = ${till.accountId} and a.kind = 'psp_clearing'`.execute(db)
  const net = movements.reduce((sum, each) => sum + each.amountMinor - each.feeMinor, 0n)
  expect(clearing.rows[0]?.minor).toBe(net)
}
