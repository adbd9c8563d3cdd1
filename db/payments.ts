import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { PaymentMethodName } from '../domain/payment-method.ts'
import type { PaymentState } from '../domain/payment.ts'
import type { Db, Tx } from './client.ts'
import { listPage, newestFirst, type PageRequest, type RowsPage } from './keyset.ts'
import { instantOf, type Moment } from './moment.ts'
import type { PaymentIntents } from './tables.ts'

/** Why a payment failed, in the provider's word and in one for people. */
export type PaymentProblem = { code: string; decline_code: string | null; message: string }

export type PaymentRow = Omit<
  Selectable<PaymentIntents>,
  'metadata' | 'last_error' | 'card' | 'method'
> & {
  method: PaymentMethodName
  metadata: Record<string, string | number | boolean | null>
  last_error: PaymentProblem | null
  card: { brand: string; last4: string } | null
}

export type PaymentKey = { accountId: string; paymentId: string }
/** Whose payments: all of an account, or those of the customer whom a key is bound to. */
export type PaymentOwner = { accountId: string; customerId: string | null }

export type NewPayment = {
  id: string
  accountId: string
  customerId: string | null
  transactionId: string | null
  amountMinor: bigint
  currency: string
  captureMethod: 'automatic' | 'manual'
  method: PaymentMethodName
  token: string | null
  state: 'requires_payment_method' | 'processing'
  returnUrl: string | null
  metadata: PaymentRow['metadata']
}

/** Not repeatable by itself. Its workflow starts with `wakePayment`, once there is something to do. */
export async function insertPayment(tx: Tx, payment: NewPayment): Promise<PaymentRow> {
  const now = sql<Date>`business_now(${payment.accountId})`
  return readRow(
    await tx
      .insertInto('payment_intents')
      .values({
        id: payment.id,
        account_id: payment.accountId,
        customer_id: payment.customerId,
        transaction_id: payment.transactionId,
        amount_minor: payment.amountMinor,
        currency: payment.currency,
        capture_method: payment.captureMethod,
        method: payment.method,
        token: payment.token,
        state: payment.state,
        return_url: payment.returnUrl,
        metadata: JSON.stringify(payment.metadata),
        state_since: now,
        created_at: now,
        ended_at: now,
      })
      .returningAll()
      .executeTakeFirstOrThrow(),
  )
}

/** Throws `not_found`, also for another owner's. */
export async function getPayment(
  db: Db,
  owner: PaymentOwner,
  paymentId: string,
): Promise<PaymentRow> {
  const row = await selectPayments(db, owner).where('id', '=', paymentId).executeTakeFirst()
  if (row === undefined) throw notFound()
  return readRow(row)
}

/** Locks a payment until the transaction ends. Throws `not_found`. */
export async function lockPayment(
  tx: Tx,
  owner: PaymentOwner,
  paymentId: string,
): Promise<PaymentRow> {
  const row = await selectPayments(tx, owner)
    .where('id', '=', paymentId)
    .forNoKeyUpdate()
    .executeTakeFirst()
  if (row === undefined) throw notFound()
  return readRow(row)
}

/** What may still be refunded: what is under way, and what a dispute took, is not there any more. */
export function refundableMinor(payment: PaymentRow): bigint {
  return (
    payment.captured_minor -
    payment.refunded_minor -
    payment.refund_held_minor -
    payment.disputed_minor
  )
}

/** Whose payment it is. For operators: the id alone is known. */
export async function getPaymentAccount(db: Db, paymentId: string): Promise<string> {
  const { account_id } = await db
    .selectFrom('payment_intents')
    .select('account_id')
    .where('id', '=', paymentId)
    .executeTakeFirstOrThrow()
  return account_id
}

export type PaymentFilter = {
  state?: PaymentState
  customerId?: string
  transactionId?: string
  from?: Moment
  before?: Moment
}

/** Payments, the latest first. */
export async function listPayments(
  db: Db,
  owner: PaymentOwner,
  filter: PaymentFilter,
  page: PageRequest,
): Promise<RowsPage<PaymentRow>> {
  let query = selectPayments(db, owner)
  if (filter.state !== undefined) query = query.where('state', '=', filter.state)
  if (filter.customerId !== undefined) query = query.where('customer_id', '=', filter.customerId)
  if (filter.transactionId !== undefined) {
    query = query.where('transaction_id', '=', filter.transactionId)
  }
  if (filter.from !== undefined) {
    query = query.where('created_at', '>=', instantOf(filter.from, owner.accountId))
  }
  if (filter.before !== undefined) {
    query = query.where('created_at', '<', instantOf(filter.before, owner.accountId))
  }
  const found = await listPage(db, query, newestFirst('payment_intents'), page)
  return { ...found, rows: found.rows.map(readRow) }
}

export type PaymentChange = {
  state?: PaymentState
  method?: PaymentMethodName
  token?: string | null
  provider_id?: string
  authorized_minor?: bigint
  captured_minor?: bigint
  fee_minor?: bigint
  last_error?: PaymentProblem | null
  card?: PaymentRow['card']
  action_url?: string | null
  return_url?: string | null
  capture_before?: Date | null
  ask_at?: Date | null
  ask_count?: number
  state_since?: Date
  event_sequence?: number
}

/** Changes a payment that the caller has locked. States move along `payment_moves` only. */
export async function updatePayment(
  tx: Tx,
  key: PaymentKey,
  change: PaymentChange,
): Promise<PaymentRow> {
  const { last_error, card, ...plain } = change
  const row = await tx
    .updateTable('payment_intents')
    .set({
      ...plain,
      ...(last_error === undefined
        ? {}
        : { last_error: last_error === null ? null : JSON.stringify(last_error) }),
      ...(card === undefined ? {} : { card: card === null ? null : JSON.stringify(card) }),
      version: sql<number>`version + 1`,
      updated_at: sql<Date>`clock_timestamp()`,
    })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.paymentId)
    .returningAll()
    .executeTakeFirstOrThrow()
  return readRow(row)
}

/** Lets the payment's workflow look, or starts its next run. Safe to repeat. */
export async function wakePayment(tx: Tx, key: PaymentKey, reason: string): Promise<void> {
  await sql`select wake_payment(${key.accountId}, ${key.paymentId}, ${reason})`.execute(tx)
}

/** The workflow has nothing left to do; what comes later starts another run. */
export async function endPayment(tx: Tx, key: PaymentKey, now: Date): Promise<void> {
  await tx
    .updateTable('payment_intents')
    .set({ ended_at: now, ask_at: null })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.paymentId)
    .execute()
}

/** The provider was asked: what it told before that is done with. */
export async function clearRefresh(tx: Tx, key: PaymentKey, seen: Date): Promise<void> {
  await tx
    .updateTable('payment_intents')
    .set({ refresh_wanted_at: null })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.paymentId)
    // A Date has milliseconds, PostgreSQL has more.
    .where(sql<Date>`date_trunc('milliseconds', refresh_wanted_at)`, '<=', seen)
    .execute()
}

/** On whose behalf the provider is called. */
export type PayingAccount = { mode: 'live' | 'test'; reference: string | null; now: Date }

export async function getPayingAccount(db: Db, accountId: string): Promise<PayingAccount> {
  return db
    .selectFrom('accounts')
    .select(['mode', 'provider_reference as reference'])
    .select(sql<Date>`business_now(id)`.as('now'))
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow()
}

function selectPayments(db: Db, owner: PaymentOwner) {
  const query = db
    .selectFrom('payment_intents')
    .selectAll()
    .where('account_id', '=', owner.accountId)
  return owner.customerId === null ? query : query.where('customer_id', '=', owner.customerId)
}

/** We write these columns ourselves, from the same types. */
function readRow(row: object): PaymentRow {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- the comment above says why
  return row as PaymentRow
}

function notFound(): DomainError {
  return new DomainError('not_found', 'No such payment.')
}
