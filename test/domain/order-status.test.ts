import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CODE_LIST_STATUS_TABLE,
  codeState,
  deriveStatus,
  FULFILLMENT_STATUS_TABLE,
  ORDER_STATUS_TABLE,
  PAYMENT_STATUS_TABLE,
  readSigns,
  SIGNS,
  tallyUnits,
  TRANSACTION_STATUS_TABLE,
  UNIT_STATES,
} from '../../domain/order-status.ts'
import type {
  OrderMoney,
  OrderProgress,
  StatusTable,
  UnitCounts,
} from '../../domain/order-status.ts'
import { UNIT_MOVES } from '../../domain/unit.ts'

const TABLES: [string, StatusTable<string>][] = [
  ['transaction', TRANSACTION_STATUS_TABLE],
  ['code list', CODE_LIST_STATUS_TABLE],
  ['order', ORDER_STATUS_TABLE],
  ['payment', PAYMENT_STATUS_TABLE],
  ['fulfillment', FULFILLMENT_STATUS_TABLE],
]

/** What is paid of an order; null on credit. */
const anyMoney: fc.Arbitrary<OrderMoney | null> = fc
  .option(
    fc.record({
      due: fc.constantFrom(null, 0, 10),
      paid: fc.boolean(),
      captured: fc.constantFrom(0, 4, 10),
      refunded: fc.constantFrom(0, 4, 10),
      declined: fc.boolean(),
      payments: fc.constant<string[]>([]),
    }),
  )
  .filter((money) => money === null || !(money.paid && money.declined))

/** Any order that can be: one unit or more, and at most the delivered ones are paid. */
const anyProgress: fc.Arbitrary<OrderProgress> = fc
  .record(Object.fromEntries(UNIT_STATES.map((state) => [state, fc.constantFrom(0, 0, 1, 2, 7)])))
  .filter((units) => tallyUnits(units).requested > 0)
  .chain((units) =>
    fc
      .tuple(fc.constantFrom(0, 1, tallyUnits(units).delivered), anyMoney)
      // Nothing is delivered before the money is there.
      .filter(([, money]) => money === null || money.paid || tallyUnits(units).delivered === 0)
      .map(([paid, money]) => {
        return { units, paidUnits: Math.min(paid, tallyUnits(units).delivered), money }
      }),
  )

describe('every order has exactly one', () => {
  test.for(TABLES)('%s status', ([, table]) => {
    fc.assert(
      fc.property(anyProgress, (progress) => {
        const signs = readSigns(progress)
        const fitting = table.filter(({ when }) =>
          SIGNS.every((sign) => when[sign] === undefined || when[sign] === signs[sign]),
        )
        expect(fitting).toHaveLength(1)
      }),
      { numRuns: 2_000 },
    )
  })
})

test('the counts of a tally add up to what was requested', () => {
  fc.assert(
    fc.property(anyProgress, ({ units }) => {
      const tally = tallyUnits(units)
      const sum = UNIT_STATES.reduce((total, state) => total + (units[state] ?? 0), 0)
      expect(tally.requested).toBe(sum)
      expect(tally.delivered + tally.remaining + tally.failed + tally.cancelled).toBe(sum)
    }),
  )
})

/** design.md section 6 as rows: transaction, code list, order, fulfillment. */
const WORDS: [UnitCounts, string, string, string, string][] = [
  [{ queued: 3 }, 'processing', 'processing', 'pending', 'unfulfilled'],
  [{ sourcing: 3 }, 'processing', 'processing', 'processing', 'unfulfilled'],
  [{ queued: 2, backordered: 1 }, 'processing', 'processing', 'processing', 'unfulfilled'],
  [{ unknown: 1, failed: 1 }, 'processing', 'processing', 'processing', 'unfulfilled'],
  [{ queued: 1, allocated: 2 }, 'partial', 'partial', 'processing', 'partial'],
  [{ queued: 1, reversed: 2 }, 'partial', 'partial', 'processing', 'partial'],
  [{ allocated: 3 }, 'complete', 'complete', 'delivered', 'fulfilled'],
  [{ allocated: 2, reversed: 1 }, 'complete', 'complete', 'delivered', 'fulfilled'],
  [{ allocated: 2, cancelled: 1 }, 'complete', 'complete', 'delivered', 'fulfilled'],
  [{ allocated: 2, failed: 1 }, 'partially_failed', 'partial', 'delivered', 'fulfilled'],
  [{ failed: 3 }, 'failed', 'failed', 'cancelled', 'unfulfilled'],
  [{ failed: 1, cancelled: 2 }, 'failed', 'failed', 'cancelled', 'unfulfilled'],
  [{ cancelled: 3 }, 'cancelled', 'failed', 'cancelled', 'unfulfilled'],
]

test.for(WORDS)('%j is called %s, %s, %s, %s', ([units, transaction, codes, order, goods]) => {
  const progress = { units, paidUnits: 0 }
  expect([
    deriveStatus(TRANSACTION_STATUS_TABLE, progress),
    deriveStatus(CODE_LIST_STATUS_TABLE, progress),
    deriveStatus(ORDER_STATUS_TABLE, progress),
    deriveStatus(FULFILLMENT_STATUS_TABLE, progress),
  ]).toEqual([transaction, codes, order, goods])
})

test.for<[UnitCounts, number, string]>([
  [{ allocated: 2 }, 0, 'pending'],
  [{ allocated: 2 }, 1, 'pending'],
  [{ allocated: 2 }, 2, 'paid'],
  [{ allocated: 2, failed: 1 }, 2, 'paid'],
  [{ allocated: 2, queued: 1 }, 2, 'pending'],
  [{ cancelled: 2 }, 0, 'pending'],
])('%j with %i paid units is %s', ([units, paidUnits, word]) => {
  expect(deriveStatus(PAYMENT_STATUS_TABLE, { units, paidUnits })).toBe(word)
})

test.for<[string, Partial<OrderMoney>, UnitCounts, string, string]>([
  ['waits', {}, { queued: 2 }, 'awaiting_payment', 'pending'],
  ['is paid in part', { captured: 4 }, { queued: 2 }, 'awaiting_payment', 'pending'],
  ['is declined', { declined: true }, { queued: 2 }, 'awaiting_payment', 'failed'],
  ['is paid', { paid: true, captured: 10 }, { queued: 2 }, 'processing', 'paid'],
  [
    'was refunded in part',
    { paid: true, captured: 10, refunded: 4 },
    { allocated: 2 },
    'complete',
    'paid',
  ],
  ['was refunded', { paid: true, captured: 10, refunded: 10 }, { failed: 2 }, 'failed', 'refunded'],
  ['was never paid', {}, { cancelled: 2 }, 'cancelled', 'pending'],
])('an order that %s', ([, change, units, transaction, payment]) => {
  const nothing = { due: 10, paid: false, captured: 0, refunded: 0, declined: false, payments: [] }
  const progress = { units, paidUnits: 0, money: { ...nothing, ...change } }
  expect(deriveStatus(TRANSACTION_STATUS_TABLE, progress)).toBe(transaction)
  expect(deriveStatus(PAYMENT_STATUS_TABLE, progress)).toBe(payment)
})

test('a unit is processing as long as a code may still come', () => {
  expect(UNIT_STATES.map((state) => [state, codeState(state)])).toEqual([
    ['queued', 'processing'],
    ['sourcing', 'processing'],
    ['allocated', 'available'],
    ['backordered', 'processing'],
    ['unknown', 'processing'],
    ['failed', 'failed'],
    ['cancelled', 'cancelled'],
    ['reversed', 'reversed'],
  ])
})

test('a table with a hole is not answered with a guess', () => {
  const holed: StatusTable<string> = [{ is: 'open', when: { open: true } }]
  expect(() => deriveStatus(holed, { units: { allocated: 1 }, paidUnits: 0 })).toThrow(RangeError)
})

test('no state of a unit is forgotten', () => {
  expect([...UNIT_STATES].sort()).toEqual(Object.keys(UNIT_MOVES).sort())
})
