import { z } from '@hono/zod-openapi'
import type { ProductImage, ProductRow, ProductValues } from '../../db/products.ts'
import type { VariantValues } from '../../db/variants.ts'
import { DomainError } from '../../domain/error.ts'
import { isId } from '../../domain/id.ts'
import { newId } from '../../new-id.ts'
import {
  amountField,
  currencyField,
  instantField,
  line,
  metadataField,
  prose,
  toMinor,
  webUrlField,
} from '../fields.ts'

/** The largest order has 10,000 units: this keeps its total below 2^53, as SQL's CHECK does. */
const PRICE_MINOR_MAX = 100_000_000_000n
const VARIANTS_MAX = 200
const IMAGES_MAX = 50
const CATEGORIES_MAX = 50
const ATTRIBUTES_MAX = 50

export const productStatuses = ['active', 'draft', 'archived'] as const
export const fulfillmentTypes = ['physical', 'digital_code'] as const
const taxClasses = [
  'multi_purpose_voucher',
  'single_purpose_voucher',
  'digital_service',
  'goods',
  'fee',
] as const

/** Printable ASCII, because SKUs travel in paths and spreadsheets; never the form of an id. */
const skuField = z
  .string()
  .max(100)
  .regex(/^[!-~](?:[ -~]*[!-~])?$/, 'Must be printable ASCII without spaces at its ends')
  .refine((sku) => sku !== '.' && sku !== '..' && !isId('product', sku), 'Cannot be a SKU')
  .openapi({ example: 'HEADPHONE-001' })

export const categoryField = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'Must be a slug such as gift-cards')

const imageField = z.union(
  [webUrlField, z.strictObject({ url: webUrlField, alt: line(200).nullable().optional() })],
  { error: 'Must be an http or https URL, or an object with such a url and an optional alt' },
)

const attributesField = z
  .record(z.string().min(1).max(64), line(200))
  .refine((attributes) => Object.keys(attributes).length <= ATTRIBUTES_MAX, {
    error: `At most ${ATTRIBUTES_MAX} attributes`,
  })
  .openapi({ example: { size: 'Large', color: 'Blue' } })

const variantFields = z.strictObject({
  id: z.string().max(64).optional(),
  sku: skuField,
  price: amountField.nullable().optional(),
  inventory: z
    .never({ error: 'Is read-only: it counts the codes that were imported' })
    .optional()
    .openapi({ type: 'null', description: 'Read-only.' }),
  attributes: attributesField.optional(),
  image: webUrlField.nullable().optional(),
})

const changeable = {
  name: line(200).openapi({ example: 'Premium Wireless Headphones' }),
  description: prose(10_000).nullable().openapi({ example: 'High-quality audio experience' }),
  price: amountField,
  sku: skuField,
  currency: currencyField,
  status: z.enum(productStatuses),
  fulfillment_type: z.enum(fulfillmentTypes),
  tax_class: z.enum(taxClasses),
  categories: z.array(categoryField).max(CATEGORIES_MAX),
  images: z.array(imageField).max(IMAGES_MAX),
  variants: z.array(variantFields).max(VARIANTS_MAX),
  metadata: metadataField,
}

export const productCreate = z
  .strictObject(changeable)
  .partial()
  .required({ name: true, price: true, sku: true })
  .openapi('ProductCreate', {
    example: {
      name: 'Premium Wireless Headphones',
      description: 'High-quality audio experience',
      price: 199.99,
      sku: 'HEADPHONE-001',
      status: 'active',
      categories: ['electronics', 'audio'],
      variants: [{ sku: 'HEADPHONE-001-BLUE', attributes: { color: 'Blue' } }],
      images: ['https://cdn.example.com/headphones.png'],
    },
  })

/** A merge: what is left out stays. Lists and metadata are replaced as a whole. */
export const productUpdate = z
  .strictObject({ ...changeable, version: z.int().min(1) })
  .partial()
  .openapi('ProductUpdate', { example: { price: 189.99, categories: ['audio'] } })

export const productObject = z
  .strictObject({
    object: z.literal('product'),
    id: z.string().openapi({ example: 'prod_0199c0de5a000123456789abcd' }),
    sku: z.string(),
    name: z.string(),
    description: z.string(),
    price: z.number().openapi({ example: 199.99 }),
    price_minor: z.int().openapi({ example: 19999 }),
    currency: z.string().openapi({ example: 'USD' }),
    status: z.enum(productStatuses),
    fulfillment_type: z.enum(fulfillmentTypes),
    tax_class: z.enum(taxClasses),
    categories: z.array(z.string()),
    images: z.array(z.strictObject({ url: z.string(), alt: z.string().nullable() })),
    inventory: z.int().openapi({ description: 'Codes that can be sold now, over all variants.' }),
    variants: z.array(
      z.strictObject({
        id: z.string(),
        sku: z.string(),
        price: z.number().nullable().openapi({ description: "null: the product's price" }),
        price_minor: z.int().nullable(),
        inventory: z.int(),
        attributes: z.record(z.string(), z.string()),
        image: z.string().nullable(),
      }),
    ),
    metadata: metadataField,
    version: z.int().openapi({ description: 'Counts edits; send it back to refuse a lost one.' }),
    created_at: instantField,
    updated_at: instantField,
  })
  .openapi('Product')

export type ProductChange = Omit<z.output<typeof productUpdate>, 'version'>

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
  variant: z.output<typeof variantFields>,
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

function toImage(image: z.output<typeof imageField>): ProductImage {
  if (typeof image === 'string') return { url: image, alt: null }
  return { url: image.url, alt: image.alt ?? null }
}

function invalid(field: string, message: string): DomainError {
  return new DomainError('invalid_fields', `${field}: ${message}`, { fields: [{ field, message }] })
}
