import { sql } from 'kysely'
import type { CreditableUnit } from '../domain/credit-selection.ts'
import { DomainError } from '../domain/error.ts'
import type { InvoiceSnapshot } from '../domain/invoice.ts'
import type { Db } from './client.ts'
import { listPage, type PageRequest, type RowsPage } from './keyset.ts'
import type { Owner } from './purchase-order-views.ts'

/** A credit note, pending or issued, with the number of its invoice. */
export type CreditNoteView = {
  id: string
  state: 'pending' | 'issued'
  invoice_id: string
  invoice_number: string
  customer_id: string
  reason: string
  currency: string
  subtotal_minor: bigint
  tax_minor: bigint
  total_minor: bigint
  requested_at: Date
  sent_at: Date | null
  /** Null until it is issued. */
  snapshot: InvoiceSnapshot | null
}

export type CreditNoteFilter = {
  status?: 'pending' | 'issued'
  customerId?: string
  invoiceId?: string
  number?: string
}

/** Throws `not_found`, also for another owner's. One statement. */
export async function getCreditNoteView(
  db: Db,
  owner: Owner,
  creditNoteId: string,
): Promise<CreditNoteView> {
  const row = await selectViews(db, owner)
    .where('credit_notes.id', '=', creditNoteId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such credit note')
  return row
}

/** Credit notes, the latest asked for first. The number of statements does not depend on the rows. */
export async function listCreditNoteViews(
  db: Db,
  owner: Owner,
  filter: CreditNoteFilter,
  request: PageRequest,
): Promise<RowsPage<CreditNoteView>> {
  const { status, customerId, invoiceId, number } = filter
  let query = selectViews(db, owner)
  if (status !== undefined) query = query.where('credit_notes.state', '=', status)
  if (customerId !== undefined) query = query.where('credit_notes.customer_id', '=', customerId)
  if (invoiceId !== undefined) query = query.where('credit_notes.invoice_id', '=', invoiceId)
  if (number !== undefined) query = query.where('credit_notes.number', '=', number)
  return listPage(
    db,
    query,
    {
      columns: [
        { value: sql.ref('credit_notes.created_at'), type: 'timestamptz' },
        { value: sql.ref('credit_notes.id'), type: 'text' },
      ],
      descending: true,
    },
    request,
  )
}

function selectViews(db: Db, owner: Owner) {
  const query = db
    .selectFrom('credit_notes')
    .innerJoin('invoices', 'invoices.id', 'credit_notes.invoice_id')
    .select([
      'credit_notes.id',
      'credit_notes.state',
      'credit_notes.invoice_id',
      'credit_notes.customer_id',
      'credit_notes.reason',
      'credit_notes.currency',
      'credit_notes.subtotal_minor',
      'credit_notes.tax_minor',
      'credit_notes.total_minor',
      'credit_notes.requested_at',
      'credit_notes.sent_at',
      'invoices.number as invoice_number',
      // Written by updateCreditNoteIssued from an InvoiceSnapshot, and immutable since.
      sql<InvoiceSnapshot | null>`credit_notes.snapshot`.as('snapshot'),
    ])
    .where('credit_notes.account_id', '=', owner.accountId)
  return owner.customerId === null
    ? query
    : query.where('credit_notes.customer_id', '=', owner.customerId)
}

/**
 * The delivered units of an invoice of which something is left, by line and then in their order. What
 * was billed before its delivery is not taken back while it may still come: it is cancelled first.
 */
export async function listCreditableUnits(
  db: Db,
  key: { accountId: string; invoiceId: string },
): Promise<CreditableUnit[]> {
  const { rows } = await sql<CreditableUnit>`
    select u.id as unit_id, l.position, u.price_minor - u.credited_minor as left_minor
    from invoices i
    join units u on u.account_id = i.account_id and u.purchase_order_id = i.purchase_order_id
    cross join lateral (select position from invoice_lines l
      where l.id = u.invoice_line_id and l.invoice_id = i.id limit 1) l
    join transactions t on t.account_id = u.account_id and t.id = u.transaction_id
    where i.account_id = ${key.accountId} and i.id = ${key.invoiceId}
      and u.allocated_at is not null
      and (u.price_minor > u.credited_minor or (u.price_minor = 0 and u.state <> 'reversed'))
    order by l.position, t.position, u.position`.execute(db)
  return rows
}
