import { sql } from 'kysely'
import type { Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Db, Tx } from './client.ts'
import type { PurchaseOrders } from './tables.ts'

export type PurchaseOrderRow = Selectable<PurchaseOrders>

type PurchaseOrderKey = { accountId: string; purchaseOrderId: string }

/** Throws `not_found`. */
export async function getPurchaseOrder(db: Db, key: PurchaseOrderKey): Promise<PurchaseOrderRow> {
  const row = await db
    .selectFrom('purchase_orders')
    .selectAll()
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.purchaseOrderId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such purchase order')
  return row
}

/** The same, locked until the transaction ends: whoever issues its invoice comes first or waits. */
export async function lockPurchaseOrder(tx: Tx, key: PurchaseOrderKey): Promise<PurchaseOrderRow> {
  const row = await tx
    .selectFrom('purchase_orders')
    .selectAll()
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.purchaseOrderId)
    .forUpdate()
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such purchase order')
  return row
}

/**
 * Ends the period of a purchase order when it is over, or at once when `early`. Takes the customer's
 * lock and then the clock, like the acceptance of an order. Safe to repeat.
 */
export async function closePurchaseOrder(
  tx: Tx,
  { accountId, purchaseOrderId, early }: PurchaseOrderKey & { early: boolean },
): Promise<void> {
  await sql`select close_purchase_order(${accountId}, ${purchaseOrderId}, ${early})`.execute(tx)
}

/**
 * Spreads the invoices of purchase orders that end at the same instant: their numbers come from one
 * series, one after another. Safe to repeat: the first instant stays.
 */
export async function scheduleIssue(tx: Tx, key: PurchaseOrderKey): Promise<void> {
  await sql`select schedule_issue(${key.accountId}, ${key.purchaseOrderId})`.execute(tx)
}

/** Whether a unit of this purchase order may still be delivered that is not billed before. */
export async function hasTransactionsToAwait(db: Db, key: PurchaseOrderKey): Promise<boolean> {
  const { rows } = await sql`
    select 1 from transactions t
    join purchase_orders po on po.account_id = t.account_id and po.id = t.purchase_order_id
    where t.account_id = ${key.accountId} and t.purchase_order_id = ${key.purchaseOrderId}
      and t.ended_at is null and (po.bill_on = 'allocation' or t.payment_method <> 'credit')
    limit 1`.execute(db)
  return rows.length > 0
}

/** Holds or releases the invoice of a purchase order; the close itself is never held. Repeatable. */
export async function updatePurchaseOrderHold(
  tx: Tx,
  { accountId, purchaseOrderId, held }: PurchaseOrderKey & { held: boolean },
): Promise<void> {
  await tx
    .updateTable('purchase_orders')
    .set({ held_at: held ? sql<Date>`coalesce(held_at, clock_timestamp())` : null })
    .where('account_id', '=', accountId)
    .where('id', '=', purchaseOrderId)
    .execute()
}

/** Billing is done: `settling` to `invoiced`, also when there was nothing to bill. */
export async function updatePurchaseOrderInvoiced(
  tx: Tx,
  { accountId, purchaseOrderId, manifestHash }: PurchaseOrderKey & { manifestHash: Buffer },
): Promise<void> {
  // `is true` leaves only the key's index: at midnight all of the account's are settling at once.
  await tx
    .updateTable('purchase_orders')
    .set({
      state: 'invoiced',
      invoiced_at: sql<Date>`business_now(${accountId})`,
      manifest_hash: manifestHash,
    })
    .where(sql<boolean>`(account_id = ${accountId}) is true`)
    .where('id', '=', purchaseOrderId)
    .where('state', '=', 'settling')
    .execute()
}

/** Its workflow has nothing left to do; the last one of its date lets finance know. Repeatable. */
export async function endPurchaseOrder(tx: Tx, key: PurchaseOrderKey): Promise<void> {
  await sql`select end_purchase_order(${key.accountId}, ${key.purchaseOrderId})`.execute(tx)
}

/** "Look at SQL again" for the workflow of a purchase order, committed with the change. */
export async function wakePurchaseOrder(
  tx: Tx,
  { accountId, purchaseOrderId, reason }: PurchaseOrderKey & { reason: string },
): Promise<void> {
  await sql`select wake_purchase_order(po, ${reason}) from purchase_orders po
    where account_id = ${accountId} and id = ${purchaseOrderId}`.execute(tx)
}

/** The business clock of an account, as of now. */
export async function getBusinessNow(db: Db, accountId: string): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select business_now(${accountId}) as now`.execute(db)
  const row = rows[0]
  if (row === undefined) throw new Error('PostgreSQL returned no row for its clock')
  return row.now
}
