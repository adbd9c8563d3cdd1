import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { taxOf } from '../../domain/invoice-lines.ts'
import { shareGross, shareRefund } from '../../domain/order-due.ts'

const anyUnit = fc.record({
  priceMinor: fc.bigInt({ min: 0n, max: 100_000n }),
  category: fc.constantFrom('S', 'Z', 'O'),
  rateBp: fc.constantFrom(0, 700, 810, 1900, 2550),
})
const sum = (amounts: bigint[]) => amounts.reduce((left, right) => left + right, 0n)

describe('what the units of an order cost with tax', () => {
  test('adds up to what an invoice over all of them says, to the cent', () => {
    fc.assert(
      fc.property(fc.array(anyUnit, { minLength: 1, maxLength: 60 }), (units) => {
        const groups = Map.groupBy(units, ({ category, rateBp }) => `${category}/${rateBp}`)
        const tax = [...groups.values()].map((group) =>
          taxOf(sum(group.map(({ priceMinor }) => priceMinor)), group[0]?.rateBp ?? 0),
        )
        const net = sum(units.map(({ priceMinor }) => priceMinor))
        expect(sum(shareGross(units))).toBe(net + sum(tax))
      }),
      { numRuns: 2_000 },
    )
  })

  test('is never less than the price, and off by less than two cents from its own tax', () => {
    fc.assert(
      fc.property(fc.array(anyUnit, { minLength: 1, maxLength: 60 }), (units) => {
        shareGross(units).forEach((gross, index) => {
          const { priceMinor, rateBp } = units[index] ?? { priceMinor: 0n, rateBp: 0 }
          const off = gross - priceMinor - taxOf(priceMinor, rateBp)
          expect(gross >= priceMinor && off > -2n && off < 2n).toBe(true)
        })
      }),
    )
  })
})

describe('what a refund credits', () => {
  const anyLeft = fc
    .array(fc.tuple(fc.bigInt({ min: 1n, max: 10_000n }), fc.bigInt({ min: 0n, max: 3_000n })), {
      minLength: 1,
      maxLength: 20,
    })
    .map((pairs) =>
      pairs.map(([leftMinor, tax], n) => {
        return { id: `unit_${n}`, leftMinor, leftGrossMinor: leftMinor + tax }
      }),
    )

  test('is never more than is left of a unit, and all of it for all of the money', () => {
    fc.assert(
      fc.property(anyLeft, fc.bigInt({ min: 1n, max: 300_000n }), (units, amount) => {
        const shares = shareRefund(units, amount)
        const left = new Map(units.map(({ id, leftMinor }) => [id, leftMinor]))
        expect(shares.every(({ unitId, netMinor }) => netMinor <= (left.get(unitId) ?? 0n))).toBe(
          true,
        )
        const all = sum(units.map(({ leftGrossMinor }) => leftGrossMinor))
        if (amount < all) return
        expect(shares.map(({ netMinor }) => netMinor)).toEqual(
          units.map(({ leftMinor }) => leftMinor),
        )
      }),
    )
  })

  test('without tax it is the amount itself', () => {
    fc.assert(
      fc.property(anyLeft, fc.bigInt({ min: 1n, max: 300_000n }), (units, amount) => {
        const plain = units.map((unit) => ({ ...unit, leftGrossMinor: unit.leftMinor }))
        const all = sum(plain.map(({ leftMinor }) => leftMinor))
        const credited = sum(shareRefund(plain, amount).map(({ netMinor }) => netMinor))
        expect(credited).toBe(amount < all ? amount : all)
      }),
    )
  })
})
