import type { CodeStockRow, QuarantinedCodeRow } from '../db/code-reports.ts'
import { minorToNumber } from '../domain/money.ts'
import { printInstant } from './instant.ts'

/** A code that was kept aside; its secret is nobody's business. */
export function renderQuarantinedCode(row: QuarantinedCodeRow) {
  const { cost_minor: costMinor, cost_currency: currency } = row
  return {
    object: 'quarantined_code' as const,
    id: row.id,
    product_id: row.product_id,
    variant_id: row.variant_id || null,
    reason: row.quarantine_reason,
    supplier_id: row.supplier_id,
    supplier_reference: row.supplier_reference,
    last4: row.last4,
    cost: costMinor === null || currency === null ? null : minorToNumber(costMinor, currency),
    cost_minor: costMinor === null ? null : Number(costMinor),
    currency,
    quarantined_at: printInstant(row.quarantined_at),
  }
}

/** Age and expiry of the codes of a product or variant. */
export function renderCodeStock(row: CodeStockRow) {
  const instant = (at: Date | null) => (at === null ? null : printInstant(at))
  return {
    object: 'code_stock' as const,
    product_id: row.product_id,
    variant_id: row.variant_id || null,
    sku: row.sku,
    available: row.available,
    expires_within_7_days: row.within_7_days,
    expires_within_30_days: row.within_30_days,
    expired: row.expired,
    quarantined: row.quarantined,
    oldest_at: instant(row.oldest_at),
    first_expiry_at: instant(row.first_expiry_at),
  }
}
