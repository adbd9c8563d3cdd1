import { sql } from 'kysely'
import type { Pool } from 'pg'
import type { UnitState } from '../domain/unit.ts'
import { runNamed, type Tx } from './client.ts'

/** How far a transaction has come. Counts by unit state; states without units are left out. */
export type FulfillmentProgress = {
  units: Partial<Record<UnitState, number>>
  open: number
  ended: boolean
}

type TransactionKey = { accountId: string; transactionId: string }

const FULFILL = {
  name: 'fulfill_transaction',
  text: 'select fulfill_transaction($1, $2) as progress',
}

/**
 * One step of a transaction in one round trip: own pool, deadline, end. Safe to run any number of
 * times and at the same time as itself. Throws when there is no such transaction.
 */
export async function fulfillTransaction(
  pool: Pool,
  { accountId, transactionId }: TransactionKey,
): Promise<FulfillmentProgress> {
  const rows = await runNamed<{ progress: FulfillmentProgress }>(pool, FULFILL, [
    accountId,
    transactionId,
  ])
  const progress = rows[0]?.progress
  if (progress === undefined) throw new Error(`No progress of ${transactionId}`)
  return { units: progress.units, open: progress.open, ended: progress.ended }
}

/** Forbids new purchases for a transaction; what is open and unsold ends at the next step. */
export async function requestCancelRemaining(tx: Tx, key: TransactionKey): Promise<void> {
  await tx
    .updateTable('transactions')
    .set({ cancel_requested_at: sql<Date>`business_now(${key.accountId})` })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.transactionId)
    .where('cancel_requested_at', 'is', null)
    .where('ended_at', 'is', null)
    .execute()
}
