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
  const row = await selectViews(db, owner).where('po.id', '=', purchaseOrderId).executeTakeFirst()
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
  if (status !== undefined) query = query.where('po.state', '=', status)
  if (customerId !== undefined) query = query.where('po.customer_id', '=', customerId)
  if (businessDate !== undefined) query = query.where('po.business_date', '=', businessDate)
  const keyset = {
    columns: [
      { value: sql.ref('po.created_at'), type: 'timestamptz' as const },
      { value: sql.ref('po.id'), type: 'text' as const },
    ],
    descending: true,
  }
  return listPage(db, query, keyset, request)
}

function selectViews(db: Db | Tx, owner: Owner) {
  const query = db
    .selectFrom('purchase_orders as po')
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
      'po.opened_at',
      ...purchaseOrderSums(),
    ])
    .where('po.account_id', '=', owner.accountId)
  return owner.customerId === null ? query : query.where('po.customer_id', '=', owner.customerId)
}

/** Of a purchase order `po`: how many orders it has, their sum as accepted, and its invoices. */
export function purchaseOrderSums() {
  return [
    sql<bigint>`(select count(*) from transactions t
      where t.account_id = po.account_id and t.purchase_order_id = po.id)`.as('transaction_count'),
    sql<bigint>`(select coalesce(sum(t.total_minor), 0)::bigint from transactions t
      where t.account_id = po.account_id and t.purchase_order_id = po.id)`.as('total_minor'),
    sql<{ id: string; number: string }[]>`(
      select coalesce(jsonb_agg(jsonb_build_object('id', i.id, 'number', i.number)
        order by i.run, i.tax_group), '[]')
      from invoices i where i.account_id = po.account_id and i.purchase_order_id = po.id
    )`.as('invoices'),
  ] as const
}
