import { sql } from 'kysely'
import type { UnitCounts } from '../domain/order-status.ts'
import type { Tx } from './client.ts'
import { emitEvent } from './events.ts'
import type { TransactionKey } from './sourcing.ts'

type OrderFacts = {
  units: UnitCounts
  purchase_order_state: 'open' | 'settling' | 'invoiced' | 'settled'
}

/** Writes `codes.available` with the order as it is now. The caller has locked the transaction. */
export async function emitCodesAvailable(
  tx: Tx,
  { accountId, transactionId }: TransactionKey,
  { now, customerId, sequence }: { now: Date; customerId: string; sequence: number },
): Promise<void> {
  const { rows } = await sql<OrderFacts>`
    update transactions t set event_sequence = ${sequence + 1}
    from purchase_orders po
    where t.account_id = ${accountId} and t.id = ${transactionId}
      and po.account_id = t.account_id and po.id = t.purchase_order_id
    returning order_state(t.account_id, t.id) as units, po.state as purchase_order_state`.execute(
    tx,
  )
  const facts = rows[0]
  if (facts === undefined) throw new Error(`No transaction ${transactionId}`)
  await emitEvent(tx, {
    accountId,
    type: 'codes.available',
    objectId: transactionId,
    sequence: sequence + 1,
    customerId,
    facts,
    at: now,
  })
}

/** Holds a transaction and answers business time, never before its acceptance, and where its events stand. */
export async function lockForEvent(
  tx: Tx,
  { accountId, transactionId }: TransactionKey,
): Promise<{ now: Date; customerId: string; sequence: number }> {
  const locked = await tx
    .selectFrom('transactions')
    .select(['accepted_at', 'customer_id', 'event_sequence'])
    .where('account_id', '=', accountId)
    .where('id', '=', transactionId)
    .forUpdate()
    .executeTakeFirstOrThrow()
  const { rows } = await sql<{ now: Date }>`
    select greatest(business_now(${accountId}), ${locked.accepted_at}) as now`.execute(tx)
  if (rows[0] === undefined) throw new Error('PostgreSQL answered no time')
  return { now: rows[0].now, customerId: locked.customer_id, sequence: locked.event_sequence }
}
