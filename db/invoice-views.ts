import { sql } from 'kysely'
import type { InvoiceSnapshot } from '../domain/invoice.ts'
import { DomainError } from '../domain/error.ts'
import type { Db } from './client.ts'
import { listPage, type PageRequest, type RowsPage } from './keyset.ts'
import type { Owner } from './purchase-order-views.ts'

/** An issued invoice with the facts that change after it was issued. */
export type InvoiceView = {
  id: string
  state: 'open' | 'paid' | 'void'
  sent_at: Date | null
  snapshot: InvoiceSnapshot
  /** What credit notes take back, with tax. */
  credited_minor: bigint
  /** What came in for it, or was captured before, without what credit notes took back. */
  paid_minor: bigint
  /** Open, and its due date is over in the seller's zone. */
  overdue: boolean
}

export type InvoiceFilter = {
  status?: InvoiceView['state']
  customerId?: string
  purchaseOrderId?: string
  /** YYYY-MM-DD, the customer's business day. */
  businessDate?: string
  number?: string
}

/** Throws `not_found`, also for another owner's. One statement. */
export async function getInvoiceView(
  db: Db,
  owner: Owner,
  invoiceId: string,
): Promise<InvoiceView> {
  const row = await selectViews(db, owner).where('invoices.id', '=', invoiceId).executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such invoice')
  return row
}

/** Invoices, the latest issued first. The number of statements does not depend on the rows. */
export async function listInvoiceViews(
  db: Db,
  owner: Owner,
  filter: InvoiceFilter,
  request: PageRequest,
): Promise<RowsPage<InvoiceView>> {
  const { status, customerId, purchaseOrderId, businessDate, number } = filter
  let query = selectViews(db, owner)
  if (status !== undefined) query = query.where('invoices.state', '=', status)
  if (customerId !== undefined) query = query.where('invoices.customer_id', '=', customerId)
  if (purchaseOrderId !== undefined) {
    query = query.where('invoices.purchase_order_id', '=', purchaseOrderId)
  }
  if (businessDate !== undefined) query = query.where('invoices.business_date', '=', businessDate)
  if (number !== undefined) query = query.where('invoices.number', '=', number)
  return listPage(
    db,
    query,
    {
      columns: [
        { value: sql.ref('invoices.created_at'), type: 'timestamptz' },
        { value: sql.ref('invoices.id'), type: 'text' },
      ],
      descending: true,
    },
    request,
  )
}

function selectViews(db: Db, owner: Owner) {
  const query = db
    .selectFrom('invoices')
    .select([
      'invoices.id',
      'invoices.state',
      'invoices.sent_at',
      'invoices.credited_minor',
      sql<bigint>`invoice_paid(invoices.account_id, invoices.id)`.as('paid_minor'),
      // Written by insertInvoice from an InvoiceSnapshot, and immutable since.
      sql<InvoiceSnapshot>`invoices.snapshot`.as('snapshot'),
      sql<boolean>`(invoices.state = 'open' and invoices.due_date <
        (select (business_now(a.id) at time zone a.time_zone)::date from accounts a
          where a.id = invoices.account_id))`.as('overdue'),
    ])
    .where('invoices.account_id', '=', owner.accountId)
  return owner.customerId === null
    ? query
    : query.where('invoices.customer_id', '=', owner.customerId)
}
