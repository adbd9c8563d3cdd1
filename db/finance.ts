import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { UnitCounts } from '../domain/order-status.ts'
import type { UnitState } from '../domain/unit.ts'
import type { Db } from './client.ts'
import { listPage, type PageRequest, type RowsPage } from './keyset.ts'
import { purchaseOrderSums } from './purchase-order-views.ts'
import type { PurchaseOrders, Transactions } from './tables.ts'
import type { Selectable } from 'kysely'

/**
 * What the finance pages read: every query names the account, and none of them touches a code.
 * The number of statements does not depend on the number of rows.
 */

export type FinanceAccount = {
  name: string
  legal_name: string
  mode: 'live' | 'test'
  time_zone: string
  /** The account's business clock. */
  now: Date
}

/** Throws `not_found`. */
export async function getFinanceAccount(db: Db, accountId: string): Promise<FinanceAccount> {
  const row = await db
    .selectFrom('accounts')
    .select(['name', 'legal_name', 'mode', 'time_zone', sql<Date>`business_now(id)`.as('now')])
    .where('id', '=', accountId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such account')
  return row
}

/** A purchase order with the name of its customer and what its orders add up to. */
export type FinancePurchaseOrder = Pick<
  Selectable<PurchaseOrders>,
  | 'id'
  | 'customer_id'
  | 'currency'
  | 'business_date'
  | 'sequence'
  | 'state'
  | 'time_zone'
  | 'period_start'
  | 'scheduled_end'
  | 'closed_at'
  | 'settle_until'
  | 'held_at'
> & {
  customer_name: string
  transaction_count: bigint
  /** As accepted, in minor units of `currency`. */
  total_minor: bigint
  invoices: { id: string; number: string }[]
}

export type FinancePurchaseOrderFilter = {
  /** Only what belongs to the day that is not over yet, wherever the customer is. */
  today?: boolean
  /** YYYY-MM-DD, the customer's business day. */
  businessDate?: string
  status?: FinancePurchaseOrder['state']
}

/** The latest opened first; today's by customer and currency. */
export async function listFinancePurchaseOrders(
  db: Db,
  accountId: string,
  filter: FinancePurchaseOrderFilter,
  request: PageRequest,
): Promise<RowsPage<FinancePurchaseOrder>> {
  let query = selectPurchaseOrders(db, accountId)
  if (filter.today === true) query = query.where(isToday(accountId))
  if (filter.businessDate !== undefined) {
    query = query.where('po.business_date', '=', filter.businessDate)
  }
  if (filter.status !== undefined) query = query.where('po.state', '=', filter.status)
  const byCustomer = [
    { value: customerName(), type: 'text' as const },
    { value: sql.ref('po.customer_id'), type: 'text' as const },
    { value: sql.ref('po.currency'), type: 'text' as const },
    { value: sql.ref('po.id'), type: 'text' as const },
  ]
  const byOpening = [
    { value: sql.ref('po.created_at'), type: 'timestamptz' as const },
    { value: sql.ref('po.id'), type: 'text' as const },
  ]
  const keyset =
    filter.today === true
      ? { columns: byCustomer, descending: false }
      : { columns: byOpening, descending: true }
  return listPage(db, query, keyset, request)
}

/** Throws `not_found`, also for another account's. */
export async function getFinancePurchaseOrder(
  db: Db,
  accountId: string,
  purchaseOrderId: string,
): Promise<FinancePurchaseOrder> {
  const row = await selectPurchaseOrders(db, accountId)
    .where('po.id', '=', purchaseOrderId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such purchase order')
  return row
}

export type FinanceTransaction = Pick<
  Selectable<Transactions>,
  | 'id'
  | 'purchase_order_id'
  | 'position'
  | 'currency'
  | 'total_minor'
  | 'client_reference'
  | 'payment_method'
  | 'accepted_at'
  | 'deadline_at'
> & { units: UnitCounts }

/** The transactions of a purchase order, in the order of their acceptance. */
export async function listFinanceTransactions(
  db: Db,
  accountId: string,
  purchaseOrderId: string,
  request: PageRequest,
): Promise<RowsPage<FinanceTransaction>> {
  const query = selectTransactions(db, accountId).where('t.purchase_order_id', '=', purchaseOrderId)
  const columns = [
    { value: sql.ref('t.position'), type: 'bigint' as const },
    { value: sql.ref('t.id'), type: 'text' as const },
  ]
  return listPage(db, query, { columns, descending: false }, request)
}

/** Throws `not_found`, also for another account's. */
export async function getFinanceTransaction(
  db: Db,
  accountId: string,
  transactionId: string,
): Promise<FinanceTransaction> {
  const row = await selectTransactions(db, accountId)
    .where('t.id', '=', transactionId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such transaction')
  return row
}

/** One requested piece, without its code. */
export type FinanceUnit = {
  id: string
  position: number
  sku: string
  name: string
  price_minor: bigint
  currency: string
  state: UnitState
  reason: string | null
  allocated_at: Date | null
  invoice_id: string | null
  invoice_number: string | null
}

/** The units of a transaction in their order. */
export async function listFinanceUnits(
  db: Db,
  accountId: string,
  transactionId: string,
  request: PageRequest,
): Promise<RowsPage<FinanceUnit>> {
  const query = db
    .selectFrom('units as u')
    .innerJoin('lines as l', (join) =>
      join.onRef('l.account_id', '=', 'u.account_id').onRef('l.id', '=', 'u.line_id'),
    )
    .innerJoin('transactions as t', (join) =>
      join.onRef('t.account_id', '=', 'u.account_id').onRef('t.id', '=', 'u.transaction_id'),
    )
    .leftJoin('invoice_lines as il', (join) =>
      join.onRef('il.account_id', '=', 'u.account_id').onRef('il.id', '=', 'u.invoice_line_id'),
    )
    .leftJoin('invoices as i', (join) =>
      join.onRef('i.account_id', '=', 'il.account_id').onRef('i.id', '=', 'il.invoice_id'),
    )
    .select([
      'u.id',
      'u.position',
      'l.sku',
      'l.name',
      'u.price_minor',
      't.currency',
      'u.state',
      'u.reason',
      'u.allocated_at',
      'i.id as invoice_id',
      'i.number as invoice_number',
    ])
    .where('u.account_id', '=', accountId)
    .where('u.transaction_id', '=', transactionId)
  const columns = [
    { value: sql.ref('u.position'), type: 'bigint' as const },
    { value: sql.ref('u.id'), type: 'text' as const },
  ]
  return listPage(db, query, { columns, descending: false }, request)
}

function selectTransactions(db: Db, accountId: string) {
  return db
    .selectFrom('transactions as t')
    .select([
      't.id',
      't.purchase_order_id',
      't.position',
      't.currency',
      't.total_minor',
      't.client_reference',
      't.payment_method',
      't.accepted_at',
      't.deadline_at',
      sql<UnitCounts>`order_state(t.account_id, t.id)`.as('units'),
    ])
    .where('t.account_id', '=', accountId)
}

function selectPurchaseOrders(db: Db, accountId: string) {
  return db
    .selectFrom('purchase_orders as po')
    .innerJoin('customers as c', (join) =>
      join.onRef('c.account_id', '=', 'po.account_id').onRef('c.id', '=', 'po.customer_id'),
    )
    .select([
      'po.id',
      'po.customer_id',
      'po.currency',
      'po.business_date',
      'po.sequence',
      'po.state',
      'po.time_zone',
      'po.period_start',
      'po.scheduled_end',
      'po.closed_at',
      'po.settle_until',
      'po.held_at',
      customerName().as('customer_name'),
      ...purchaseOrderSums(),
    ])
    .where('po.account_id', '=', accountId)
}

/** How people call a customer of the join `c`. */
export function customerName() {
  return sql<string>`coalesce(c.company, nullif(concat_ws(' ', c.first_name, c.last_name), ''),
    c.email)`
}

/** The announced day is not over, or its end is still being worked on. */
export function isToday(accountId: string) {
  return sql<boolean>`(po.state in ('open', 'settling')
    or po.scheduled_end > (select business_now(${accountId})))`
}
