import { sql, type Selectable } from 'kysely'
import type { Db } from './client.ts'
import { customerName } from './finance.ts'
import { listPage, newestFirst, type PageRequest, type RowsPage } from './keyset.ts'
import type { CreditNotes, CustomerBalances, ReceivedPayments } from './tables.ts'

/** What the finance pages show of money: every query names the account. */

export type FinancePayment = Pick<
  Selectable<ReceivedPayments>,
  | 'id'
  | 'invoice_id'
  | 'customer_id'
  | 'currency'
  | 'amount_minor'
  | 'allocated_minor'
  | 'method'
  | 'reference'
  | 'received_on'
> & {
  customer_name: string
  invoice_number: string
  /** YYYY-MM-DD on which it went back, and why. */
  reversed_on: string | null
  reversal_reason: string | null
}

export type FinancePaymentFilter = { invoiceId?: string; customerId?: string; currency?: string }

/** What came in, the latest recorded first. */
export async function listFinancePayments(
  db: Db,
  accountId: string,
  filter: FinancePaymentFilter,
  request: PageRequest,
): Promise<RowsPage<FinancePayment>> {
  let query = db
    .selectFrom('received_payments as p')
    .innerJoin('invoices as i', (join) =>
      join.onRef('i.account_id', '=', 'p.account_id').onRef('i.id', '=', 'p.invoice_id'),
    )
    .innerJoin('customers as c', (join) =>
      join.onRef('c.account_id', '=', 'p.account_id').onRef('c.id', '=', 'p.customer_id'),
    )
    .leftJoin('received_payment_reversals as r', (join) =>
      join.onRef('r.account_id', '=', 'p.account_id').onRef('r.received_payment_id', '=', 'p.id'),
    )
    .select([
      'p.id',
      'p.invoice_id',
      'p.customer_id',
      'p.currency',
      'p.amount_minor',
      'p.allocated_minor',
      'p.method',
      'p.reference',
      'p.received_on',
      'i.number as invoice_number',
      'r.reversed_on',
      'r.reason as reversal_reason',
      customerName().as('customer_name'),
    ])
    .where('p.account_id', '=', accountId)
  if (filter.invoiceId !== undefined) query = query.where('p.invoice_id', '=', filter.invoiceId)
  if (filter.customerId !== undefined) query = query.where('p.customer_id', '=', filter.customerId)
  if (filter.currency !== undefined) query = query.where('p.currency', '=', filter.currency)
  return listPage(db, query, newestFirst('p'), request)
}

export type FinanceCreditNote = Pick<
  Selectable<CreditNotes>,
  | 'id'
  | 'number'
  | 'invoice_id'
  | 'customer_id'
  | 'state'
  | 'reason'
  | 'issue_date'
  | 'sent_at'
  | 'currency'
  | 'subtotal_minor'
  | 'tax_minor'
  | 'total_minor'
> & { customer_name: string; invoice_number: string }

export type FinanceCreditNoteFilter = { invoiceId?: string; status?: FinanceCreditNote['state'] }

/** Credit notes, the latest asked for first. */
export async function listFinanceCreditNotes(
  db: Db,
  accountId: string,
  filter: FinanceCreditNoteFilter,
  request: PageRequest,
): Promise<RowsPage<FinanceCreditNote>> {
  let query = db
    .selectFrom('credit_notes as n')
    .innerJoin('invoices as i', (join) =>
      join.onRef('i.account_id', '=', 'n.account_id').onRef('i.id', '=', 'n.invoice_id'),
    )
    .innerJoin('customers as c', (join) =>
      join.onRef('c.account_id', '=', 'n.account_id').onRef('c.id', '=', 'n.customer_id'),
    )
    .select([
      'n.id',
      'n.number',
      'n.invoice_id',
      'n.customer_id',
      'n.state',
      'n.reason',
      'n.issue_date',
      'n.sent_at',
      'n.currency',
      'n.subtotal_minor',
      'n.tax_minor',
      'n.total_minor',
      'i.number as invoice_number',
      customerName().as('customer_name'),
    ])
    .where('n.account_id', '=', accountId)
  if (filter.invoiceId !== undefined) query = query.where('n.invoice_id', '=', filter.invoiceId)
  if (filter.status !== undefined) query = query.where('n.state', '=', filter.status)
  return listPage(db, query, newestFirst('n'), request)
}

export type FinanceBalance = Pick<
  Selectable<CustomerBalances>,
  | 'customer_id'
  | 'currency'
  | 'held_minor'
  | 'invoiced_minor'
  | 'unallocated_minor'
  | 'credit_limit_minor'
> & { customer_name: string }

/** What each customer owes and has, by name and currency; those that never had anything are left out. */
export async function listFinanceBalances(
  db: Db,
  accountId: string,
  request: PageRequest,
): Promise<RowsPage<FinanceBalance>> {
  const query = selectBalances(db, accountId).where(
    sql<boolean>`(b.held_minor <> 0 or b.invoiced_minor <> 0 or b.unallocated_minor <> 0
      or exists (select 1 from transactions t where t.account_id = b.account_id
        and t.customer_id = b.customer_id and t.currency = b.currency))`,
  )
  const columns = [
    { value: customerName(), type: 'text' },
    { value: sql.ref('b.customer_id'), type: 'text' },
    { value: sql.ref('b.currency'), type: 'text' },
  ] as const
  return listPage(db, query, { columns, descending: false }, request)
}

/** What one customer owes and has in a currency; nothing where there is no balance. */
export async function findFinanceBalance(
  db: Db,
  key: { accountId: string; customerId: string; currency: string },
): Promise<FinanceBalance | null> {
  const row = await selectBalances(db, key.accountId)
    .where('b.customer_id', '=', key.customerId)
    .where('b.currency', '=', key.currency)
    .executeTakeFirst()
  return row ?? null
}

function selectBalances(db: Db, accountId: string) {
  return db
    .selectFrom('customer_balances as b')
    .innerJoin('customers as c', (join) =>
      join.onRef('c.account_id', '=', 'b.account_id').onRef('c.id', '=', 'b.customer_id'),
    )
    .select([
      'b.customer_id',
      'b.currency',
      'b.held_minor',
      'b.invoiced_minor',
      'b.unallocated_minor',
      'b.credit_limit_minor',
      customerName().as('customer_name'),
    ])
    .where('b.account_id', '=', accountId)
}
