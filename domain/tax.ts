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

/** One version of the rules. A new rule is a new version; an issued invoice keeps what it says. */
export type TaxPolicy = {
  version: string
  /** Standard VAT rates in basis points by ISO 3166 country of the seller. */
  standardRatesBp: Readonly<Record<string, number>>
  /** The members of the common VAT system, between which the reverse charge applies. */
  memberStates: readonly string[]
  /** Why a multi-purpose voucher is not taxed when it is sold, by country of the seller. */
  voucherTexts: Readonly<Record<string, string>>
  voucherTextElsewhere: string
  reverseChargeText: string
  /** For sellers in a country that has no VAT, or none that the policy knows. */
  noVatText: string
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
const EU_MEMBER_STATES = Object.keys(EU_RATES_BP)
const EU_VOUCHER_TEXT =
  'Multi-purpose vouchers: their transfer is not subject to VAT; VAT is charged on redemption ' +
  '(Article 30b(1) of Directive 2006/112/EC).'

/**
 * The policies by version. Standard rates only: reduced rates, goods that cross a border and a
 * consumer's country are decisions of the seller's tax adviser and belong in a later version. A
 * seller in a country that is not in the table gets the zero-rate default (`acceptance.md` X-40).
 */
export const TAX_POLICIES: Readonly<Record<'2026-01', TaxPolicy>> = {
  '2026-01': {
    version: '2026-01',
    standardRatesBp: { ...EU_RATES_BP, CH: 810, GB: 2000, NO: 2500 },
    memberStates: EU_MEMBER_STATES,
    voucherTexts: {
      ...Object.fromEntries(EU_MEMBER_STATES.map((country) => [country, EU_VOUCHER_TEXT])),
      GB:
        'Face value vouchers: their transfer is outside the scope of VAT; VAT is charged on ' +
        'redemption (Schedule 10B, Value Added Tax Act 1994).',
    },
    voucherTextElsewhere:
      'Multi-purpose vouchers: no tax is charged on their transfer; tax is due on redemption.',
    reverseChargeText:
      'Reverse charge: VAT is due by the recipient (Article 196 of Directive 2006/112/EC).',
    noVatText: 'Outside the scope of VAT: no value added tax is charged on this document.',
  },
}

/** The policy that units are billed with today. */
export const TAX_POLICY_CURRENT: TaxPolicy = TAX_POLICIES['2026-01']

/** What decides the tax of one supply. Countries are ISO 3166 alpha-2, upper case. */
export type TaxedSupply = {
  seller_country: string
  buyer_country: string
  /** The buyer's tax id; a VAT id of the buyer's country makes the sale one between businesses. */
  buyer_tax_id?: string
  product_class: ProductClass
}

/**
 * How a supply is taxed under a policy. Total: every supply has a treatment, and one seller's
 * supplies outside the scope of VAT all carry the same text, as one document requires.
 */
export function taxTreatment(policy: TaxPolicy, supply: TaxedSupply): TaxTreatment {
  const { seller_country, product_class } = supply
  const rate_bp = Object.hasOwn(policy.standardRatesBp, seller_country)
    ? policy.standardRatesBp[seller_country]
    : undefined
  if (rate_bp === undefined) return outsideScope(policy.noVatText)
  if (product_class === 'multi_purpose_voucher') {
    return outsideScope(policy.voucherTexts[seller_country] ?? policy.voucherTextElsewhere)
  }
  if (isReverseCharged(policy, supply)) {
    return {
      category: 'AE',
      rate_bp: 0,
      exemption_text: policy.reverseChargeText,
      exemption_code: 'VATEX-EU-AE',
      tax_group: 'taxed',
    }
  }
  return { category: 'S', rate_bp, tax_group: 'taxed' }
}

function outsideScope(exemption_text: string): TaxTreatment {
  return {
    category: 'O',
    rate_bp: 0,
    exemption_text,
    exemption_code: 'VATEX-EU-O',
    tax_group: 'outside_scope',
  }
}

/** Services between businesses in two member states; goods follow other rules. */
function isReverseCharged(policy: TaxPolicy, supply: TaxedSupply): boolean {
  return (
    supply.product_class !== 'goods' &&
    vatId(supply.buyer_tax_id, supply.buyer_country) !== undefined &&
    supply.buyer_country !== supply.seller_country &&
    policy.memberStates.includes(supply.seller_country) &&
    policy.memberStates.includes(supply.buyer_country)
  )
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
