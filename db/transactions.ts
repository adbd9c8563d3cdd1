import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { OrderMoney, OrderProgress } from '../domain/order-status.ts'
import type { Db } from './client.ts'
import type { Address } from './customers.ts'
import { listPage, type PageRequest, type RowsPage } from './keyset.ts'
import { instantOf, type Moment } from './moment.ts'
import { orderStatusFilter, type OrderStatusFilter } from './order-status-filter.ts'
import type { Owner, PurchaseOrderView } from './purchase-order-views.ts'

/**
 * The rows of an order that never change, as SQL's `transaction_facts` writes them. Amounts are
 * minor units of `currency`, below 2^53; instants are RFC 3339 text.
 */
export type TransactionFacts = {
  id: string
  account_id: string
  customer_id: string
  position: number
  client_reference: string | null
  currency: string
  total_minor: number
  unit_count: number
  payment_method: string
  allow_backorder: boolean
  deadline_at: string
  /** Until when its money must have come; null on credit, and on orders from before that existed. */
  pay_by?: string | null
  shipping_address: AddressFacts | null
  billing_address: AddressFacts | null
  shipping_method: string | null
  metadata: OrderMetadata
  accepted_at: string
  created_at: string
  purchase_order: {
    id: string
    business_date: string
    sequence: number
    currency: string
    scheduled_end: string
  }
  lines: LineFacts[]
}

export type LineFacts = {
  id: string
  product_id: string
  variant_id: string | null
  sku: string
  name: string
  quantity: number
  fulfillment_type: string
  unit_price_minor: number
  total_minor: number
}

/** What the client keeps with its order; ours to store and echo. */
export type OrderMetadata = Record<string, string | number | boolean | null>

/** An address as the client sent it and the API checked it. */
export type AddressFacts = Omit<Address, 'id'>

/** An order with everything about it that changes. */
export type TransactionView = {
  facts: TransactionFacts
  units: OrderProgress['units']
  paid_units: number
  /** Null on credit. */
  money: OrderMoney | null
  purchase_order_state: PurchaseOrderView['state']
}

/** Throws `not_found`, also for another owner's. One statement. */
export async function getTransactionView(
  db: Db,
  owner: Owner,
  transactionId: string,
): Promise<TransactionView> {
  const row = await selectViews(db, owner)
    .where('transactions.id', '=', transactionId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such order')
  return row
}

export type TransactionFilter = OrderStatusFilter & {
  customerId?: string
  purchaseOrderId?: string
  clientReference?: string
  /** Half-open: accepted at or after `from`, before `before`. */
  from?: Moment
  before?: Moment
}

/** Orders, the latest accepted first. The number of statements does not depend on the rows. */
export async function listTransactionViews(
  db: Db,
  owner: Owner,
  filter: TransactionFilter,
  request: PageRequest,
): Promise<RowsPage<TransactionView>> {
  const { customerId, purchaseOrderId, clientReference, from, before, ...statuses } = filter
  let query = selectViews(db, owner)
  if (customerId !== undefined) query = query.where('transactions.customer_id', '=', customerId)
  if (purchaseOrderId !== undefined) {
    query = query.where('transactions.purchase_order_id', '=', purchaseOrderId)
  }
  if (clientReference !== undefined) {
    query = query.where('transactions.client_reference', '=', clientReference)
  }
  const at = (moment: Moment) => instantOf(moment, owner.accountId)
  if (from !== undefined) query = query.where('transactions.accepted_at', '>=', at(from))
  if (before !== undefined) query = query.where('transactions.accepted_at', '<', at(before))
  const statusCondition = orderStatusFilter(statuses)
  if (statusCondition !== null) query = query.where(statusCondition)
  return listPage(
    db,
    query,
    {
      columns: [
        { value: sql.ref('transactions.accepted_at'), type: 'timestamptz' },
        { value: sql.ref('transactions.id'), type: 'text' },
      ],
      descending: true,
    },
    request,
  )
}

function selectViews(db: Db, owner: Owner) {
  const query = db
    .selectFrom('transactions')
    .innerJoin('purchase_orders', (join) =>
      join
        .onRef('purchase_orders.id', '=', 'transactions.purchase_order_id')
        .on(sql<boolean>`(purchase_orders.account_id = transactions.account_id) is true`),
    )
    .select([
      sql<TransactionFacts>`transaction_facts(transactions.account_id, transactions.id)`.as(
        'facts',
      ),
      sql<OrderProgress['units']>`order_state(transactions.account_id, transactions.id)`.as(
        'units',
      ),
      sql<number>`(
        select count(*)::integer from units u
        cross join lateral (select i.state from invoice_lines l join invoices i on i.id = l.invoice_id
          where l.id = u.invoice_line_id limit 1) i
        where u.transaction_id = transactions.id
          and (u.account_id = transactions.account_id) is true and i.state = 'paid')`.as(
        'paid_units',
      ),
      sql<OrderMoney | null>`case when transactions.pay_by is not null
        then order_money(transactions.account_id, transactions.id) end`.as('money'),
      'purchase_orders.state as purchase_order_state',
    ])
    .where('transactions.account_id', '=', owner.accountId)
  return owner.customerId === null
    ? query
    : query.where('transactions.customer_id', '=', owner.customerId)
}
