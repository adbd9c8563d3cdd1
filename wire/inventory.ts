import type { InventoryRow } from '../db/stock-levels.ts'
import { stockState } from '../domain/stock.ts'

/** Codes are in one place: the own pool. A code is given out for good, so none is ever reserved. */
const POOL = 'code_pool'

/** The stock of a product, as `GET` and every event about it print it. */
export function renderInventory({ productId, levels, expiring }: InventoryRow) {
  const available = levels.reduce((sum, level) => sum + level.available, 0)
  return {
    object: 'inventory' as const,
    id: productId,
    product_id: productId,
    total_available: available,
    total_reserved: 0,
    locations: [{ warehouse_id: POOL, available, reserved: 0 }],
    levels: levels.map((level) => ({
      variant_id: level.variant_id || null,
      sku: level.sku,
      available: level.available,
      low_threshold: level.low_threshold,
      state: stockState(level.available, level.low_threshold),
    })),
    expiring: expiring.map(({ variant_id, expires_on, count }) => ({
      variant_id: variant_id || null,
      expires_on,
      available: count,
    })),
  }
}
