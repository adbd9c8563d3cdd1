import type { z } from '@hono/zod-openapi'
import type { ProductImage, ProductRow, ProductValues } from '../../../db/products.ts'
import type { VariantValues } from '../../../db/variants.ts'
import { DomainError } from '../../../domain/error.ts'
import { newId } from '../../../new-id.ts'
import { toMinor } from '../../fields.ts'
import type { productUpdate } from './product-fields.ts'

/** The largest order has 10,000 units: this keeps its total below 2^53, as SQL's CHECK does. */
const PRICE_MINOR_MAX = 100_000_000_000n

export type ProductChange = Omit<z.output<typeof productUpdate>, 'version'>
type VariantChange = NonNullable<ProductChange['variants']>[number]
type ImageChange = NonNullable<ProductChange['images']>[number]

/** Everything about a product that a client can set. */
export type ProductState = { values: ProductValues; variants: VariantValues[] }

/** What a new product starts from; name, price and SKU are required and come with the change. */
export function blankProduct(currency: string): ProductState {
  return {
    values: {
      sku: '',
      name: '',
      description: '',
      priceMinor: 0n,
      currency,
      status: 'active',
      fulfillmentType: 'physical',
      taxClass: 'goods',
      categories: [],
      images: [],
      metadata: {},
    },
    variants: [],
  }
}

/** The state of a stored product. */
export function stateOf(row: ProductRow): ProductState {
  return {
    values: {
      sku: row.sku,
      name: row.name,
      description: row.description,
      priceMinor: row.price_minor,
      currency: row.currency,
      status: row.status,
      fulfillmentType: row.fulfillment_type,
      taxClass: row.tax_class,
      categories: row.categories,
      images: row.images,
      metadata: row.metadata,
    },
    variants: row.variants.map((variant) => ({
      id: variant.id,
      sku: variant.sku,
      priceMinor: variant.price_minor === null ? null : BigInt(variant.price_minor),
      attributes: variant.attributes,
      image: variant.image,
    })),
  }
}

/**
 * The state after a change. `known` are all variants that the product ever had: one that is named
 * by its id or its SKU keeps its id, also when it had been removed, so its codes come back with it.
 *
 * @throws DomainError `invalid_amount`, or `invalid_fields` for a variant of another product, a SKU
 *   named twice, and a new currency without new prices; each names its field
 */
export function applyChange(
  before: ProductState,
  change: ProductChange,
  known: readonly { id: string; sku: string }[],
): ProductState {
  const start = before.values
  const currency = change.currency ?? start.currency
  if (currency !== start.currency && start.sku !== '') requirePricesAnew(before, change)
  const values: ProductValues = {
    sku: change.sku ?? start.sku,
    name: change.name ?? start.name,
    description: change.description === null ? '' : (change.description ?? start.description),
    priceMinor:
      change.price === undefined
        ? start.priceMinor
        : toMinor(change.price, currency, 'price', PRICE_MINOR_MAX),
    currency,
    status: change.status ?? start.status,
    fulfillmentType: change.fulfillment_type ?? start.fulfillmentType,
    taxClass: change.tax_class ?? taxClassAfter(start, change),
    categories:
      change.categories === undefined ? start.categories : [...new Set(change.categories)],
    images: change.images?.map(toImage) ?? start.images,
    metadata: change.metadata ?? start.metadata,
  }
  const variants = change.variants?.map((variant, index) =>
    toVariant(variant, `variants.${index}`, currency, known),
  )
  requireDistinct(values.sku, variants ?? before.variants)
  return { values, variants: variants ?? before.variants }
}

/** A digital product is a voucher unless it is said to be something else. */
function taxClassAfter(start: ProductValues, change: ProductChange): ProductValues['taxClass'] {
  const isNewlyDigital = start.sku === '' && change.fulfillment_type === 'digital_code'
  return isNewlyDigital ? 'multi_purpose_voucher' : start.taxClass
}

function toVariant(
  variant: VariantChange,
  field: string,
  currency: string,
  known: readonly { id: string; sku: string }[],
): VariantValues {
  const before = known.find((each) =>
    variant.id === undefined ? each.sku === variant.sku : each.id === variant.id,
  )
  if (variant.id !== undefined && before === undefined) {
    throw invalid(`${field}.id`, 'No such variant of this product')
  }
  return {
    id: before?.id ?? newId('variant'),
    sku: variant.sku,
    priceMinor:
      variant.price === undefined || variant.price === null
        ? null
        : toMinor(variant.price, currency, `${field}.price`, PRICE_MINOR_MAX),
    attributes: variant.attributes ?? {},
    image: variant.image ?? null,
  }
}

function requireDistinct(productSku: string, variants: readonly VariantValues[]): void {
  const skus = new Set([productSku])
  const ids = new Set<string>()
  for (const [index, variant] of variants.entries()) {
    if (skus.has(variant.sku)) throw invalid(`variants.${index}.sku`, 'Is named twice')
    if (ids.has(variant.id)) throw invalid(`variants.${index}.id`, 'Is named twice')
    skus.add(variant.sku)
    ids.add(variant.id)
  }
}

/** Nothing is ever converted: a product that changes its currency is priced anew. */
function requirePricesAnew(before: ProductState, change: ProductChange): void {
  if (change.price === undefined) throw invalid('price', 'Is required when the currency changes')
  const priced = before.variants.some((variant) => variant.priceMinor !== null)
  if (priced && change.variants === undefined) {
    throw invalid('variants', 'Are required when the currency changes')
  }
}

function toImage(image: ImageChange): ProductImage {
  if (typeof image === 'string') return { url: image, alt: null }
  return { url: image.url, alt: image.alt ?? null }
}

function invalid(field: string, message: string): DomainError {
  return new DomainError('invalid_fields', `${field}: ${message}`, { fields: [{ field, message }] })
}
