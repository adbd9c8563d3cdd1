import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../../domain/canonical-json.ts'
import { DomainError } from '../../domain/error.ts'
import { assertInvoiceSums, computeInvoice } from '../../domain/invoice.ts'
import type { InvoiceSnapshot } from '../../domain/invoice.ts'
import type { BillableUnits } from '../../domain/invoice-lines.ts'
import type { TaxTreatment } from '../../domain/tax.ts'
import { sampleInput, sampleInvoice, sampleUnits, taxedUnits } from '../documents/sample-invoice.ts'

const TREATMENTS: TaxTreatment[] = [
  { category: 'S', rate_bp: 1900, tax_group: 'taxed' },
  { category: 'S', rate_bp: 700, tax_group: 'taxed' },
  { category: 'S', rate_bp: 2550, tax_group: 'taxed' },
  { category: 'AE', rate_bp: 0, exemption_text: 'Reverse charge', tax_group: 'taxed' },
]

const someUnits: fc.Arbitrary<BillableUnits[]> = fc.array(
  fc
    .record({
      order: fc.integer({ min: 0, max: 4 }),
      sku: fc.constantFrom('A', 'B', 'C-10', 'é'),
      quantity: fc.integer({ min: 1, max: 10_000 }),
      unit_price_minor: fc.oneof(
        fc.constantFrom(0n, 1n, 50n, 4_999n),
        fc.bigInt({ min: 0n, max: 10n ** 12n }),
      ),
      treatment: fc.constantFrom(...TREATMENTS),
    })
    .map(({ order, ...unit }) => ({
      ...unit,
      name: `Name of ${unit.sku} in ${order}`,
      transaction_id: `txn_${order}`,
      accepted_at: `2026-11-22T0${order}:00:00.000Z`,
    })),
  { minLength: 1, maxLength: 40 },
)

const compute = (units: BillableUnits[]) => computeInvoice(sampleInput({ units }))
const sum = (amounts: string[]) => amounts.reduce((all, each) => all + BigInt(each), 0n)

describe('computeInvoice', () => {
  test('bills what was ordered: lines, groups, transactions and units agree', () => {
    fc.assert(
      fc.property(someUnits, (units) => {
        const invoice = compute(units)
        const ordered = units.reduce((all, u) => all + u.unit_price_minor * BigInt(u.quantity), 0n)
        expect(BigInt(invoice.subtotal_minor)).toBe(ordered)
        expect(sum(invoice.lines.map((line) => line.net_minor))).toBe(ordered)
        expect(sum(invoice.tax_breakdown.map((group) => group.taxable_minor))).toBe(ordered)
        expect(sum(invoice.transactions.map((each) => each.total_minor))).toBe(ordered)
        const pieces = units.reduce((all, unit) => all + unit.quantity, 0)
        expect(invoice.lines.reduce((all, line) => all + line.quantity, 0)).toBe(pieces)
        expect(invoice.transactions.reduce((all, each) => all + each.units, 0)).toBe(pieces)
      }),
    )
  })

  test('taxes each category and rate on the document, to the exact minor unit, halves to even', () => {
    fc.assert(
      fc.property(someUnits, (units) => {
        for (const group of compute(units).tax_breakdown) {
          const taxable = units
            .filter(
              (u) =>
                u.treatment.category === group.category && u.treatment.rate_bp === group.rate_bp,
            )
            .reduce((all, unit) => all + unit.unit_price_minor * BigInt(unit.quantity), 0n)
          const tax = BigInt(group.tax_minor)
          const error = 2n * (tax * 10_000n - taxable * BigInt(group.rate_bp))
          expect(error <= 10_000n && error >= -10_000n).toBe(true)
          const half = error === 10_000n || error === -10_000n
          expect(half && tax % 2n !== 0n).toBe(false)
        }
      }),
    )
  })

  test('rounds once per rate: three lines of 0.03 at 19 % owe 0.02, not three times 0.01', () => {
    const [unit] = taxedUnits()
    if (!unit) throw new Error('no unit')
    const units = ['A', 'B', 'C'].map((sku) => ({
      ...unit,
      sku,
      quantity: 1,
      unit_price_minor: 3n,
    }))
    expect(compute(units)).toMatchObject({ subtotal_minor: '9', tax_minor: '2', total_minor: '11' })
  })

  test('has one line per SKU, price and treatment', () => {
    fc.assert(
      fc.property(someUnits, (units) => {
        const keyOf = (...parts: unknown[]) => parts.join('|')
        const lines = compute(units).lines.map((line) =>
          keyOf(line.sku, line.unit_price_minor, line.tax_category, line.tax_rate_bp),
        )
        const wanted = units.map(({ sku, unit_price_minor, treatment }) =>
          keyOf(sku, unit_price_minor, treatment.category, treatment.rate_bp),
        )
        expect(new Set(lines)).toEqual(new Set(wanted))
        expect(new Set(lines).size).toBe(lines.length)
      }),
    )
  })

  test('is the same text whatever the order of the units, and whether they come one by one', () => {
    const shuffled = someUnits.chain((units) =>
      fc.tuple(fc.constant(units), fc.shuffledSubarray(units, { minLength: units.length })),
    )
    fc.assert(
      fc.property(shuffled, ([units, other]) => {
        expect(canonicalJson(compute(other))).toBe(canonicalJson(compute(units)))
      }),
    )
    const units = taxedUnits()
    const single = units.flatMap((u) =>
      Array.from({ length: u.quantity }, () => ({ ...u, quantity: 1 })),
    )
    expect(compute(single)).toEqual(compute(units))
  })

  test('keeps the name that the earliest order knew', () => {
    const [unit] = taxedUnits()
    if (!unit) throw new Error('no unit')
    const late = {
      ...unit,
      name: 'New name',
      accepted_at: '2026-11-22T09:00:00.000Z',
      transaction_id: 'txn_2',
    }
    expect(compute([late, unit]).lines.map((line) => line.name)).toEqual([unit.name])
  })

  test('survives JSON', () => {
    const invoice = sampleInvoice(5)
    expect(JSON.parse(canonicalJson(invoice))).toEqual(JSON.parse(JSON.stringify(invoice)))
    expect(canonicalJson(JSON.parse(JSON.stringify(invoice)))).toBe(canonicalJson(invoice))
  })

  test('carries prepayments to the amount due', () => {
    const invoice = computeInvoice(sampleInput({ units: taxedUnits(), prepaid_minor: 21_050n }))
    expect(invoice).toMatchObject({ total_minor: '21050', prepaid_minor: '21050', due_minor: '0' })
  })
})

describe('computeInvoice refuses', () => {
  const [taxed] = taxedUnits()
  if (!taxed) throw new Error('no unit')

  test('supplies outside the scope of VAT beside taxed ones', () => {
    expect(() => compute([taxed, ...sampleUnits(1)])).toThrow('two tax groups')
  })

  test('two explanations of one category', () => {
    const other = { ...taxed.treatment, exemption_text: 'Another reason' }
    expect(() => compute([taxed, { ...taxed, treatment: other }])).toThrow('two exemption texts')
  })

  test('an empty bill, an impossible quantity or price, and more paid than billed', () => {
    expect(() => compute([])).toThrow('nothing to bill')
    expect(() => compute([{ ...taxed, quantity: 0 }])).toThrow('impossible')
    expect(() => compute([{ ...taxed, quantity: 1.5 }])).toThrow('impossible')
    expect(() => compute([{ ...taxed, unit_price_minor: -1n }])).toThrow('impossible')
    expect(() => computeInvoice(sampleInput({ prepaid_minor: 10n ** 9n }))).toThrow('prepaid')
  })

  test('tax from a seller without a tax id', () => {
    const seller = { ...sampleInput().seller, tax_id: undefined }
    expect(() => computeInvoice(sampleInput({ seller, units: taxedUnits() }))).toThrow(DomainError)
    expect(computeInvoice(sampleInput({ seller })).tax_minor).toBe('0')
  })
})

describe('assertInvoiceSums', () => {
  /** Every path to an amount or a quantity in a snapshot. */
  function figures(value: unknown, path: string[] = []): string[][] {
    if (typeof value !== 'object' || value === null) {
      return /_minor$|^quantity$|^units$/.test(path.at(-1) ?? '') ? [path] : []
    }
    return Object.entries(value).flatMap(([key, member]) => figures(member, [...path, key]))
  }

  function withFigure(invoice: InvoiceSnapshot, path: string[], delta: bigint): InvoiceSnapshot {
    const copy = structuredClone(invoice)
    const owner = path.slice(0, -1).reduce<object>((at, key) => Reflect.get(at, key), copy)
    const key = path.at(-1) ?? ''
    const before: unknown = Reflect.get(owner, key)
    const after = BigInt(String(before)) + delta
    Reflect.set(owner, key, typeof before === 'number' ? Number(after) : String(after))
    return copy
  }

  test('sees every single figure that is one unit off', () => {
    const invoice = computeInvoice(sampleInput({ units: taxedUnits(), prepaid_minor: 500n }))
    const paths = figures(invoice)
    expect(paths).toHaveLength(3 * 3 + 2 * 2 + 5 + 2)
    assertInvoiceSums(invoice)
    const unseen = paths.filter((path) =>
      [1n, -1n].some((delta) => {
        try {
          assertInvoiceSums(withFigure(invoice, path, delta))
          return true
        } catch (error) {
          if (error instanceof RangeError) return false
          throw error
        }
      }),
    )
    expect(unseen).toEqual([])
  })

  test('sees a tax that is rounded another way, even when everything else follows it', () => {
    const invoice = computeInvoice(sampleInput({ units: taxedUnits() }))
    const lower = invoice.tax_breakdown.map((group) =>
      group.category === 'S' ? { ...group, tax_minor: '199' } : group,
    )
    const changed = {
      tax_breakdown: lower,
      tax_minor: '199',
      total_minor: '21049',
      due_minor: '21049',
    }
    expect(() => assertInvoiceSums({ ...invoice, ...changed })).toThrow('tax of S is 199, not 200')
  })
})

describe('canonicalJson', () => {
  test('sorts keys at every depth, keeps the order of lists, drops undefined', () => {
    expect(canonicalJson({ b: [{ z: 1, a: null }], a: undefined, A: 'é"' })).toBe(
      '{"A":"é\\"","b":[{"a":null,"z":1}]}',
    )
  })

  test('says the same as JSON for any JSON value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })

  test.each([1n, Number.NaN, undefined, () => 1])('refuses %s', (value) => {
    expect(() => canonicalJson(value)).toThrow(TypeError)
    expect(() => canonicalJson([value])).toThrow(TypeError)
  })
})
