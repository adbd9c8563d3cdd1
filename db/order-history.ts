import { sql, type RawBuilder } from 'kysely'

/** What a customer has ordered; amounts in minor units by currency, below 2^53. */
export type OrderHistoryRow = {
  order_count: number
  /** Delivered codes at their prices, before tax. */
  spent: Record<string, number>
  last_order_at: Date | string | null
}

/**
 * What is billed stands on the invoices; only the units that are not are looked at one by one, so
 * the sum does not grow slower with the years.
 */
export function orderHistory(): RawBuilder<OrderHistoryRow> {
  return sql<OrderHistoryRow>`jsonb_build_object(
    'order_count', (select count(*) from transactions t
      where t.account_id = customers.account_id and t.customer_id = customers.id),
    'last_order_at', (select max(t.accepted_at) from transactions t
      where t.account_id = customers.account_id and t.customer_id = customers.id),
    'spent', (select coalesce(jsonb_object_agg(currency, minor), '{}') from (
      select currency, sum(minor) as minor from (
        select i.currency, i.subtotal_minor as minor from invoices i
        where i.account_id = customers.account_id and i.customer_id = customers.id
          and i.state <> 'void'
        union all
        select po.currency, u.price_minor from purchase_orders po
        join units u on u.purchase_order_id = po.id
        where po.account_id = customers.account_id and po.customer_id = customers.id
          and u.invoice_line_id is null and u.state = 'allocated') amounts
      group by currency) spent))`
}
