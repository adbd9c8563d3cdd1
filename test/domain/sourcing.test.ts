import fc from 'fast-check'
import { expect, test } from 'vitest'
import { describeSourcing } from '../../domain/sourcing-report.ts'
import {
  ATTEMPT_STATES,
  isOpenAttempt,
  nextAskSeconds,
  OPEN_ATTEMPT_STATES,
  REJECTED,
  SOURCING_OUTCOMES,
  supplierReference,
  UNIT_REASONS,
  type AttemptState,
  type SourcingAnswer,
  type SourcingOutcome,
} from '../../domain/sourcing.ts'
import { canUnitMove, type UnitState } from '../../domain/unit.ts'

const ANSWERS = ['delivered', 'processing', 'none', 'not_placed', 'unknown'] as const
/** The state of a unit whose attempt is open. */
const UNIT_OF: Record<(typeof OPEN_ATTEMPT_STATES)[number], UnitState> = {
  placing: 'sourcing',
  processing: 'sourcing',
  unknown: 'unknown',
}

test('every outcome is a legal move of the unit', () => {
  const illegal = OPEN_ATTEMPT_STATES.flatMap((state) =>
    [...ANSWERS.map((answer) => SOURCING_OUTCOMES[state][answer]), REJECTED]
      .filter(({ unit }) => unit !== UNIT_OF[state] && !canUnitMove(UNIT_OF[state], unit))
      .map(({ unit }) => `${state}: ${UNIT_OF[state]} to ${unit}`),
  )
  expect(illegal).toEqual([])
})

test('a unit can be bought elsewhere only when the attempt is closed', () => {
  const all = OPEN_ATTEMPT_STATES.flatMap((state) =>
    ANSWERS.map((answer) => SOURCING_OUTCOMES[state][answer]),
  )
  for (const { attempt, unit } of [...all, REJECTED]) {
    expect(isOpenAttempt(attempt)).toBe(unit === 'sourcing' || unit === 'unknown')
  }
})

test('silence never closes an attempt', () => {
  const closed = OPEN_ATTEMPT_STATES.filter(
    (state) => !isOpenAttempt(SOURCING_OUTCOMES[state].unknown.attempt),
  )
  expect(closed).toEqual([])
})

const ask = (state: AttemptState, of: Partial<Parameters<typeof nextAskSeconds>[0]> = {}) =>
  nextAskSeconds({
    state,
    tries: 1,
    refusals: 0,
    retryAfterSeconds: null,
    unknownForSeconds: 0,
    ...of,
  })

test('out of stock is asked again soon, then three times an hour apart, then every two hours', () => {
  const delays = Array.from({ length: 10 }, (_, index) => ask('none', { refusals: index + 1 }))
  expect(delays).toEqual([10, 60, 300, 900, 1800, 3600, 3600, 3600, 7200, 7200])
})

test('an unknown outcome is asked about after 5 s, 30 s, 5 m, 30 m, 2 h, then hourly', () => {
  const delays = Array.from({ length: 8 }, (_, index) => ask('unknown', { tries: index + 1 }))
  expect(delays).toEqual([5, 30, 300, 1800, 7200, 3600, 3600, 3600])
})

test('an outcome unknown for a day is asked about once more at its end and then never', () => {
  expect(ask('unknown', { tries: 20, unknownForSeconds: 86_399 })).toBe(1)
  expect(ask('unknown', { tries: 20, unknownForSeconds: 86_400 })).toBeNull()
})

test('follows the time that a supplier names, within an hour', () => {
  expect(ask('processing', { retryAfterSeconds: 42 })).toBe(42)
  expect(ask('processing', { retryAfterSeconds: 0 })).toBe(1)
  expect(ask('processing', { retryAfterSeconds: 90_000 })).toBe(3600)
  expect(ask('processing', { tries: 4 })).toBe(60)
})

test('sends an order that never arrived again at once, but not for ever', () => {
  expect(ask('not_placed', { tries: 2, retryAfterSeconds: 0 })).toBe(0)
  expect(ask('not_placed', { tries: 3, retryAfterSeconds: 0 })).toBe(300)
  expect(ask('not_placed', { tries: 1 })).toBe(10)
})

test('sourcing never spins and never falls asleep before its time', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom<SourcingAnswer>(...ANSWERS), { minLength: 1, maxLength: 60 }),
      (answers) => {
        let state: AttemptState = 'placing'
        let atOnce = 0
        let tries = 0
        let refusals = 0
        for (const answer of answers) {
          if (!isOpenAttempt(state)) state = 'placing'
          const outcome: SourcingOutcome = SOURCING_OUTCOMES[state][answer]
          state = outcome.attempt
          if (state === 'delivered') return
          tries += 1
          const seconds = ask(state, {
            tries,
            refusals: state === 'none' ? (refusals += 1) : refusals,
            retryAfterSeconds: answer === 'not_placed' ? 0 : null,
          })
          if (state === 'none') tries = 0
          expect(seconds).not.toBeNull()
          expect(seconds).toBeLessThanOrEqual(7_200)
          atOnce += seconds === 0 ? 1 : 0
        }
        expect(atOnce).toBeLessThanOrEqual(2 * (refusals + 1))
      },
    ),
  )
})

test('a reference is made from the unit and the attempt group', () => {
  expect(supplierReference('unit_x', 3)).toBe('unit_x-3')
})

test('each state that leaves a unit waiting has a word for it', () => {
  const words = ATTEMPT_STATES.map((state) => UNIT_REASONS[state]).filter((word) => word !== null)
  expect(new Set(words).size).toBe(words.length)
  expect(words).toHaveLength(ATTEMPT_STATES.length - 2)
})

test('says in one line what is there and whom the rest waits for', () => {
  const supplier = {
    name: 'Acme',
    asked: 9,
    delivered: 4,
    processing: 2,
    unknown: 3,
    stuck: 1,
    notSold: 3,
    lastAnswer: 'processing, HTTP 200',
    waitingSince: '2026-11-22T12:00:00.000Z',
    nextAt: '2026-11-22T12:05:00.000Z',
    notAsked: 'no answer in 10 s',
    notBefore: '2026-11-22T12:05:00.000Z',
  }
  const { reason, detail } = describeSourcing({
    units: { allocated: 5, sourcing: 2, unknown: 3, queued: 1, backordered: 3, failed: 1 },
    suppliers: [supplier],
    sellable: 3,
    deadlineAt: '2026-11-23T12:00:00.000Z',
  })
  expect(reason).toBe(
    '5 of 15 codes: 2 processing at Acme, 2 in doubt at Acme, 1 in doubt at Acme for a day, ' +
      'a person must find out, 3 asked for again later, 1 sold by no supplier, waiting for an import',
  )
  expect(detail).toEqual([
    'Acme: asked for 9, delivered 4, processing 2, in doubt 3, not sold 3; ' +
      'waiting since 2026-11-22T12:00:00.000Z; asked next at 2026-11-22T12:05:00.000Z; ' +
      'does not answer (no answer in 10 s) and is left alone until 2026-11-22T12:05:00.000Z; ' +
      'last answer: processing, HTTP 200',
    'Own pool: 1 wait for an import, no active supplier sells them',
    'Units without a code at 2026-11-23T12:00:00.000Z end as failed',
  ])
})
