import { sql } from 'kysely'
import {
  isOpenAttempt,
  nextAskSeconds,
  REJECTED,
  SOURCING_OUTCOMES,
  UNIT_REASONS,
  type AttemptState,
  type SourcingAnswer,
  type SourcingOutcome,
} from '../domain/sourcing.ts'
import type { Money } from '../domain/money.ts'
import { UNBOUGHT_UNIT_STATES, type UnitState } from '../domain/unit.ts'
import type { Tx } from './client.ts'
import { emitCodesAvailable, lockForEvent } from './codes-available.ts'
import { getCodeOutlive, insertNewCodes, type NewCode, type SealedCode } from './new-codes.ts'
import type { TransactionKey } from './sourcing.ts'
import { endSupplierCall } from './supplier-calls.ts'

export type AttemptAnswer = { attemptId: string } & (
  | { answer: 'delivered'; code: SealedCode; cost: Money | null }
  | { answer: Exclude<SourcingAnswer, 'delivered'>; retryAfterSeconds: number | null }
)

export type SupplierAnswers = {
  supplierId: string
  /** The leave under which the supplier was called. */
  callId: string
  /** The last answer in a few words, for the operator. */
  said: string
  /** The supplier answered at all; its circuit breaker counts when it did not. */
  reached: boolean
  answers: AttemptAnswer[]
  /** Codes that nobody asked for. */
  surplus: { reference: string; code: SealedCode; cost: Money | null }[]
}

/** What a recording did, in units; `quarantined` counts codes. */
export type SourcingTally = Record<AttemptState | 'quarantined', number>

/** `breaker`: what the call did to the supplier's circuit breaker. */
export type SourcingRecord = { tally: SourcingTally; breaker: 'opened' | 'closed' | null }

type AttemptRow = {
  id: string
  state: AttemptState
  tries: number
  unknown_at: Date | null
  reference: string
  unit_id: string
  product_id: string
  variant_id: string
  unit_state: UnitState
  /** The unit has another attempt that is open. */
  elsewhere: boolean
  /** Attempts of this unit at this supplier that ended without a code. */
  refusals: number
  /** What the supplier's list says that one code costs. */
  cost_minor: bigint | null
  cost_currency: string | null
}

type Settled = { answer: AttemptAnswer; row: AttemptRow; outcome: SourcingOutcome | null }

/**
 * Records what a supplier said of a batch: codes, attempts and units in one transaction. Safe to
 * repeat and in any order with other answers: only attempts that are open change, and a code that
 * comes when its unit needs none any more is kept in quarantine, so nothing that was paid for is
 * lost. A code that is stored already is never issued again, and one that expires too soon never.
 */
export async function recordSupplierAnswers(
  tx: Tx,
  key: TransactionKey,
  { supplierId, callId, said, reached, answers, surplus }: SupplierAnswers,
): Promise<SourcingRecord> {
  const { now, customerId, sequence } = await lockForEvent(tx, key)
  const rows = await listAttempts(
    tx,
    key,
    answers.map((answer) => answer.attemptId),
  )
  const outlive = await getCodeOutlive(tx, key.accountId, now)
  const expiresTooSoon = ({ expiresAt }: SealedCode) => expiresAt !== null && expiresAt <= outlive
  const settled = answers.map((answer): Settled => {
    const row = rows.get(answer.attemptId)
    if (row === undefined) throw new Error(`No attempt ${answer.attemptId} in ${key.transactionId}`)
    const outcome = outcomeOf(row, answer.answer)
    const useless = outcome !== null && answer.answer === 'delivered' && expiresTooSoon(answer.code)
    return { answer, row, outcome: useless ? REJECTED : outcome }
  })

  const arrived = [
    ...settled.flatMap((one) => arrivalOf(one, supplierId)),
    ...surplus.flatMap((one) =>
      surplusOf(
        one,
        supplierId,
        settled.map(({ row }) => row),
      ),
    ),
  ]
  const stored = await insertNewCodes(tx, key.accountId, arrived, now)

  const changes = settled.flatMap(({ answer, row, outcome }) => {
    if (outcome === null) return []
    const clash = answer.answer === 'delivered' && !stored.has(answer.code.id)
    return [changeOf(row, clash ? REJECTED : outcome, answer, now)]
  })
  await updateAttempts(tx, key, changes, { said, reached })
  await updateUnits(tx, key, changes, now)

  const tally = sumTallies([])
  for (const { outcome } of changes) tally[outcome.attempt] += 1
  tally.quarantined = arrived.filter(
    ({ place, code }) => place !== 'pool' && 'quarantine' in place && stored.has(code.id),
  ).length
  if (tally.delivered > 0) await emitCodesAvailable(tx, key, { now, customerId, sequence })
  // Last, because it locks the supplier's row.
  const call = { id: callId, reached, said }
  const breaker = await endSupplierCall(tx, { accountId: key.accountId, supplierId }, call)
  return { tally, breaker }
}

/** A code that was sold for an attempt: for its unit, or kept when the unit needs none any more. */
function arrivalOf({ answer, row, outcome }: Settled, supplierId: string): NewCode[] {
  if (answer.answer !== 'delivered') return []
  return [
    {
      code: answer.code,
      productId: row.product_id,
      variantId: row.variant_id,
      supply: { supplierId, reference: row.reference, cost: answer.cost ?? costOf(row) },
      place: placeOf(row, outcome),
    },
  ]
}

function placeOf(row: AttemptRow, outcome: SourcingOutcome | null): NewCode['place'] {
  if (outcome === null) return { quarantine: 'late' }
  return outcome === REJECTED ? { quarantine: 'expires_too_soon' } : { unitId: row.unit_id }
}

/** A code that nobody asked for is kept for the talk with the supplier, and never issued. */
function surplusOf(
  { reference, code, cost }: SupplierAnswers['surplus'][number],
  supplierId: string,
  rows: AttemptRow[],
): NewCode[] {
  const own = rows.find((row) => row.reference === reference)
  const row = own ?? rows[0]
  if (row === undefined) return []
  return [
    {
      code,
      productId: row.product_id,
      variantId: row.variant_id,
      supply: { supplierId, reference, cost: cost ?? costOf(row) },
      place: { quarantine: own === undefined ? 'foreign' : 'surplus' },
    },
  ]
}

/** What the supplier's list said when the unit was ordered. */
function costOf({ cost_minor: minor, cost_currency: currency }: AttemptRow): Money | null {
  return minor === null || currency === null ? null : { minor, currency }
}

/** Null: the attempt is closed, or its unit got what it needs elsewhere; nothing changes. */
function outcomeOf(row: AttemptRow, answer: SourcingAnswer): SourcingOutcome | null {
  if (isOpenAttempt(row.state)) return SOURCING_OUTCOMES[row.state][answer]
  // Believed lost on the way, and it did arrive: welcome while nobody else has been asked.
  const unbought: readonly UnitState[] = UNBOUGHT_UNIT_STATES
  const arrived = answer === 'delivered' || answer === 'processing'
  const wanted = unbought.includes(row.unit_state) && !row.elsewhere
  return row.state === 'not_placed' && arrived && wanted ? SOURCING_OUTCOMES.placing[answer] : null
}

type Change = {
  row: AttemptRow
  outcome: SourcingOutcome
  askAt: Date | null
  unknownAt: Date | null
}

function changeOf(
  row: AttemptRow,
  outcome: SourcingOutcome,
  answer: AttemptAnswer,
  now: Date,
): Change {
  const unknownAt = outcome.attempt === 'unknown' ? (row.unknown_at ?? now) : null
  const seconds = nextAskSeconds({
    state: outcome.attempt,
    tries: row.tries + 1,
    refusals: row.refusals + (outcome.attempt === 'none' || outcome.attempt === 'rejected' ? 1 : 0),
    retryAfterSeconds: answer.answer === 'delivered' ? null : answer.retryAfterSeconds,
    unknownForSeconds: unknownAt === null ? 0 : (now.getTime() - unknownAt.getTime()) / 1000,
  })
  const askAt = seconds === null ? null : new Date(now.getTime() + seconds * 1000)
  return { row, outcome, askAt, unknownAt }
}

async function listAttempts(
  tx: Tx,
  { accountId, transactionId }: TransactionKey,
  ids: string[],
): Promise<Map<string, AttemptRow>> {
  const { rows } = await sql<AttemptRow>`
    select a.id, a.state, a.tries, a.unknown_at, a.reference, a.unit_id, u.product_id,
      u.variant_id, u.state as unit_state, a.cost_minor, a.cost_currency,
      exists (select 1 from sourcing_attempts o where o.unit_id = a.unit_id and o.id <> a.id
        and o.state in ('placing', 'processing', 'unknown')) as elsewhere,
      (select count(*) from sourcing_attempts o where o.unit_id = a.unit_id and o.id <> a.id
        and o.supplier_id = a.supplier_id and o.state in ('none', 'rejected'))::integer as refusals
    from sourcing_attempts a join units u on u.account_id = a.account_id and u.id = a.unit_id
    where a.account_id = ${accountId} and a.transaction_id = ${transactionId}
      and a.id = any(${ids})`.execute(tx)
  return new Map(rows.map((row) => [row.id, row]))
}

async function updateAttempts(
  tx: Tx,
  { accountId }: TransactionKey,
  changes: Change[],
  { said, reached }: { said: string; reached: boolean },
): Promise<void> {
  await sql`
    update sourcing_attempts a
    set state = n.state, tries = a.tries + 1, ask_at = n.ask_at, unknown_at = n.unknown_at,
      last_answer = n.state || ', ' || ${said}::text, leased_until = null,
      cancel_requested_at = case when ${reached} then null else a.cancel_requested_at end,
      updated_at = clock_timestamp()
    from unnest(${changes.map((change) => change.row.id)}::text[],
      ${changes.map((change) => change.outcome.attempt)}::text[],
      ${changes.map((change) => change.askAt)}::timestamptz[],
      ${changes.map((change) => change.unknownAt)}::timestamptz[]) as n (id, state, ask_at, unknown_at)
    where a.account_id = ${accountId} and a.id = n.id`.execute(tx)
}

async function updateUnits(
  tx: Tx,
  { accountId }: TransactionKey,
  changes: Change[],
  now: Date,
): Promise<void> {
  await sql`
    update units u
    set state = n.state, reason = n.reason,
      allocated_at = case when n.state = 'allocated' then ${now}::timestamptz end
    from unnest(${changes.map((change) => change.row.unit_id)}::text[],
      ${changes.map((change) => change.outcome.unit)}::text[],
      ${changes.map((change) => UNIT_REASONS[change.outcome.attempt])}::text[]) as n (id, state, reason)
    where u.account_id = ${accountId} and u.id = n.id`.execute(tx)
}

/** Adds recordings up; of none at all it is zero of each. */
export function sumTallies(tallies: SourcingTally[]): SourcingTally {
  const sum = (word: keyof SourcingTally) =>
    tallies.reduce((total, tally) => total + tally[word], 0)
  return {
    placing: sum('placing'),
    processing: sum('processing'),
    unknown: sum('unknown'),
    delivered: sum('delivered'),
    none: sum('none'),
    not_placed: sum('not_placed'),
    rejected: sum('rejected'),
    quarantined: sum('quarantined'),
  }
}
