import { taxOf } from './invoice-lines.ts'
import { divideHalfEven } from './money.ts'

/** A unit as its tax depends on it: units that agree in category and rate are taxed together. */
export type TaxedUnit = { priceMinor: bigint; category: string; rateBp: number }

/**
 * What each unit costs with tax, in minor units. The tax is that of all of them together, as their
 * invoice has it, and each unit's share is what it adds to the tax of those before it: so the shares
 * add up to the whole to the cent, whatever the rounding, and none is negative.
 */
export function shareGross(units: readonly TaxedUnit[]): bigint[] {
  const netBefore = new Map<string, bigint>()
  return units.map(({ priceMinor, category, rateBp }) => {
    const group = `${category}/${rateBp}`
    const before = netBefore.get(group) ?? 0n
    const after = before + priceMinor
    netBefore.set(group, after)
    return priceMinor + taxOf(after, rateBp) - taxOf(before, rateBp)
  })
}

/** What is not credited of a billed unit: its price, and that with tax. */
export type CreditableUnit = { id: string; leftMinor: bigint; leftGrossMinor: bigint }

/**
 * Which units a refund pays back, from the first on, and how much of each without tax: whole ones, then a
 * part of one, which is a minor unit at least, or refunds of single cents would credit nothing for ever.
 * Never more than what is left of a unit.
 */
export function shareRefund(
  units: readonly CreditableUnit[],
  amountMinor: bigint,
): { unitId: string; netMinor: bigint }[] {
  let left = amountMinor
  return units.flatMap((unit) => {
    if (left <= 0n) return []
    const isWhole = left >= unit.leftGrossMinor
    const netMinor = isWhole ? unit.leftMinor : netOf(left, unit)
    left -= isWhole ? unit.leftGrossMinor : left
    return netMinor > 0n ? [{ unitId: unit.id, netMinor }] : []
  })
}

/** What of a unit is paid back without its tax, by less than all of it. */
function netOf(paidMinor: bigint, { leftMinor, leftGrossMinor }: CreditableUnit): bigint {
  const share = divideHalfEven(leftMinor * paidMinor, leftGrossMinor)
  return share === 0n && leftMinor > 0n ? 1n : share
}
