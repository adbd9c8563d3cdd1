import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Db, Tx } from './client.ts'
import type { InvoiceRuns } from './tables.ts'

type RunKey = { accountId: string; invoiceRunId: string }
export type InvoiceRunRow = Selectable<InvoiceRuns>

/** Throws `not_found`. */
export async function getInvoiceRun(db: Db, key: RunKey): Promise<InvoiceRunRow> {
  const row = await db
    .selectFrom('invoice_runs')
    .selectAll()
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.invoiceRunId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such invoice run')
  return row
}

/**
 * Makes sure that what was delivered after a purchase order's last invoice is billed at the next
 * cut-off. Locks the purchase order. Safe to repeat: one run waits at a time.
 */
export async function scheduleInvoiceRun(
  tx: Tx,
  { accountId, purchaseOrderId }: { accountId: string; purchaseOrderId: string },
): Promise<void> {
  await sql`select 1 from purchase_orders
    where account_id = ${accountId} and id = ${purchaseOrderId} for share`.execute(tx)
  await sql`select schedule_invoice_run(${accountId}, ${purchaseOrderId},
    business_now(${accountId}))`.execute(tx)
}

/** It was billed; the caller holds the purchase order's lock. Only a waiting run is. */
export async function updateInvoiceRunBilled(
  tx: Tx,
  { accountId, invoiceRunId, manifestHash }: RunKey & { manifestHash: Buffer },
): Promise<void> {
  await tx
    .updateTable('invoice_runs')
    .set({ billed_at: sql<Date>`business_now(${accountId})`, manifest_hash: manifestHash })
    .where('account_id', '=', accountId)
    .where('id', '=', invoiceRunId)
    .where('billed_at', 'is', null)
    .execute()
}

/** Its workflow has nothing left to do. Repeatable. */
export async function updateInvoiceRunEnded(tx: Tx, key: RunKey): Promise<void> {
  await tx
    .updateTable('invoice_runs')
    .set({ ended_at: sql<Date>`business_now(${key.accountId})` })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.invoiceRunId)
    .where('ended_at', 'is', null)
    .execute()
}
