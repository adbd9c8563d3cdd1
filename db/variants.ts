import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Tx } from './client.ts'

export type VariantValues = {
  id: string
  sku: string
  /** Null: the product's price. */
  priceMinor: bigint | null
  attributes: Record<string, string>
  image: string | null
}

/** Every variant that the product ever had: orders and codes may name a removed one. */
export async function listVariantIds(
  tx: Tx,
  accountId: string,
  productId: string,
): Promise<{ id: string; sku: string }[]> {
  return tx
    .selectFrom('variants')
    .where('account_id', '=', accountId)
    .where('product_id', '=', productId)
    .select(['id', 'sku'])
    .execute()
}

/**
 * Makes these the product's variants, in this order, and claims its SKU and theirs. Others are
 * removed, which frees their SKUs. The caller holds the product's lock. Safe to repeat.
 *
 * @throws DomainError `sku_exists` when a SKU means something else in this account
 */
export async function replaceVariants(
  tx: Tx,
  accountId: string,
  product: { id: string; sku: string },
  variants: VariantValues[],
): Promise<void> {
  await tx
    .deleteFrom('skus')
    .where('account_id', '=', accountId)
    .where('product_id', '=', product.id)
    .execute()
  await tx
    .updateTable('variants')
    .set({ removed_at: sql`clock_timestamp()` })
    .where('account_id', '=', accountId)
    .where('product_id', '=', product.id)
    .where('removed_at', 'is', null)
    .where(sql<boolean>`id <> all (${variants.map((variant) => variant.id)})`)
    .execute()
  if (variants.length > 0) await upsertVariants(tx, accountId, product.id, variants)
  await claimSkus(tx, accountId, product, variants)
}

async function upsertVariants(
  tx: Tx,
  accountId: string,
  productId: string,
  variants: VariantValues[],
): Promise<void> {
  await tx
    .insertInto('variants')
    .values(
      variants.map((variant, position) => ({
        id: variant.id,
        account_id: accountId,
        product_id: productId,
        sku: variant.sku,
        price_minor: variant.priceMinor,
        attributes: JSON.stringify(variant.attributes),
        image: variant.image,
        position,
      })),
    )
    .onConflict((conflict) =>
      conflict.column('id').doUpdateSet((row) => ({
        sku: row.ref('excluded.sku'),
        price_minor: row.ref('excluded.price_minor'),
        attributes: row.ref('excluded.attributes'),
        image: row.ref('excluded.image'),
        position: row.ref('excluded.position'),
        removed_at: null,
      })),
    )
    .execute()
}

/** In the order of the SKUs, so that two products claiming the same ones never wait in a circle. */
async function claimSkus(
  tx: Tx,
  accountId: string,
  product: { id: string; sku: string },
  variants: VariantValues[],
): Promise<void> {
  const claims = [
    { sku: product.sku, variant_id: null },
    ...variants.map((variant) => ({ sku: variant.sku, variant_id: variant.id })),
  ].toSorted((a, b) => (a.sku < b.sku ? -1 : 1))
  const claimed = await tx
    .insertInto('skus')
    .values(claims.map((claim) => ({ account_id: accountId, product_id: product.id, ...claim })))
    .onConflict((conflict) => conflict.columns(['account_id', 'sku']).doNothing())
    .returning('sku')
    .execute()
  if (claimed.length === claims.length) return
  const free = new Set(claimed.map((claim) => claim.sku))
  const taken = claims.find((claim) => !free.has(claim.sku))
  throw new DomainError('sku_exists', `The SKU '${taken?.sku ?? product.sku}' is already taken.`, {
    fields: [{ field: 'sku', message: `'${taken?.sku ?? product.sku}' is already taken` }],
  })
}
