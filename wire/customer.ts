import { minorToNumber } from '../domain/money.ts'
import type { CustomerRow } from '../db/customers.ts'
import type { OrderHistoryRow } from '../db/order-history.ts'
import { printInstant } from './instant.ts'

/**
 * A customer as lists print it; with its order history as `GET /v2/customers/{id}` and every
 * `customer.*` event print it.
 */
export function renderCustomer(row: CustomerRow) {
  return {
    object: 'customer' as const,
    id: row.id,
    email: row.email,
    first_name: row.first_name,
    last_name: row.last_name,
    company: row.company,
    phone: row.phone,
    tags: row.tags,
    addresses: row.addresses,
    tax_id: row.tax_id,
    time_zone: row.time_zone,
    cut_off: row.cut_off,
    credit_limits: mapAmounts(row.credit_limits, minorToNumberOrNull),
    credit_limits_minor: mapAmounts(row.credit_limits, (minor) => minor),
    metadata: row.metadata,
    status: row.status,
    version: row.version,
    created_at: printInstant(row.created_at),
    updated_at: printInstant(row.updated_at),
    ...(row.order_history === undefined
      ? {}
      : { order_history: renderOrderHistory(row.order_history) }),
  }
}

function renderOrderHistory(history: OrderHistoryRow) {
  return {
    order_count: history.order_count,
    total_spent: mapAmounts(history.spent, (minor, currency) =>
      minorToNumber(BigInt(minor), currency),
    ),
    total_spent_minor: history.spent,
    last_order_at: history.last_order_at === null ? null : printInstant(history.last_order_at),
  }
}

/** Null is unlimited. */
function minorToNumberOrNull(minor: number | null, currency: string): number | null {
  return minor === null ? null : minorToNumber(BigInt(minor), currency)
}

function mapAmounts<From, To>(
  amounts: Readonly<Record<string, From>>,
  print: (minor: From, currency: string) => To,
): Record<string, To> {
  return Object.fromEntries(
    Object.entries(amounts).map(([currency, minor]) => [currency, print(minor, currency)]),
  )
}
