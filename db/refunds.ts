import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { RefundState } from '../domain/payment.ts'
import type { Db, Tx } from './client.ts'
import { listPage, newestFirst, type PageRequest, type RowsPage } from './keyset.ts'
import type { PaymentOwner, PaymentProblem, PaymentRow } from './payments.ts'
import type { Refunds } from './tables.ts'

export type RefundRow = Omit<Selectable<Refunds>, 'metadata' | 'last_error'> & {
  metadata: Record<string, string | number | boolean | null>
  last_error: PaymentProblem | null
}

export type RefundKey = { accountId: string; refundId: string }

/** A refund that somebody asks for; those that nobody asks for are written by SQL alone. */
export type NewRefund = {
  amountMinor: bigint
  reason: string | null
  refundApplicationFee: boolean
  lineIds: string[]
  metadata: RefundRow['metadata']
}

/**
 * Writes a refund with the operation that makes it, starts its story and holds its amount, so that no
 * two refunds together exceed what was captured. The caller holds the payment's lock and has checked
 * the amount. Not repeatable by itself.
 */
export async function insertRefund(
  tx: Tx,
  payment: PaymentRow,
  refund: NewRefund,
): Promise<RefundRow> {
  const wish = {
    amount_minor: String(refund.amountMinor),
    cause: 'request',
    reason: refund.reason,
    refund_application_fee: refund.refundApplicationFee,
    line_ids: refund.lineIds,
    metadata: refund.metadata,
  }
  const { rows } = await sql<{ id: string }>`select insert_refund(${payment.account_id},
    ${payment.id}, ${JSON.stringify(wish)}::jsonb) as id`.execute(tx)
  const id = rows[0]?.id
  if (id === undefined) throw new Error('PostgreSQL made no refund')
  return getRefund(tx, { accountId: payment.account_id, customerId: null }, id)
}

/** What the refunds of a payment hold and have moved; the table's CHECK is the last judge. */
export async function moveHeld(
  tx: Tx,
  payment: Pick<PaymentRow, 'account_id' | 'id'>,
  by: { held: bigint; refunded: bigint },
): Promise<void> {
  await sql`update payment_intents set refund_held_minor = refund_held_minor + ${by.held},
      refunded_minor = refunded_minor + ${by.refunded}, version = version + 1,
      updated_at = clock_timestamp()
    where account_id = ${payment.account_id} and id = ${payment.id}`.execute(tx)
}

export type RefundChange = {
  state?: RefundState
  provider_id?: string
  last_error?: PaymentProblem | null
  ask_at?: Date | null
  ask_count?: number
  ended_at?: Date | null
}

/** Changes a refund; the caller holds its payment's lock. */
export async function updateRefund(
  tx: Tx,
  key: RefundKey,
  { last_error, ...plain }: RefundChange,
): Promise<RefundRow> {
  const row = await tx
    .updateTable('refunds')
    .set({
      ...plain,
      ...(last_error === undefined
        ? {}
        : { last_error: last_error === null ? null : JSON.stringify(last_error) }),
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.refundId)
    .returningAll()
    .executeTakeFirstOrThrow()
  return readRow(row)
}

/** The provider was asked: what it told before that is done with. */
export async function clearRefundRefresh(tx: Tx, key: RefundKey, seen: Date): Promise<void> {
  await tx
    .updateTable('refunds')
    .set({ refresh_wanted_at: null })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.refundId)
    // A Date has milliseconds, PostgreSQL has more.
    .where(sql<Date>`date_trunc('milliseconds', refresh_wanted_at)`, '<=', seen)
    .execute()
}

/** Throws `not_found`, also for another owner's. */
export async function getRefund(db: Db, owner: PaymentOwner, refundId: string): Promise<RefundRow> {
  const row = await selectRefunds(db, owner).where('refunds.id', '=', refundId).executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such refund.')
  return readRow(row)
}

/** Refunds, the latest first. */
export async function listRefunds(
  db: Db,
  owner: PaymentOwner,
  filter: { paymentId?: string; state?: RefundState },
  page: PageRequest,
): Promise<RowsPage<RefundRow>> {
  let query = selectRefunds(db, owner)
  if (filter.paymentId !== undefined) {
    query = query.where('refunds.payment_id', '=', filter.paymentId)
  }
  if (filter.state !== undefined) query = query.where('refunds.state', '=', filter.state)
  const found = await listPage(db, query, newestFirst('refunds'), page)
  return { ...found, rows: found.rows.map(readRow) }
}

function selectRefunds(db: Db, { accountId, customerId }: PaymentOwner) {
  const query = db.selectFrom('refunds').selectAll('refunds').where('account_id', '=', accountId)
  if (customerId === null) return query
  return query.where('payment_id', 'in', (select) =>
    select
      .selectFrom('payment_intents')
      .select('id')
      .where('account_id', '=', accountId)
      .where('customer_id', '=', customerId),
  )
}

/** We write these columns ourselves, from the same types. */
function readRow(row: object): RefundRow {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- the comment above says why
  return row as RefundRow
}
