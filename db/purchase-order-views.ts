import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Db, Tx } from './client.ts'
import { listPage, type PageRequest, type RowsPage } from './keyset.ts'
import type { PurchaseOrderRow } from './purchase-orders.ts'

/** A purchase order with what its orders add up to, and the invoices that were issued for it. */
export type PurchaseOrderView = Pick<
  PurchaseOrderRow,
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
  | 'opened_at'
> & {
  transaction_count: bigint
  /** Sum of its transactions as they were accepted, in minor units of `currency`. */
  total_minor: bigint
  invoices: { id: string; number: string }[]
}

/** Whose purchase orders: all of an account, or those of the one customer a key is bound to. */
export type Owner = { accountId: string; customerId: string | null }

export type PurchaseOrderFilter = {
  status?: PurchaseOrderView['state']
  customerId?: string
  /** YYYY-MM-DD, the customer's business day. */
  businessDate?: string
}

/** Throws `not_found`, also for another owner's. One statement. */
export async function getPurchaseOrderView(
  db: Db | Tx,
  owner: Owner,
  purchaseOrderId: string,
): Promise<PurchaseOrderView> {
  const row = await selectViews(db, owner)
    .where('purchase_orders.id', '=', purchaseOrderId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such purchase order')
  return row
}

/** Purchase orders, the latest opened first. The number of statements does not depend on the rows. */
export async function listPurchaseOrderViews(
  db: Db,
  owner: Owner,
  filter: PurchaseOrderFilter,
  request: PageRequest,
): Promise<RowsPage<PurchaseOrderView>> {
  const { status, customerId, businessDate } = filter
  let query = selectViews(db, owner)
  if (status !== undefined) query = query.where('purchase_orders.state', '=', status)
  if (customerId !== undefined) query = query.where('purchase_orders.customer_id', '=', customerId)
  if (businessDate !== undefined)
    query = query.where('purchase_orders.business_date', '=', businessDate)
  const keyset = {
    columns: [
      { value: sql.ref('purchase_orders.created_at'), type: 'timestamptz' as const },
      { value: sql.ref('purchase_orders.id'), type: 'text' as const },
    ],
    descending: true,
  }
  return listPage(db, query, keyset, request)
}

function selectViews(db: Db | Tx, owner: Owner) {
  const query = db
    .selectFrom('purchase_orders')
    .select((row) => [
      'purchase_orders.id',
      'purchase_orders.customer_id',
      'purchase_orders.currency',
      'purchase_orders.business_date',
      'purchase_orders.sequence',
      'purchase_orders.state',
      'purchase_orders.time_zone',
      'purchase_orders.period_start',
      'purchase_orders.scheduled_end',
      'purchase_orders.closed_at',
      'purchase_orders.opened_at',
      row
        .selectFrom('transactions as t')
        .select(({ fn }) => fn.countAll<bigint>().as('n'))
        .whereRef('t.purchase_order_id', '=', 'purchase_orders.id')
        .whereRef('t.account_id', '=', 'purchase_orders.account_id')
        .$asScalar()
        .$notNull()
        .as('transaction_count'),
      sql<bigint>`(select coalesce(sum(t.total_minor), 0)::bigint from transactions t
        where t.account_id = purchase_orders.account_id and t.purchase_order_id = purchase_orders.id)`.as(
        'total_minor',
      ),
      sql<PurchaseOrderView['invoices']>`(
        select coalesce(jsonb_agg(jsonb_build_object('id', i.id, 'number', i.number)
          order by i.run, i.tax_group), '[]')
        from invoices i where i.account_id = purchase_orders.account_id and i.purchase_order_id = purchase_orders.id
      )`.as('invoices'),
    ])
    .where('purchase_orders.account_id', '=', owner.accountId)
  return owner.customerId === null
    ? query
    : query.where('purchase_orders.customer_id', '=', owner.customerId)
}
