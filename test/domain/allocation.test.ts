import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { taxOf } from '../../domain/invoice-lines.ts'
import { allocate, divideHalfEven } from '../../domain/money.ts'
import { shareGross, shareRefund } from '../../domain/order-due.ts'

/** What the payments of an order are split into never loses or makes a cent. */

const sum = (amounts: bigint[]) => amounts.reduce((left, right) => left + right, 0n)
const anyOrder = fc.array(
  fc.record({
    priceMinor: fc.bigInt({ min: 1n, max: 100_000n }),
    category: fc.constantFrom('S', 'Z'),
    rateBp: fc.constantFrom(0, 700, 1900, 2550),
  }),
  { minLength: 1, maxLength: 30 },
)
const anyShare = fc.integer({ min: 0, max: 1_000 })
/** So many thousandths of it. */
const partOf = (total: bigint, share: number) => (total * BigInt(share)) / 1_000n

describe('a partial capture, split over the units that it pays', () => {
  test('gives each unit its share to less than a cent, never more than the unit costs', () => {
    fc.assert(
      fc.property(anyOrder, anyShare, (units, share) => {
        const gross = shareGross(units)
        const total = sum(gross)
        const captured = partOf(total, share)
        const parts = allocate(captured, gross)
        expect(sum(parts)).toBe(captured)
        parts.forEach((part, index) => {
          const cost = gross[index] ?? 0n
          expect(part <= cost).toBe(true)
          const off = part * total - captured * cost
          expect(off < total && off > -total).toBe(true)
        })
      }),
    )
  })

  test('and its fee over the same units: net and fee add up to what was captured', () => {
    fc.assert(
      fc.property(anyOrder, anyShare, (units, share) => {
        const gross = shareGross(units)
        const captured = partOf(sum(gross), share)
        const asked = divideHalfEven(captured * 29n, 1_000n) + 30n
        const fee = asked < captured ? asked : captured
        const fees = allocate(fee, gross)
        const nets = allocate(captured - fee, gross)
        expect(sum(fees) + sum(nets)).toBe(captured)
        expect([...fees, ...nets].every((part) => part >= 0n)).toBe(true)
      }),
    )
  })
})

describe('refunds one after the other', () => {
  test('of any amounts give back all of the money and all of its tax, and nothing twice', () => {
    fc.assert(
      fc.property(anyOrder, fc.array(anyShare, { maxLength: 8 }), (units, shares) => {
        const gross = shareGross(units)
        const left = units.map(({ priceMinor }, n) => ({
          id: `unit_${n}`,
          leftMinor: priceMinor,
          leftGrossMinor: gross[n] ?? priceMinor,
        }))
        let money = sum(gross)
        for (const share of [...shares, 1_000]) {
          const amount = partOf(money, share)
          money -= amount
          let paid = amount
          const open = left.filter(({ leftMinor }) => leftMinor > 0n)
          for (const { unitId, netMinor } of shareRefund(open, amount)) {
            const unit = left.find(({ id }) => id === unitId)
            if (unit === undefined) throw new Error(unitId)
            expect(netMinor <= unit.leftMinor).toBe(true)
            const whole = paid < unit.leftGrossMinor ? paid : unit.leftGrossMinor
            paid -= whole
            unit.leftMinor -= netMinor
            unit.leftGrossMinor -= whole
            expect(unit.leftGrossMinor >= 0n).toBe(true)
          }
        }
        expect(money).toBe(0n)
        expect(sum(left.map(({ leftMinor }) => leftMinor))).toBe(0n)
      }),
      // One cent of two, one of them tax, was half a cent and credited none.
      { examples: [[[{ priceMinor: 1_595n, category: 'S', rateBp: 2550 }], [999, 334, 500]]] },
    )
  })

  test('of tax: the tax of the parts is the tax of the whole', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 9n }),
        fc.integer({ min: 0, max: 3_000 }),
        fc.array(fc.bigInt({ min: 1n, max: 10n ** 6n }), { minLength: 1, maxLength: 20 }),
        (net, rateBp, weights) => {
          const tax = taxOf(net, rateBp)
          const parts = allocate(tax, weights)
          expect(sum(parts)).toBe(tax)
        },
      ),
    )
  })
})
