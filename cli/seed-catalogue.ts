import type { ProductValues } from '../db/products.ts'

/**
 * What the sandbox shop sells: forty products of invented brands. Prices are in minor units. `codes`
 * is how many the own pool gets; a product without codes is bought from the sandbox supplier under
 * its own SKU, or is physical.
 */
export type SeedProduct = {
  sku: string
  name: string
  description: string
  priceMinor: bigint
  currency: 'USD' | 'EUR'
  categories: string[]
  /** What one of its codes looks like; null for physical goods. */
  codeForm: CodeForm | null
  codes: number
  supplied: boolean
  variants: SeedVariant[]
}

export type SeedVariant = {
  sku: string
  priceMinor: bigint | null
  attributes: Record<string, string>
  codes: number
}

/** A plain code, a card number with a PIN and a serial number, or a link to redeem. */
export type CodeForm = 'code' | 'code_pin' | 'url'

type Options = Partial<Pick<SeedProduct, 'codeForm' | 'variants'>>

/** The whole catalogue, in the order in which the shop lists it. */
export const SEED_PRODUCTS: readonly SeedProduct[] = [
  ...giftCards(),
  ...gameKeys(),
  ...vouchers(),
  ...suppliedProducts(),
  ...physicalProducts(),
]

/** The columns that every seeded product shares with what `POST /v2/products` writes. */
export function productValues(product: SeedProduct): ProductValues {
  return {
    sku: product.sku,
    name: product.name,
    description: product.description,
    priceMinor: product.priceMinor,
    currency: product.currency,
    status: 'active',
    fulfillmentType: product.codeForm === null ? 'physical' : 'digital_code',
    taxClass: product.codeForm === null ? 'goods' : 'multi_purpose_voucher',
    categories: product.categories,
    images: [],
    metadata: {},
  }
}

function giftCards(): SeedProduct[] {
  const card = pooled('gift-cards', 'Redeem it in the shop of the brand; it does not expire.')
  const pin: Options = { codeForm: 'code_pin' }
  return [
    card('LUMORA-20-USD', 'Lumora Gift Card 20 USD', 2_000n, 'USD', 90, {
      variants: [
        variant('LUMORA-50-USD', 5_000n, { value: '50 USD' }, 20),
        variant('LUMORA-100-USD', 10_000n, { value: '100 USD' }, 12),
      ],
    }),
    card('LUMORA-25-EUR', 'Lumora Gift Card 25 EUR', 2_500n, 'EUR', 24, {
      variants: [variant('LUMORA-75-EUR', 7_500n, { value: '75 EUR' }, 12)],
    }),
    card('BRIGHTCART-15-USD', 'Brightcart Gift Card 15 USD', 1_500n, 'USD', 24, pin),
    card('BRIGHTCART-30-EUR', 'Brightcart Gift Card 30 EUR', 3_000n, 'EUR', 18, pin),
    card('TAVOLA-40-USD', 'Tavola Dining Card 40 USD', 4_000n, 'USD', 16, pin),
    card('TAVOLA-40-EUR', 'Tavola Dining Card 40 EUR', 4_000n, 'EUR', 16, pin),
    card('HARROWFINCH-25-USD', 'Harrow & Finch Books 25 USD', 2_500n, 'USD', 16),
    card('SALTMARSH-10-EUR', 'Saltmarsh Music Gift Card 10 EUR', 1_000n, 'EUR', 16),
  ]
}

function gameKeys(): SeedProduct[] {
  const key = pooled('game-keys', 'A key for one account of the publisher, usable once.')
  return [
    key('STARFOLD-PC', 'Starfold: Tides of Orrin (PC)', 5_999n, 'USD', 20, {
      variants: [variant('STARFOLD-PC-DELUXE', 7_999n, { edition: 'Deluxe' }, 10)],
    }),
    key('STARFOLD-PC-EU', 'Starfold: Tides of Orrin (PC, Europe)', 5_499n, 'EUR', 16),
    key('GLASSHARBOUR-PC', 'Glass Harbour (PC)', 2_499n, 'USD', 16),
    key('EMBERTRAIL-CONSOLE', 'Ember Trail 2 (console)', 6_999n, 'USD', 14),
    key('KARTSPRINT-CONSOLE', 'Kart Sprint Deluxe (console)', 4_999n, 'EUR', 14),
    key('PIXELFORGE-1000', 'Pixelforge 1,000 Shards', 999n, 'USD', 20),
    key('PIXELFORGE-2800', 'Pixelforge 2,800 Shards', 2_499n, 'USD', 14),
    key('NIMBUS-1M', 'Nimbus Play Pass, 1 month', 1_299n, 'USD', 18),
    key('NIMBUS-3M-EU', 'Nimbus Play Pass, 3 months', 3_599n, 'EUR', 14),
  ]
}

function vouchers(): SeedProduct[] {
  const voucher = pooled('vouchers', 'Open the link to choose how it is used.')
  const link: Options = { codeForm: 'url' }
  return [
    voucher('KITEWING-50-USD', 'Kitewing Travel Voucher 50 USD', 5_000n, 'USD', 14, link),
    voucher('KITEWING-50-EUR', 'Kitewing Travel Voucher 50 EUR', 5_000n, 'EUR', 14, link),
    voucher('EMBER-CINEMA-2', 'Ember Cinema, two seats', 2_200n, 'EUR', 14, link),
    voucher('THERMA-SPA-DAY', 'Therma Spa, one day', 8_900n, 'EUR', 10, link),
    voucher('ROAMLINE-5GB', 'Roamline Travel Data 5 GB', 1_900n, 'USD', 16, link),
    voucher('ROAMLINE-20GB', 'Roamline Travel Data 20 GB', 4_900n, 'USD', 12, link),
  ]
}

/** The supplier decides by the SKU what it does: `docs/suppliers.md`. */
function suppliedProducts(): SeedProduct[] {
  const supplied = (sku: string, name: string, priceMinor: bigint, what: string): SeedProduct => ({
    sku,
    name,
    description: `Bought from the sandbox supplier: ${what}`,
    priceMinor,
    currency: 'USD',
    categories: ['sandbox-supplier'],
    codeForm: 'code',
    codes: 0,
    supplied: true,
    variants: [],
  })
  return [
    supplied('TEST-INSTANT', 'Lumora Gift Card 10 USD', 1_000n, 'every code at once.'),
    supplied('TEST-PARTIAL', 'Tavola Dining Card 25 USD', 2_500n, 'half at once, half 10 s later.'),
    supplied('TEST-DELAYED', 'Kitewing Travel Voucher 100 USD', 10_000n, 'every code after 10 s.'),
    supplied('TEST-OUT-OF-STOCK', 'Starfold Collector Key (PC)', 8_999n, 'no code, ever.'),
    supplied('TEST-LATE-STOCK', 'Ember Trail 3 Season Pass', 2_999n, 'nothing for one minute.'),
    supplied(
      'TEST-TIMEOUT-THEN-OK',
      'Brightcart Gift Card 50 USD',
      5_000n,
      'sold, but its first answer is lost.',
    ),
    supplied(
      'TEST-TIMEOUT-THEN-NONE',
      'Harrow & Finch Books 50 USD',
      5_000n,
      'not sold, and its first answer is lost.',
    ),
    supplied(
      'TEST-DUPLICATE',
      'Saltmarsh Music Pass, 3 months',
      2_699n,
      'every second code is one that was sold before.',
    ),
    supplied('TEST-SURPLUS', 'Glass Harbour Soundtrack', 899n, 'one code too many.'),
    supplied('TEST-PROCESSING', 'Nimbus Play Pass, 12 months', 11_999n, 'five times "processing".'),
  ]
}

function physicalProducts(): SeedProduct[] {
  const goods = (
    sku: string,
    name: string,
    priceMinor: bigint,
    currency: 'USD' | 'EUR',
    variants: SeedVariant[] = [],
  ): SeedProduct => ({
    sku,
    name,
    description: 'For the shop counter; it is shipped.',
    priceMinor,
    currency,
    categories: ['counter'],
    codeForm: null,
    codes: 0,
    supplied: false,
    variants,
  })
  return [
    goods('SLEEVES-50', 'Gift Card Sleeves, pack of 50', 1_250n, 'USD'),
    goods('DISPLAY-COUNTER', 'Counter Display, 24 pockets', 6_400n, 'USD'),
    goods('RECEIPT-ROLLS-20', 'Receipt Rolls, pack of 20', 1_890n, 'EUR'),
    goods('VOUCHER-PRINTER', 'Voucher Printer, desktop', 18_900n, 'EUR'),
    goods('STARFOLD-SHIRT', 'Starfold T-Shirt', 2_400n, 'USD', [
      variant('STARFOLD-SHIRT-S', null, { size: 'S' }, 0),
      variant('STARFOLD-SHIRT-M', null, { size: 'M' }, 0),
      variant('STARFOLD-SHIRT-L', null, { size: 'L' }, 0),
    ]),
    goods('GIFT-BOX-LARGE', 'Gift Box, large', 390n, 'EUR'),
    goods('WINDOW-STICKER', 'Window Sticker "Gift Cards Here"', 290n, 'USD'),
  ]
}

function pooled(category: string, description: string) {
  return (
    sku: string,
    name: string,
    priceMinor: bigint,
    currency: 'USD' | 'EUR',
    codes: number,
    options: Options = {},
  ): SeedProduct => ({
    sku,
    name,
    description,
    priceMinor,
    currency,
    categories: [category],
    codeForm: options.codeForm ?? 'code',
    codes,
    supplied: false,
    variants: options.variants ?? [],
  })
}

function variant(
  sku: string,
  priceMinor: bigint | null,
  attributes: Record<string, string>,
  codes: number,
): SeedVariant {
  return { sku, priceMinor, attributes, codes }
}
