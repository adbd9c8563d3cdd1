import { sql } from 'kysely'
import type { Tx } from './client.ts'
import { postJournal } from './ledger.ts'

type PurchaseOrderKey = { accountId: string; purchaseOrderId: string }

/** What the payments of an order pay of an invoice. */
export type Prepayment = { transactionId: string; amountMinor: bigint }

/**
 * Locks the payments of a purchase order's orders, after the purchase order and before its units: what
 * is captured of them stays as it is until the invoice is written.
 */
export async function lockOrderPayments(tx: Tx, key: PurchaseOrderKey): Promise<void> {
  await sql`select 1 from payment_intents p where p.account_id = ${key.accountId}
    and p.transaction_id in (select t.id from transactions t where t.account_id = ${key.accountId}
      and t.purchase_order_id = ${key.purchaseOrderId} and t.pay_by is not null)
    order by p.id for no key update`.execute(tx)
}

/**
 * What was captured for the units on some invoice lines and is not used up, by order: at most what those
 * units cost with tax, and altogether at most the invoice. The cents by which the tax of several orders
 * differs from that of all of them together stay with the customer, or are owed.
 */
export async function listPrepayments(
  tx: Tx,
  billed: PurchaseOrderKey & { invoiceLineIds: string[]; atMostMinor: bigint },
): Promise<Prepayment[]> {
  if (billed.invoiceLineIds.length === 0) return []
  const { rows } = await sql<Prepayment>`
    select t.id as "transactionId", least(sum(u.gross_minor)::bigint,
      (select sum(p.captured_minor - p.refunded_minor - p.refund_held_minor) from payment_intents p
        where p.account_id = t.account_id and p.transaction_id = t.id)::bigint
      - coalesce((select sum(amount_minor) from invoice_prepayments used
        where used.transaction_id = t.id), 0)::bigint) as "amountMinor"
    from units u
    join transactions t on t.account_id = u.account_id and t.id = u.transaction_id
    where u.account_id = ${billed.accountId} and u.purchase_order_id = ${billed.purchaseOrderId}
      and t.pay_by is not null and u.invoice_line_id = any(${billed.invoiceLineIds}::text[])
    group by t.account_id, t.id, t.position order by t.position`.execute(tx)
  let left = billed.atMostMinor
  return rows.flatMap(({ transactionId, amountMinor }) => {
    const amount = amountMinor < left ? amountMinor : left
    if (amount <= 0n) return []
    left -= amount
    return [{ transactionId, amountMinor: amount }]
  })
}

export function sumPrepayments(prepayments: Prepayment[]): bigint {
  return prepayments.reduce((sum, { amountMinor }) => sum + amountMinor, 0n)
}

/** Pays an invoice that is being issued with them. Not repeatable by itself. */
export async function applyPrepayments(
  tx: Tx,
  invoice: { accountId: string; customerId: string; currency: string; invoiceId: string; at: Date },
  prepayments: Prepayment[],
): Promise<void> {
  if (prepayments.length === 0) return
  const { accountId, customerId, currency, invoiceId, at } = invoice
  await tx
    .insertInto('invoice_prepayments')
    .values(
      prepayments.map(({ transactionId, amountMinor }) => ({
        account_id: accountId,
        invoice_id: invoiceId,
        transaction_id: transactionId,
        amount_minor: amountMinor,
      })),
    )
    .execute()
  await postJournal(tx, {
    accountId,
    customerId,
    currency,
    posting: { kind: 'prepayment_applied', amounts: { amount: sumPrepayments(prepayments) } },
    sourceId: `${invoiceId}/prepaid`,
    at,
  })
}
