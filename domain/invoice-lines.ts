import { divideHalfEven } from './money.ts'
import type { TaxCategory, TaxTreatment } from './tax.ts'

/** One (SKU, unit price, tax treatment); `quantity` × `unit_price_minor` is `net_minor` exactly. */
export type InvoiceLine = {
  position: number
  sku: string
  name: string
  quantity: number
  unit_price_minor: string
  net_minor: string
  tax_category: TaxCategory
  tax_rate_bp: number
  /** Why no tax is charged, from the VATEX code list. */
  tax_code?: string
}

/** The tax of one category and rate, computed on the document's sum and never per line. */
export type InvoiceTax = {
  category: TaxCategory
  rate_bp: number
  taxable_minor: string
  tax_minor: string
  exemption_text?: string
  exemption_code?: string
}

/** One accepted order whose units are billed here; `total_minor` is their price without tax. */
export type InvoiceTransaction = {
  transaction_id: string
  client_reference?: string
  /** RFC 3339, UTC. */
  accepted_at: string
  units: number
  total_minor: string
}

/** Billable units of one transaction that share SKU, price and treatment: one unit, or a sum. */
export type BillableUnits = {
  transaction_id: string
  client_reference?: string
  /** RFC 3339, UTC, always with the same number of digits. */
  accepted_at: string
  sku: string
  name: string
  quantity: number
  unit_price_minor: bigint
  treatment: TaxTreatment
}

/** Basis points in one: a rate of 1900 is 19 %. */
const BASIS_POINTS = 10_000n

/**
 * One line per (SKU, unit price, tax treatment), in the order of these. A product that was renamed
 * during the day keeps the name of its earliest order.
 */
export function billLines(units: BillableUnits[]): InvoiceLine[] {
  const groups = groupBy(units, ({ sku, unit_price_minor, treatment }) => [
    sku,
    sortableMinor(unit_price_minor),
    treatment.category,
    sortableRate(treatment.rate_bp),
  ])
  return groups.map((members, index) => {
    const { sku, name, unit_price_minor, treatment } = earliest(members)
    const quantity = members.reduce((total, member) => total + member.quantity, 0)
    return {
      position: index + 1,
      sku,
      name,
      quantity,
      unit_price_minor: String(unit_price_minor),
      net_minor: String(unit_price_minor * BigInt(quantity)),
      tax_category: treatment.category,
      tax_rate_bp: treatment.rate_bp,
      ...(treatment.exemption_code === undefined ? {} : { tax_code: treatment.exemption_code }),
    }
  })
}

/**
 * The tax per (category, rate) on the sum of the document, halves to the even minor unit: rounding
 * per line would add up to another amount than the one that is owed (EN 16931, BR-CO-17).
 *
 * @throws RangeError when one category and rate is explained by two texts
 */
export function breakDownTax(units: BillableUnits[]): InvoiceTax[] {
  const groups = groupBy(units, ({ treatment }) => [
    treatment.category,
    sortableRate(treatment.rate_bp),
  ])
  return groups.map((members) => {
    const { category, rate_bp, exemption_text, exemption_code } = earliest(members).treatment
    if (members.some((member) => member.treatment.exemption_text !== exemption_text)) {
      throw new RangeError(`invoice: category ${category} has two exemption texts`)
    }
    const taxable = sumNet(members)
    return {
      category,
      rate_bp,
      taxable_minor: String(taxable),
      tax_minor: String(taxOf(taxable, rate_bp)),
      ...(exemption_text === undefined ? {} : { exemption_text }),
      ...(exemption_code === undefined ? {} : { exemption_code }),
    }
  })
}

/** The tax on an amount in minor units, rounded to the nearest one, halves to even. */
export function taxOf(taxableMinor: bigint, rateBp: number): bigint {
  return divideHalfEven(taxableMinor * BigInt(rateBp), BASIS_POINTS)
}

/** The transactions behind the lines, in the order of their acceptance. */
export function billTransactions(units: BillableUnits[]): InvoiceTransaction[] {
  const groups = groupBy(units, ({ accepted_at, transaction_id }) => [accepted_at, transaction_id])
  return groups.map((members) => {
    const { transaction_id, client_reference, accepted_at } = earliest(members)
    return {
      transaction_id,
      ...(client_reference === undefined ? {} : { client_reference }),
      accepted_at,
      units: members.reduce((total, member) => total + member.quantity, 0),
      total_minor: String(sumNet(members)),
    }
  })
}

function sumNet(units: BillableUnits[]): bigint {
  return units.reduce((total, unit) => total + unit.unit_price_minor * BigInt(unit.quantity), 0n)
}

/** Groups by a composite key and sorts the groups by it, part by part, by code unit. */
function groupBy(
  units: BillableUnits[],
  keyOf: (unit: BillableUnits) => string[],
): BillableUnits[][] {
  const groups = new Map<string, { key: string[]; members: BillableUnits[] }>()
  for (const unit of units) {
    const key = keyOf(unit)
    const text = JSON.stringify(key)
    const group = groups.get(text)
    if (group) group.members.push(unit)
    else groups.set(text, { key, members: [unit] })
  }
  return [...groups.values()]
    .sort((a, b) => compareKeys(a.key, b.key))
    .map(({ members }) => members)
}

function compareKeys(a: string[], b: string[]): number {
  for (const [index, part] of a.entries()) {
    const order = compareText(part, b[index] ?? '')
    if (order !== 0) return order
  }
  return 0
}

function compareText(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** Text that sorts like the amount, which is never negative. */
function sortableMinor(minor: bigint): string {
  return String(minor).padStart(20, '0')
}

function sortableRate(rate_bp: number): string {
  return String(rate_bp).padStart(5, '0')
}

function earliest(units: BillableUnits[]): BillableUnits {
  return units.reduce((first, unit) => {
    const order =
      compareText(unit.accepted_at, first.accepted_at) ||
      compareText(unit.transaction_id, first.transaction_id) ||
      compareText(unit.name, first.name)
    return order < 0 ? unit : first
  })
}
