import { z } from '@hono/zod-openapi'
import { isId } from '../../../domain/id.ts'
import {
  amountField,
  currencyField,
  instantField,
  line,
  metadataField,
  prose,
  webUrlField,
} from '../../fields.ts'

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
