import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Tx } from './client.ts'
import { cancelOpenAttempts } from './sourcing-decisions.ts'
import { stepTransaction } from './sourcing.ts'

export type OrderCancel = {
  accountId: string
  transactionId: string
  reason: string | null
  note: string | null
  /** Whether what was captured for the cancelled units goes back. */
  refunds: boolean
}

/**
 * Gives up every unit of an order that is not delivered: what nobody sold us at once, what a supplier
 * may have sold by its answer. What is held is released, what is captured is refunded if wanted. Safe
 * to repeat: the first wish stays.
 *
 * @throws DomainError `order_final` when nothing of it is open and nobody cancelled it
 */
export async function cancelOrder(tx: Tx, cancel: OrderCancel): Promise<void> {
  const key = { accountId: cancel.accountId, transactionId: cancel.transactionId }
  const order = await tx
    .selectFrom('transactions')
    .select(['ended_at', 'cancel_requested_at'])
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.transactionId)
    .forUpdate()
    .executeTakeFirstOrThrow()
  if (order.cancel_requested_at !== null) return
  if (order.ended_at !== null) {
    throw new DomainError('order_final', 'Nothing of this order is open any more.')
  }
  await tx
    .updateTable('transactions')
    .set({
      cancel_requested_at: sql<Date>`business_now(${key.accountId})`,
      cancel_reason: cancel.reason,
      cancel_note: cancel.note,
      cancel_refunds: cancel.refunds,
    })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.transactionId)
    .execute()
  await cancelOpenAttempts(tx, key)
  await stepTransaction(tx, key)
  await sql`
    insert into outbox (account_id, verb, workflow, subject, signal)
    values (${key.accountId}, 'signal', 'fulfillTransaction',
      jsonb_build_object('transaction_id', ${key.transactionId}::text),
      '{"name": "wokenUp", "input": {"reason": "the order was cancelled"}}')`.execute(tx)
}
