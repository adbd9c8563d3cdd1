import { sql } from 'kysely'
import type { PaymentMethodName } from '../domain/payment-method.ts'
import type { ProductClass } from '../domain/tax.ts'
import type { Tx } from './client.ts'

type TransactionKey = { accountId: string; transactionId: string }

/** An order that waits for its money, as far as that decides what is to be paid and how. */
export type UnpaidOrder = {
  customer_id: string
  currency: string
  payment_method: PaymentMethodName
  payment_token: string | null
  due_minor: bigint | null
  /** Whether any payment of it was ever begun. */
  has_payment: boolean
}

/** The caller holds the order's lock. */
export async function getUnpaidOrder(tx: Tx, key: TransactionKey): Promise<UnpaidOrder> {
  const { rows } = await sql<UnpaidOrder>`
    select t.customer_id, t.currency, t.payment_method, t.payment_token, t.due_minor,
      exists (select 1 from payment_intents p
        where p.account_id = t.account_id and p.transaction_id = t.id) as has_payment
    from transactions t
    where t.account_id = ${key.accountId} and t.id = ${key.transactionId}`.execute(tx)
  const row = rows[0]
  if (row === undefined) throw new Error(`There is no order ${key.transactionId}`)
  return row
}

/** The units of an order in their order, with what their tax depends on. */
export async function listUnitsToPay(
  tx: Tx,
  key: TransactionKey,
): Promise<{ id: string; price_minor: bigint; tax_class: ProductClass }[]> {
  const { rows } = await sql<{ id: string; price_minor: bigint; tax_class: ProductClass }>`
    select u.id, u.price_minor, l.tax_class from units u
    join lines l on l.account_id = u.account_id and l.id = u.line_id
    where u.account_id = ${key.accountId} and u.transaction_id = ${key.transactionId}
    order by u.position`.execute(tx)
  return rows
}

/** Keeps what each unit costs with tax, and their sum. Decided once: a second call changes nothing. */
export async function updateOrderDue(
  tx: Tx,
  key: TransactionKey,
  units: { id: string; grossMinor: bigint }[],
): Promise<void> {
  await sql`
    update units u set gross_minor = share.gross_minor
    from unnest(${units.map(({ id }) => id)}::text[],
      ${units.map(({ grossMinor }) => grossMinor)}::bigint[]) as share (id, gross_minor)
    where u.account_id = ${key.accountId} and u.id = share.id and u.gross_minor is null`.execute(tx)
  await sql`
    update transactions t set due_minor = (select sum(gross_minor) from units u
      where u.account_id = t.account_id and u.transaction_id = t.id)
    where t.account_id = ${key.accountId} and t.id = ${key.transactionId}
      and t.due_minor is null`.execute(tx)
}

/** Locks the order that a payment is for, if any: before the payment, in the order of locks. */
export async function lockOrderOfPayment(
  tx: Tx,
  { accountId, paymentId }: { accountId: string; paymentId: string },
): Promise<void> {
  await sql`select 1 from transactions t where t.account_id = ${accountId}
    and t.id = (select p.transaction_id from payment_intents p
      where p.account_id = ${accountId} and p.id = ${paymentId}) for no key update`.execute(tx)
}

/** Whether the order that a payment is for has ended. */
export async function hasOrderEnded(tx: Tx, key: TransactionKey): Promise<boolean> {
  const row = await tx
    .selectFrom('transactions')
    .select('ended_at')
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.transactionId)
    .executeTakeFirst()
  return row !== undefined && row.ended_at !== null
}

/**
 * Gives back what was captured for an order and is owed for none of its units. The caller holds the
 * order's lock. Safe to repeat; nothing is done before it is known what the order costs.
 */
export async function refundExcess(tx: Tx, key: TransactionKey): Promise<void> {
  await sql`select lock_order_money(account_id, id), refund_excess(t) from transactions t
    where account_id = ${key.accountId} and id = ${key.transactionId}
      and due_minor is not null`.execute(tx)
}

/** Tells when everything that was captured for an order went back. The caller holds its lock. */
export async function tellOrderRefunded(tx: Tx, key: TransactionKey): Promise<void> {
  await sql`select tell_order_refunded(${key.accountId}, ${key.transactionId})`.execute(tx)
}
