import { sql } from 'kysely'
import type { Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { InvoiceSnapshot } from '../domain/invoice.ts'
import type { Db } from './client.ts'
import { customerName } from './finance.ts'
import { listPage, newestFirst, type PageRequest, type RowsPage } from './keyset.ts'
import type { Invoices } from './tables.ts'

/** Of an invoice `i`; a paid or void one owes nothing. */
const owed = sql<bigint>`invoice_owed(i.account_id, i.id)`

/** An invoice as the lists of the finance pages show it. */
export type FinanceInvoice = Pick<
  Selectable<Invoices>,
  | 'id'
  | 'number'
  | 'customer_id'
  | 'purchase_order_id'
  | 'business_date'
  | 'issue_date'
  | 'due_date'
  | 'currency'
  | 'subtotal_minor'
  | 'tax_minor'
  | 'total_minor'
  | 'state'
  | 'sent_at'
> & {
  customer_name: string
  /** What is still owed, as the ledger says. */
  owed_minor: bigint
}

export type FinanceInvoiceFilter = {
  currency?: string
  status?: FinanceInvoice['state']
  /** YYYY-MM of the issue date. */
  month?: string
}

/** The latest issued first. */
export async function listFinanceInvoices(
  db: Db,
  accountId: string,
  filter: FinanceInvoiceFilter,
  request: PageRequest,
): Promise<RowsPage<FinanceInvoice>> {
  const query = filtered(db, accountId, filter)
    .innerJoin('customers as c', (join) =>
      join.onRef('c.account_id', '=', 'i.account_id').onRef('c.id', '=', 'i.customer_id'),
    )
    .select([
      'i.id',
      'i.number',
      'i.customer_id',
      'i.purchase_order_id',
      'i.business_date',
      'i.issue_date',
      'i.due_date',
      'i.currency',
      'i.subtotal_minor',
      'i.tax_minor',
      'i.total_minor',
      'i.state',
      'i.sent_at',
      customerName().as('customer_name'),
      owed.as('owed_minor'),
    ])
  return listPage(db, query, newestFirst('i'), request)
}

export type FinanceInvoiceTotal = {
  currency: string
  invoices: bigint
  subtotal_minor: bigint
  tax_minor: bigint
  total_minor: bigint
  /** What credit notes take back of it, with tax. */
  credited_minor: bigint
  /** What of the total is neither paid nor credited, as the ledger says. */
  owed_minor: bigint
}

/** What all invoices of a filter add up to, by currency. */
export async function sumFinanceInvoices(
  db: Db,
  accountId: string,
  filter: FinanceInvoiceFilter,
): Promise<FinanceInvoiceTotal[]> {
  const sum = (column: 'subtotal_minor' | 'tax_minor' | 'total_minor' | 'credited_minor') =>
    sql<bigint>`sum(${sql.ref(`i.${column}`)})::bigint`
  return filtered(db, accountId, filter)
    .select([
      'i.currency',
      sql<bigint>`count(*)`.as('invoices'),
      sum('subtotal_minor').as('subtotal_minor'),
      sum('tax_minor').as('tax_minor'),
      sum('total_minor').as('total_minor'),
      sum('credited_minor').as('credited_minor'),
      sql<bigint>`coalesce(sum(case when i.state = 'open' then ${owed} end), 0)::bigint`.as(
        'owed_minor',
      ),
    ])
    .groupBy('i.currency')
    .orderBy('i.currency')
    .execute()
}

/** One invoice with the frozen content that its documents are rendered from. */
export type FinanceInvoiceDocument = {
  id: string
  number: string
  customer_id: string
  purchase_order_id: string
  owed_minor: bigint
  state: 'open' | 'paid' | 'void'
  sent_at: Date | null
  snapshot: InvoiceSnapshot
}

/** Throws `not_found`, also for another account's. */
export async function getFinanceInvoice(
  db: Db,
  accountId: string,
  invoiceId: string,
): Promise<FinanceInvoiceDocument> {
  const row = await db
    .selectFrom('invoices as i')
    .select([
      'i.id',
      'i.number',
      'i.customer_id',
      'i.purchase_order_id',
      owed.as('owed_minor'),
      'i.state',
      'i.sent_at',
      sql<InvoiceSnapshot>`i.snapshot`.as('snapshot'),
    ])
    .where('i.account_id', '=', accountId)
    .where('i.id', '=', invoiceId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such invoice')
  return row
}

function filtered(db: Db, accountId: string, filter: FinanceInvoiceFilter) {
  let query = db.selectFrom('invoices as i').where('i.account_id', '=', accountId)
  if (filter.currency !== undefined) query = query.where('i.currency', '=', filter.currency)
  if (filter.status !== undefined) query = query.where('i.state', '=', filter.status)
  if (filter.month !== undefined) {
    const first = sql<string>`${`${filter.month}-01`}::date`
    query = query
      .where('i.issue_date', '>=', first)
      .where('i.issue_date', '<', sql<string>`(${first} + interval '1 month')::date`)
  }
  return query
}
