import { minorToNumber } from '../domain/money.ts'
import { purchaseOrderNumber } from '../domain/purchase-order.ts'
import type { PurchaseOrderView } from '../db/purchase-order-views.ts'
import { printInstant } from './instant.ts'

/** The closed list of a purchase order's states, in the order in which it passes them. */
export const PURCHASE_ORDER_STATUSES = ['open', 'settling', 'invoiced', 'settled'] as const
export type PurchaseOrderStatus = (typeof PURCHASE_ORDER_STATUSES)[number]

/**
 * What one customer ordered in one business day and currency. `closes_at` is the end of the day as
 * announced when it opened; `closed_at` says when it really ended, early or on time.
 */
export function renderPurchaseOrder(row: PurchaseOrderView) {
  return {
    object: 'purchase_order' as const,
    id: row.id,
    number: purchaseOrderNumber({
      businessDate: row.business_date,
      currency: row.currency,
      sequence: row.sequence,
      customerId: row.customer_id,
    }),
    customer_id: row.customer_id,
    business_date: row.business_date,
    sequence: row.sequence,
    status: row.state,
    time_zone: row.time_zone,
    period_start: printInstant(row.period_start),
    closes_at: printInstant(row.scheduled_end),
    closed_at: row.closed_at === null ? null : printInstant(row.closed_at),
    transaction_count: Number(row.transaction_count),
    currency: row.currency,
    total: minorToNumber(row.total_minor, row.currency),
    total_minor: Number(row.total_minor),
    invoices: row.invoices.map(({ id, number }) => ({ id, number })),
    created_at: printInstant(row.opened_at),
    links: {
      self: `/v2/purchase-orders/${row.id}`,
      transactions: `/v2/purchase-orders/${row.id}/transactions`,
    },
  }
}
