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
import type { OrderProgress, StatusTable, UnitCounts } from '../../domain/order-status.ts'
import { UNIT_MOVES } from '../../domain/unit.ts'

const TABLES: [string, StatusTable<string>][] = [
  ['transaction', TRANSACTION_STATUS_TABLE],
  ['code list', CODE_LIST_STATUS_TABLE],
  ['order', ORDER_STATUS_TABLE],
  ['payment', PAYMENT_STATUS_TABLE],
  ['fulfillment', FULFILLMENT_STATUS_TABLE],
]

/** Any order that can be: one unit or more, and at most the delivered ones are paid. */
const anyProgress: fc.Arbitrary<OrderProgress> = fc
  .record(Object.fromEntries(UNIT_STATES.map((state) => [state, fc.constantFrom(0, 0, 1, 2, 7)])))
  .filter((units) => tallyUnits(units).requested > 0)
  .chain((units) =>
    fc
      .constantFrom(0, 1, tallyUnits(units).delivered)
      .map((paid) => ({ units, paidUnits: Math.min(paid, tallyUnits(units).delivered) })),
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
