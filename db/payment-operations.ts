import { sql, type Selectable } from 'kysely'
import type { PaymentMethodName } from '../domain/payment-method.ts'
import type { OperationKind } from '../domain/payment.ts'
import type { Db, Tx } from './client.ts'
import type { PaymentKey, PaymentProblem } from './payments.ts'
import type { PaymentOperations } from './tables.ts'

export type OperationRow = Omit<Selectable<PaymentOperations>, 'error' | 'method'> & {
  error: PaymentProblem | null
  method: PaymentMethodName | null
}

export type NewOperation = PaymentKey & {
  id: string
  kind: OperationKind
  amountMinor: bigint | null
  method?: PaymentMethodName
  token?: string | null
  refundId?: string
  disputeId?: string
}

/**
 * Stores an operation before anybody hears of it, with the key of its calls: the same for ever, so
 * that however often it is sent it moves money once. Not repeatable by itself.
 */
export async function insertOperation(tx: Tx, operation: NewOperation): Promise<void> {
  await tx
    .insertInto('payment_operations')
    .values({
      id: operation.id,
      account_id: operation.accountId,
      payment_id: operation.paymentId,
      refund_id: operation.refundId ?? null,
      dispute_id: operation.disputeId ?? null,
      kind: operation.kind,
      idempotency_key: `${operation.paymentId}/${operation.kind}/${operation.id}`,
      amount_minor: operation.amountMinor,
      method: operation.method ?? null,
      token: operation.token ?? null,
      created_at: sql<Date>`business_now(${operation.accountId})`,
    })
    .execute()
}

/** The one operation of a payment itself that has no outcome yet. */
export async function findOpenOperation(db: Db, key: PaymentKey): Promise<OperationRow | null> {
  const row = await selectOperations(db, key.accountId)
    .where('payment_id', '=', key.paymentId)
    .where('kind', 'in', ['authorize', 'capture', 'cancel'])
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  return row === undefined ? null : readRow(row)
}

/** Whether nothing that was asked of a payment is without an outcome. One statement. */
export async function isPaymentSettled(db: Db, key: PaymentKey): Promise<boolean> {
  return (await findOpenOperation(db, key)) === null
}

/** The operation of a refund. */
export async function getRefundOperation(
  db: Db,
  accountId: string,
  refundId: string,
): Promise<OperationRow> {
  const row = await selectOperations(db, accountId)
    .where('refund_id', '=', refundId)
    .executeTakeFirstOrThrow()
  return readRow(row)
}

/** The answer to a dispute that has no outcome yet. */
export async function findDisputeOperation(
  db: Db,
  accountId: string,
  disputeId: string,
): Promise<OperationRow | null> {
  const row = await selectOperations(db, accountId)
    .where('dispute_id', '=', disputeId)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  return row === undefined ? null : readRow(row)
}

/** Reads an operation once more, after a call, under the payment's lock. */
export async function getOperation(db: Db, accountId: string, id: string): Promise<OperationRow> {
  return readRow(
    await selectOperations(db, accountId).where('id', '=', id).executeTakeFirstOrThrow(),
  )
}

/** How many authorizations of a payment have ended: whether a decline may be an older one's. */
export async function countEndedAuthorizations(db: Db, key: PaymentKey): Promise<number> {
  const { n } = await db
    .selectFrom('payment_operations')
    .select(({ fn }) => fn.countAll<bigint>().as('n'))
    .where('account_id', '=', key.accountId)
    .where('payment_id', '=', key.paymentId)
    .where('kind', '=', 'authorize')
    .where('ended_at', 'is not', null)
    .executeTakeFirstOrThrow()
  return Number(n)
}

/** Whether somebody tried to cancel a payment. */
export async function wasCancelTried(db: Db, key: PaymentKey): Promise<boolean> {
  const row = await selectOperations(db, key.accountId)
    .where('payment_id', '=', key.paymentId)
    .where('kind', '=', 'cancel')
    .executeTakeFirst()
  return row !== undefined
}

/** The key is about to be sent. */
export async function markSending(tx: Tx, operation: OperationRow, now: Date): Promise<void> {
  await update(tx, operation, {
    state: 'submitted',
    submitted_at: operation.submitted_at ?? now,
    tries: operation.tries + 1,
    next_at: null,
  })
}

/** The provider is about to be asked what became of it. */
export async function markAsking(tx: Tx, operation: OperationRow): Promise<void> {
  await update(tx, operation, { asks: operation.asks + 1 })
}

/** Whether it took effect is not known; it is looked at again at `nextAt`. */
export async function markUnknown(tx: Tx, operation: OperationRow, nextAt: Date): Promise<void> {
  await update(tx, operation, { state: 'unknown', next_at: nextAt })
}

/** It certainly has not taken effect: its key is sent again at `nextAt`. */
export async function markAgain(tx: Tx, operation: OperationRow, nextAt: Date): Promise<void> {
  await update(tx, operation, { state: 'submitted', next_at: nextAt })
}

export type OperationEnd = {
  state: 'succeeded' | 'declined' | 'errored'
  error?: PaymentProblem | null
  decidedBy?: 'provider' | 'operator'
}

/** The outcome, once: a later one of the same operation changes nothing. Answers whether it was. */
export async function endOperation(
  tx: Tx,
  operation: OperationRow,
  end: OperationEnd,
): Promise<boolean> {
  return update(tx, operation, {
    state: end.state,
    error: end.error === undefined || end.error === null ? null : JSON.stringify(end.error),
    decided_by: end.decidedBy ?? 'provider',
    next_at: null,
    submitted_at: operation.submitted_at ?? sql<Date>`business_now(${operation.account_id})`,
    ended_at: sql<Date>`business_now(${operation.account_id})`,
  })
}

type Changes = {
  state?: OperationRow['state']
  error?: string | null
  decided_by?: string
  submitted_at?: Date | ReturnType<typeof sql<Date>>
  ended_at?: ReturnType<typeof sql<Date>>
  next_at?: Date | null
  tries?: number
  asks?: number
}

async function update(tx: Tx, operation: OperationRow, changes: Changes): Promise<boolean> {
  const updated = await tx
    .updateTable('payment_operations')
    .set(changes)
    .where('account_id', '=', operation.account_id)
    .where('id', '=', operation.id)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  return updated.numUpdatedRows === 1n
}

function selectOperations(db: Db, accountId: string) {
  return db.selectFrom('payment_operations').selectAll().where('account_id', '=', accountId)
}

/** We write these columns ourselves, from the same types. */
function readRow(row: object): OperationRow {
  // oxlint-disable-next-line typescript/consistent-type-assertions -- the comment above says why
  return row as OperationRow
}
