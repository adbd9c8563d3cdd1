import type { SupplierSkuRow } from '../db/supplier-skus.ts'
import type { SupplierRow } from '../db/suppliers.ts'
import { minorToNumber } from '../domain/money.ts'
import { printInstant } from './instant.ts'

/** A supplier as the API prints it: never with its secret. */
export function renderSupplier(row: SupplierRow) {
  return {
    object: 'supplier' as const,
    id: row.id,
    name: row.name,
    adapter: row.adapter,
    active: row.active,
    base_url: row.base_url,
    limits: {
      per_second: row.per_second_max,
      in_flight: row.in_flight_max,
      call_seconds: row.call_seconds_max,
    },
    breaker: {
      state: row.breaker_opened_at === null ? ('closed' as const) : ('open' as const),
      failures: row.breaker_failures,
      opened_at: row.breaker_opened_at === null ? null : printInstant(row.breaker_opened_at),
      probe_at: row.breaker_probe_at === null ? null : printInstant(row.breaker_probe_at),
      reason: row.breaker_reason,
    },
    version: row.version,
    created_at: printInstant(row.created_at),
    updated_at: printInstant(row.updated_at),
  }
}

/** What a supplier sells, and what it costs the merchant. */
export function renderSupplierSku(row: SupplierSkuRow) {
  return {
    object: 'supplier_sku' as const,
    id: row.id,
    supplier_id: row.supplier_id,
    product_id: row.product_id,
    variant_id: row.variant_id === '' ? null : row.variant_id,
    supplier_sku: row.supplier_sku,
    priority: row.priority,
    cost: minorToNumber(row.cost_minor, row.currency),
    cost_minor: Number(row.cost_minor),
    currency: row.currency,
    active: row.active,
    version: row.version,
    created_at: printInstant(row.created_at),
    updated_at: printInstant(row.updated_at),
  }
}
