import { DomainError } from './error.ts'

/**
 * VAT categories of EN 16931 (a subset of UNCL 5305): S standard rate, Z zero rated, E exempt,
 * AE reverse charge, G export, O outside the scope of VAT.
 */
export type TaxCategory = 'S' | 'Z' | 'E' | 'AE' | 'G' | 'O'

/**
 * Which document a unit belongs on. EN 16931 (BR-O-11 to 14) lets nothing else stand on a document
 * with supplies outside the scope of VAT, so a purchase order has one invoice per group.
 */
export type TaxGroup = 'taxed' | 'outside_scope'

/** How one supply is taxed; frozen on the unit when it is billed. */
export type TaxTreatment = {
  category: TaxCategory
  /** Basis points: 1900 is 19 %. */
  rate_bp: number
  /** Says on the document why no tax is due; present exactly when the category charges none. */
  exemption_text?: string
  /** The reason from the VATEX code list, where there is one. */
  exemption_code?: string
  tax_group: TaxGroup
}

/**
 * What is sold. A multi-purpose voucher can be redeemed for supplies whose tax is not known yet (a
 * gift card of a large shop); a single-purpose voucher stands for one known supply and is taxed
 * like it when it is sold.
 */
export type ProductClass =
  'multi_purpose_voucher' | 'single_purpose_voucher' | 'digital_service' | 'goods' | 'fee'

/** Countries (ISO 3166), a group of the policy as `@EU`, or `*` for all. */
type Place = string

/** One row of a policy: to which supplies it applies, and how they are taxed then. */
export type TaxRule = {
  seller: Place
  buyer: Place
  /** Whether the buyer is in the seller's country; left out, both apply. */
  domestic?: boolean
  /** A buyer with a VAT id of its country is a business; left out, both apply. */
  customer?: 'business' | 'consumer'
  /** Left out: every class. */
  products?: readonly ProductClass[]
  category: TaxCategory
  /** Basis points, or the standard rate of the seller's country. */
  rate: number | 'standard'
  exemption_text?: string
  exemption_code?: string
}

/**
 * One version of the rules, in force from a day on (the seller's calendar). The first rule that fits
 * a supply decides. A new rule is a new version; an issued invoice keeps what it says.
 */
export type TaxPolicy = {
  version: string
  /** YYYY-MM-DD; the first version begins with the calendar. */
  valid_from: string
  groups: Readonly<Record<string, readonly string[]>>
  /** Basis points by country of the seller. */
  standard_rates_bp: Readonly<Record<string, number>>
  rules: readonly TaxRule[]
}

const EU_RATES_BP = {
  AT: 2000,
  BE: 2100,
  BG: 2000,
  CY: 1900,
  CZ: 2100,
  DE: 1900,
  DK: 2500,
  EE: 2400,
  ES: 2100,
  FI: 2550,
  FR: 2000,
  GR: 2400,
  HR: 2500,
  HU: 2700,
  IE: 2300,
  IT: 2200,
  LT: 2100,
  LU: 1700,
  LV: 2100,
  MT: 1800,
  NL: 2100,
  PL: 2300,
  PT: 2300,
  RO: 2100,
  SE: 2500,
  SI: 2200,
  SK: 2300,
}
const STANDARD_RATES_BP = { ...EU_RATES_BP, CH: 810, GB: 2000, NO: 2500 }
const VOUCHER = { products: ['multi_purpose_voucher'], category: 'O', rate: 0 } as const

/**
 * The policies that are shipped. Standard rates only: reduced rates, goods that cross a border and a
 * consumer's country are decisions of the seller's tax adviser and belong in a version of one's own
 * (`TAX_POLICIES_FILE`). A seller in a country that is not in the table gets the zero-rate default
 * (`acceptance.md` X-40).
 */
export const TAX_POLICIES: readonly TaxPolicy[] = [
  {
    version: '2026-01',
    valid_from: '0001-01-01',
    groups: { EU: Object.keys(EU_RATES_BP), VAT: Object.keys(STANDARD_RATES_BP) },
    standard_rates_bp: STANDARD_RATES_BP,
    rules: [
      {
        ...VOUCHER,
        seller: '@EU',
        buyer: '*',
        exemption_code: 'VATEX-EU-O',
        exemption_text:
          'Multi-purpose vouchers: their transfer is not subject to VAT; VAT is charged on redemption ' +
          '(Article 30b(1) of Directive 2006/112/EC).',
      },
      {
        ...VOUCHER,
        seller: 'GB',
        buyer: '*',
        exemption_code: 'VATEX-EU-O',
        exemption_text:
          'Face value vouchers: their transfer is outside the scope of VAT; VAT is charged on ' +
          'redemption (Schedule 10B, Value Added Tax Act 1994).',
      },
      {
        ...VOUCHER,
        seller: '@VAT',
        buyer: '*',
        exemption_code: 'VATEX-EU-O',
        exemption_text:
          'Multi-purpose vouchers: no tax is charged on their transfer; tax is due on redemption.',
      },
      {
        seller: '@EU',
        buyer: '@EU',
        domestic: false,
        customer: 'business',
        products: ['single_purpose_voucher', 'digital_service', 'fee'],
        category: 'AE',
        rate: 0,
        exemption_code: 'VATEX-EU-AE',
        exemption_text:
          'Reverse charge: VAT is due by the recipient (Article 196 of Directive 2006/112/EC).',
      },
      { seller: '@VAT', buyer: '*', category: 'S', rate: 'standard' },
      {
        seller: '*',
        buyer: '*',
        category: 'O',
        rate: 0,
        exemption_code: 'VATEX-EU-O',
        exemption_text: 'Outside the scope of VAT: no value added tax is charged on this document.',
      },
    ],
  },
]

/**
 * The policy in force on a day.
 *
 * @throws DomainError `tax_undecided` when none is
 */
export function taxPolicyOn(policies: readonly TaxPolicy[], date: string): TaxPolicy {
  const begun = policies.filter((policy) => policy.valid_from <= date)
  const latest = begun.toSorted((a, b) => (a.valid_from < b.valid_from ? 1 : -1))[0]
  if (latest !== undefined) return latest
  throw new DomainError('tax_undecided', `No tax policy is in force on ${date}.`)
}

/** What decides the tax of one supply. Countries are ISO 3166 alpha-2, upper case. */
export type TaxedSupply = {
  seller_country: string
  buyer_country: string
  /** The buyer's tax id; a VAT id of the buyer's country makes the sale one between businesses. */
  buyer_tax_id?: string
  product_class: ProductClass
}

/**
 * How a supply is taxed under a policy.
 *
 * @throws DomainError `tax_undecided` when no rule fits, or the standard rate is not in the table;
 *   the shipped policies decide every supply
 */
export function taxTreatment(policy: TaxPolicy, supply: TaxedSupply): TaxTreatment {
  const rule = policy.rules.find((each) => fits(policy, each, supply))
  const rate_bp = rule?.rate === 'standard' ? standardRate(policy, supply) : rule?.rate
  if (rule === undefined || rate_bp === undefined) {
    throw new DomainError(
      'tax_undecided',
      `Tax policy ${policy.version} does not say how ${supply.product_class} is taxed from ` +
        `${supply.seller_country} to ${supply.buyer_country}.`,
    )
  }
  return {
    category: rule.category,
    rate_bp,
    ...(rule.exemption_text === undefined ? {} : { exemption_text: rule.exemption_text }),
    ...(rule.exemption_code === undefined ? {} : { exemption_code: rule.exemption_code }),
    tax_group: rule.category === 'O' ? 'outside_scope' : 'taxed',
  }
}

function fits(policy: TaxPolicy, rule: TaxRule, supply: TaxedSupply): boolean {
  const { seller_country: seller, buyer_country: buyer } = supply
  const business = vatId(supply.buyer_tax_id, buyer) !== undefined
  return (
    isAt(policy, rule.seller, seller) &&
    isAt(policy, rule.buyer, buyer) &&
    (rule.domestic === undefined || rule.domestic === (seller === buyer)) &&
    (rule.customer === undefined || rule.customer === (business ? 'business' : 'consumer')) &&
    (rule.products === undefined || rule.products.includes(supply.product_class))
  )
}

function isAt(policy: TaxPolicy, place: Place, country: string): boolean {
  if (place === '*') return true
  if (!place.startsWith('@')) return place === country
  return policy.groups[place.slice(1)]?.includes(country) ?? false
}

function standardRate(policy: TaxPolicy, { seller_country }: TaxedSupply): number | undefined {
  const rates = policy.standard_rates_bp
  return Object.hasOwn(rates, seller_country) ? rates[seller_country] : undefined
}

/**
 * A tax id as a VAT id, without spaces and dots, or nothing when it is none: a VAT id begins with
 * its country, and Greece writes EL (EN 16931, BR-CO-09). Whether it is registered is not known.
 */
export function vatId(taxId: string | undefined, country: string | undefined): string | undefined {
  const id = taxId?.replace(/[\s.-]/g, '').toUpperCase()
  const prefix = country === 'GR' ? 'EL' : country
  const belongs = id !== undefined && prefix !== undefined && id.startsWith(prefix)
  return belongs && id.length > 2 ? id : undefined
}

/** A rate as people write it, in percent: 1900 is "19", 2550 is "25.5". */
export function formatRate(rate_bp: number): string {
  const hundredths = String(rate_bp % 100).padStart(2, '0')
  return `${Math.floor(rate_bp / 100)}.${hundredths}`.replace(/\.?0+$/, '')
}
