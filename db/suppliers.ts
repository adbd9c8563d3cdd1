import type { Tx } from './client.ts'

/** Where codes come from when the own pool has none. `name` is unique in the account. */
export async function insertSupplier(
  tx: Tx,
  supplier: { id: string; accountId: string; name: string; adapter: 'sandbox' },
): Promise<void> {
  await tx
    .insertInto('suppliers')
    .values({
      id: supplier.id,
      account_id: supplier.accountId,
      name: supplier.name,
      adapter: supplier.adapter,
    })
    .execute()
}

export type NewSupplierSku = {
  productId: string
  /** '' for the product itself. */
  variantId: string
  /** What the supplier calls it. */
  supplierSku: string
  /** What the supplier asks for one code, in minor units of `currency`. */
  costMinor: bigint
  currency: string
}

/** Says which products a supplier sells. */
export async function insertSupplierSkus(
  tx: Tx,
  key: { accountId: string; supplierId: string },
  skus: NewSupplierSku[],
): Promise<void> {
  await tx
    .insertInto('supplier_skus')
    .values(
      skus.map((sku) => ({
        account_id: key.accountId,
        supplier_id: key.supplierId,
        product_id: sku.productId,
        variant_id: sku.variantId,
        supplier_sku: sku.supplierSku,
        cost_minor: sku.costMinor,
        currency: sku.currency,
      })),
    )
    .execute()
}
