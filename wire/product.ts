import { minorToNumber } from '../domain/money.ts'
import type { ProductRow, VariantRow } from '../db/products.ts'
import { printInstant } from './instant.ts'

/** A product as every answer and every `product.*` event prints it. */
export function renderProduct(row: ProductRow) {
  return {
    object: 'product' as const,
    id: row.id,
    sku: row.sku,
    name: row.name,
    description: row.description,
    price: minorToNumber(row.price_minor, row.currency),
    price_minor: Number(row.price_minor),
    currency: row.currency,
    status: row.status,
    fulfillment_type: row.fulfillment_type,
    tax_class: row.tax_class,
    categories: row.categories,
    images: row.images,
    // Codes of the own pool that can be sold now, over the product and its variants.
    inventory: row.own_inventory + row.variants.reduce((sum, each) => sum + each.inventory, 0),
    variants: row.variants.map((variant) => renderVariant(variant, row.currency)),
    metadata: row.metadata,
    version: row.version,
    created_at: printInstant(row.created_at),
    updated_at: printInstant(row.updated_at),
  }
}

function renderVariant(row: VariantRow, currency: string) {
  const priceMinor = row.price_minor === null ? null : BigInt(row.price_minor)
  return {
    id: row.id,
    sku: row.sku,
    // Null: the product's price.
    price: priceMinor === null ? null : minorToNumber(priceMinor, currency),
    price_minor: row.price_minor,
    inventory: row.inventory,
    attributes: row.attributes,
    image: row.image,
  }
}
