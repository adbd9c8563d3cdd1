import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatRate, TAX_POLICIES, taxPolicyOn, taxTreatment, vatId } from '../../domain/tax.ts'
import type { ProductClass, TaxedSupply, TaxPolicy } from '../../domain/tax.ts'
import { readTaxPolicies } from '../../activities/gateways/tax-policies.ts'

const SHIPPED = taxPolicyOn(TAX_POLICIES, '2026-11-22')

const CLASSES: ProductClass[] = [
  'multi_purpose_voucher',
  'single_purpose_voucher',
  'digital_service',
  'goods',
  'fee',
]

function treat(changes: Partial<TaxedSupply>) {
  return taxTreatment(SHIPPED, {
    seller_country: 'DE',
    buyer_country: 'DE',
    product_class: 'digital_service',
    ...changes,
  })
}

describe('taxTreatment', () => {
  test('leaves a multi-purpose voucher outside the scope and says why', () => {
    const treatment = treat({ product_class: 'multi_purpose_voucher' })
    expect(treatment).toMatchObject({ category: 'O', rate_bp: 0, tax_group: 'outside_scope' })
    expect(treatment.exemption_text).toContain('Article 30b(1) of Directive 2006/112/EC')
    expect(treatment.exemption_code).toBe('VATEX-EU-O')
  })

  test.each([
    ['DE', 1900],
    ['FI', 2550],
    ['CH', 810],
    ['GB', 2000],
  ])(
    'charges the standard rate of a seller in %s on everything else',
    (seller_country, rate_bp) => {
      for (const product_class of CLASSES.filter((each) => each !== 'multi_purpose_voucher')) {
        expect(treat({ seller_country, buyer_country: seller_country, product_class })).toEqual({
          category: 'S',
          rate_bp,
          tax_group: 'taxed',
        })
      }
    },
  )

  test.each(['US', 'HK', 'ZZ', 'toString'])(
    'charges nothing for a seller in %s',
    (seller_country) => {
      for (const product_class of CLASSES) {
        const treatment = treat({ seller_country, product_class })
        expect(treatment).toMatchObject({ category: 'O', rate_bp: 0, tax_group: 'outside_scope' })
        expect(treatment.exemption_text).toContain('no value added tax is charged')
      }
    },
  )

  test('turns the charge to a business in another member state, not to a consumer', () => {
    const business = { buyer_country: 'GR', buyer_tax_id: 'EL094259216' }
    expect(treat(business)).toMatchObject({ category: 'AE', rate_bp: 0, tax_group: 'taxed' })
    expect(treat(business).exemption_text).toContain('Article 196')
    expect(treat({ buyer_country: 'GR' }).category).toBe('S')
    expect(treat({ buyer_country: 'DE', buyer_tax_id: 'DE123456789' }).category).toBe('S')
    expect(treat({ buyer_country: 'CH', buyer_tax_id: 'CHE123456788' }).category).toBe('S')
    expect(treat({ ...business, product_class: 'goods' }).category).toBe('S')
    expect(treat({ ...business, buyer_tax_id: '094259216' }).category).toBe('S')
  })

  test('explains every supply without tax, and one seller in one way per category', () => {
    for (const policy of TAX_POLICIES) {
      for (const seller_country of [...Object.keys(policy.standard_rates_bp), 'US']) {
        const texts = new Map<string, Set<string | undefined>>()
        for (const product_class of CLASSES) {
          for (const buyer_country of ['DE', 'GR', 'US']) {
            const supply = {
              seller_country,
              buyer_country,
              product_class,
              buyer_tax_id: 'EL094259216',
            }
            const { category, exemption_text, tax_group } = taxTreatment(policy, supply)
            expect(exemption_text === undefined).toBe(category === 'S')
            expect(tax_group === 'outside_scope').toBe(category === 'O')
            texts.set(category, (texts.get(category) ?? new Set()).add(exemption_text))
          }
        }
        for (const seen of texts.values()) expect(seen.size).toBe(1)
      }
    }
  })
})

describe('a policy of one’s own', () => {
  const own: TaxPolicy = {
    version: 'own-1',
    valid_from: '2027-01-01',
    groups: { Benelux: ['BE', 'NL', 'LU'] },
    standard_rates_bp: { DE: 2000 },
    rules: [
      { seller: 'DE', buyer: '@Benelux', products: ['fee'], category: 'S', rate: 700 },
      { seller: 'DE', buyer: '*', customer: 'business', category: 'Z', rate: 0 },
      { seller: '*', buyer: '*', products: ['fee'], category: 'S', rate: 'standard' },
    ],
  }

  test('is in force from its day on, and the first rule that fits decides', () => {
    const policies = [own, ...TAX_POLICIES]
    expect(taxPolicyOn(policies, '2026-12-31').version).toBe('2026-01')
    expect(taxPolicyOn(policies, '2027-01-01').version).toBe('own-1')
    const supply = { seller_country: 'DE', buyer_country: 'NL', product_class: 'fee' } as const
    expect(taxTreatment(own, supply)).toEqual({ category: 'S', rate_bp: 700, tax_group: 'taxed' })
    const business = { ...supply, buyer_country: 'FR', buyer_tax_id: 'FR1' }
    expect(taxTreatment(own, business)).toMatchObject({ category: 'Z', rate_bp: 0 })
    expect(taxTreatment(own, { ...supply, buyer_country: 'FR' })).toMatchObject({ rate_bp: 2000 })
  })

  test('that does not decide says so, and charges nobody anything', () => {
    const supply = { seller_country: 'DE', buyer_country: 'DE', product_class: 'goods' } as const
    for (const undecided of [
      supply,
      { ...supply, seller_country: 'FR', product_class: 'fee' } as const,
    ]) {
      expect(() => taxTreatment(own, undecided)).toThrow(
        expect.objectContaining({ reason: 'tax_undecided' }),
      )
    }
    expect(() => taxPolicyOn([own], '2026-12-31')).toThrow('2026-12-31')
  })

  test('comes from a file, which is checked before anything starts', async () => {
    const file = join(await mkdtemp(join(tmpdir(), 'bark-tax-')), 'policies.json')
    await writeFile(file, JSON.stringify([own]))
    expect(readTaxPolicies(file)).toEqual([own])
    const untaxed = { ...own, rules: [{ seller: '*', buyer: '*', category: 'S', rate: 0 }] }
    await writeFile(file, JSON.stringify([untaxed]))
    expect(() => readTaxPolicies(file)).toThrow('Category S has a rate')
    await rm(dirname(file), { recursive: true })
  })
})

test.each([
  [1900, '19'],
  [2550, '25.5'],
  [810, '8.1'],
  [0, '0'],
  [1000, '10'],
  [10_000, '100'],
  [5, '0.05'],
])('a rate of %i basis points is written %s', (rate_bp, text) => {
  expect(formatRate(rate_bp)).toBe(text)
})

test.each([
  ['DE123456789', 'DE', 'DE123456789'],
  ['el 094.259.216', 'GR', 'EL094259216'],
  ['GR094259216', 'GR', undefined],
  ['12-3456789', 'US', undefined],
  ['DE', 'DE', undefined],
  [undefined, 'DE', undefined],
  ['DE123456789', undefined, undefined],
])('the tax id %j in %s is the VAT id %s', (taxId, country, expected) => {
  expect(vatId(taxId, country)).toBe(expected)
})
