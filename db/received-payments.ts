import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import { paymentReceived } from '../domain/ledger.ts'
import type { Db, Tx } from './client.ts'
import { listPage, type PageRequest, type RowsPage } from './keyset.ts'
import { getInvoiceOwed, lockCustomerBalance, postJournal } from './ledger.ts'
import type { ReceivedPayments } from './tables.ts'

export const RECEIVED_METHODS = ['bank_transfer', 'cheque', 'cash', 'other'] as const
export type ReceivedMethod = (typeof RECEIVED_METHODS)[number]

/** A payment as it was recorded, and whether it went back since. */
export type ReceivedPaymentRow = Selectable<ReceivedPayments> & {
  reversed_on: string | null
  reversal_reason: string | null
}

type InvoiceKey = { accountId: string; invoiceId: string }

export type NewReceivedPayment = InvoiceKey & {
  id: string
  amountMinor: bigint
  method: ReceivedMethod
  reference: string
  /** YYYY-MM-DD, the value date. */
  receivedOn: string
}

type Payable = { customer_id: string; currency: string }

/**
 * Records money that came in for an invoice: what is owed takes it first, the rest becomes the
 * customer's unallocated cash. Safe to repeat for ever: one reference per invoice is one payment.
 *
 * @returns the payment, and whether it paid the last of the invoice
 * @throws DomainError `not_found`; `client_reference_conflict` when the reference says something else
 */
export async function insertReceivedPayment(
  tx: Tx,
  payment: NewReceivedPayment,
): Promise<{ payment: ReceivedPaymentRow; paid: boolean }> {
  const { accountId, invoiceId, amountMinor } = payment
  const invoice = await lockPayable(tx, payment)
  const seen = await selectPayments(tx, accountId)
    .where('received_payments.invoice_id', '=', invoiceId)
    .where('received_payments.reference', '=', payment.reference)
    .executeTakeFirst()
  if (seen !== undefined) return { payment: requireSame(seen, payment), paid: false }
  const posting = paymentReceived({ amountMinor, owedMinor: await getInvoiceOwed(tx, payment) })
  const row = await tx
    .insertInto('received_payments')
    .values({
      id: payment.id,
      account_id: accountId,
      customer_id: invoice.customer_id,
      invoice_id: invoiceId,
      currency: invoice.currency,
      amount_minor: amountMinor,
      allocated_minor: posting.amounts.allocated,
      method: payment.method,
      reference: payment.reference,
      received_on: payment.receivedOn,
      recorded_at: sql<Date>`business_now(${accountId})`,
    })
    .returningAll()
    .executeTakeFirstOrThrow()
  await postJournal(tx, { ...ownerOf(accountId, invoice), posting, sourceId: sourceOf(payment) })
  const fresh = { ...row, reversed_on: null, reversal_reason: null }
  return { payment: fresh, paid: await updateInvoicePaid(tx, payment) }
}

/**
 * Pays an invoice, or a part of it, from the customer's unallocated cash. Safe to repeat with the
 * same id.
 *
 * @returns whether it paid the last of the invoice
 * @throws DomainError `not_found`; `cash_exceeded` when the customer does not have as much, or the
 *   invoice does not need it
 */
export async function allocateCash(
  tx: Tx,
  allocation: InvoiceKey & { id: string; amountMinor: bigint },
): Promise<boolean> {
  const { accountId, amountMinor } = allocation
  const invoice = await lockPayable(tx, allocation)
  const owed = await getInvoiceOwed(tx, allocation)
  const unallocated = await getUnallocated(tx, { ...invoice, accountId })
  if (amountMinor > owed || amountMinor > unallocated) {
    throw new DomainError(
      'cash_exceeded',
      'There is not as much unallocated cash, or not as much owed.',
    )
  }
  await postJournal(tx, {
    ...ownerOf(accountId, invoice),
    posting: { kind: 'cash_allocated', amounts: { amount: amountMinor } },
    sourceId: sourceOf(allocation),
  })
  return updateInvoicePaid(tx, allocation)
}

/** What came in for an invoice, the first first. */
export async function listReceivedPayments(
  db: Db,
  key: InvoiceKey,
  request: PageRequest,
): Promise<RowsPage<ReceivedPaymentRow>> {
  const query = selectPayments(db, key.accountId).where(
    'received_payments.invoice_id',
    '=',
    key.invoiceId,
  )
  const columns = [
    { value: sql.ref('received_payments.created_at'), type: 'timestamptz' as const },
    { value: sql.ref('received_payments.id'), type: 'text' as const },
  ]
  return listPage(db, query, { columns, descending: false }, request)
}

/** Throws `not_found`, also for another invoice's. */
export async function getReceivedPayment(
  db: Db,
  key: InvoiceKey & { receivedPaymentId: string },
): Promise<ReceivedPaymentRow> {
  const row = await selectPayments(db, key.accountId)
    .where('received_payments.invoice_id', '=', key.invoiceId)
    .where('received_payments.id', '=', key.receivedPaymentId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such payment')
  return row
}

/** The customer's cash that pays no invoice yet. */
export async function getUnallocated(
  db: Db,
  key: { accountId: string; customer_id: string; currency: string },
): Promise<bigint> {
  const balance = await db
    .selectFrom('customer_balances')
    .select('unallocated_minor')
    .where('account_id', '=', key.accountId)
    .where('customer_id', '=', key.customer_id)
    .where('currency', '=', key.currency)
    .executeTakeFirst()
  return balance?.unallocated_minor ?? 0n
}

function selectPayments(db: Db, accountId: string) {
  return db
    .selectFrom('received_payments')
    .leftJoin('received_payment_reversals as reversal', (join) =>
      join
        .onRef('reversal.account_id', '=', 'received_payments.account_id')
        .onRef('reversal.received_payment_id', '=', 'received_payments.id'),
    )
    .selectAll('received_payments')
    .select(['reversal.reversed_on', 'reversal.reason as reversal_reason'])
    .where('received_payments.account_id', '=', accountId)
}

/** An open invoice of which nothing is owed any more is paid: the ledger says so. Repeatable. */
export async function updateInvoicePaid(tx: Tx, key: InvoiceKey): Promise<boolean> {
  const result = await tx
    .updateTable('invoices')
    .set({ state: 'paid' })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.invoiceId)
    .where('state', '=', 'open')
    .where(sql<boolean>`invoice_owed(account_id, id) = 0`)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Purchase order, invoice, balances: in the order of locks. Throws `not_found`. */
export async function lockPayable(tx: Tx, { accountId, invoiceId }: InvoiceKey): Promise<Payable> {
  await sql`select 1 from purchase_orders po
    where po.account_id = ${accountId} and po.id = (select i.purchase_order_id from invoices i
      where i.account_id = ${accountId} and i.id = ${invoiceId}) for no key update`.execute(tx)
  const { rows } = await sql<Payable>`select customer_id, currency from invoices
    where account_id = ${accountId} and id = ${invoiceId} for no key update`.execute(tx)
  if (rows[0] === undefined) throw new DomainError('not_found', 'No such invoice')
  await lockCustomerBalance(tx, ownerOf(accountId, rows[0]))
  return rows[0]
}

function ownerOf(accountId: string, { customer_id, currency }: Payable) {
  return { accountId, customerId: customer_id, currency }
}

function sourceOf({ invoiceId, id }: { invoiceId: string; id: string }): string {
  return `${invoiceId}/${id}`
}

function requireSame(seen: ReceivedPaymentRow, asked: NewReceivedPayment): ReceivedPaymentRow {
  const same =
    seen.amount_minor === asked.amountMinor &&
    seen.method === asked.method &&
    seen.received_on === asked.receivedOn
  if (same) return seen
  throw new DomainError(
    'client_reference_conflict',
    'Another payment of this invoice has this reference.',
  )
}
