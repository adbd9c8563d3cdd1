import { sql } from 'kysely'
import { shareRefund } from '../domain/order-due.ts'
import type { Tx } from './client.ts'
import { requestCreditNotes } from './credit-notes.ts'
import type { RefundRow } from './refunds.ts'

const KEY = 'refund/'

/** Credit notes that are asked for under this key say that their money goes back by card. */
export function creditNoteKeyOf(refundId: string): string {
  return `${KEY}${refundId}`
}

/** Whether a credit note was asked for because its money goes back by card. */
export function isOfRefund(creditNoteKey: string): boolean {
  return creditNoteKey.startsWith(KEY)
}

export type RefundableLines = { known: string[]; leftMinor: bigint }

/**
 * Which of these are lines of the order, and what of their price with tax was not refunded under any of
 * their names. Units that failed or were cancelled are refunded by themselves. The caller holds the
 * payment's lock.
 */
export async function getRefundableLines(
  tx: Tx,
  order: { accountId: string; transactionId: string; lineIds: string[] },
): Promise<RefundableLines> {
  const { accountId, transactionId, lineIds } = order
  const { rows } = await sql<RefundableLines>`
    with asked as (
      select id from lines where account_id = ${accountId} and transaction_id = ${transactionId}
        and id = any(${lineIds}::text[])
    )
    select (select coalesce(array_agg(id), '{}') from asked) as known,
      greatest(0, coalesce((select sum(coalesce(u.gross_minor, u.price_minor)) from units u
          where u.account_id = ${accountId} and u.transaction_id = ${transactionId}
            and u.line_id in (select id from asked) and u.state not in ('failed', 'cancelled')), 0)
        - coalesce((select sum(r.amount_minor) from refunds r
            join payment_intents p on p.account_id = r.account_id and p.id = r.payment_id
          where p.account_id = ${accountId} and p.transaction_id = ${transactionId}
            and r.state <> 'failed' and r.line_ids && ${lineIds}::text[]), 0))::bigint as "leftMinor"
  `.execute(tx)
  const [row] = rows
  if (row === undefined) throw new Error('PostgreSQL answered no row')
  return row
}

/**
 * Asks for the credit notes of a refund, where the units that it pays back are billed: the named lines,
 * or all of the order, from its first unit on. What is not billed needs none: its invoice will say that
 * it is not paid. The caller holds the payment's lock. Safe to repeat.
 */
export async function creditRefundedUnits(
  tx: Tx,
  refund: RefundRow,
  transactionId: string,
): Promise<void> {
  const { rows } = await sql<{ id: string; leftMinor: bigint; leftGrossMinor: bigint }>`
    select u.id, u.price_minor - u.credited_minor as "leftMinor",
      u.gross_minor - round(u.gross_minor * u.credited_minor / nullif(u.price_minor, 0)::numeric)::bigint
        as "leftGrossMinor"
    from units u
    where u.account_id = ${refund.account_id} and u.transaction_id = ${transactionId}
      and u.invoice_line_id is not null and u.gross_minor is not null
      and u.credited_minor < u.price_minor
      and (cardinality(${refund.line_ids}::text[]) = 0 or u.line_id = any(${refund.line_ids}::text[]))
    order by u.position`.execute(tx)
  const units = shareRefund(rows, refund.amount_minor)
  if (units.length === 0) return
  await requestCreditNotes(tx, {
    accountId: refund.account_id,
    key: creditNoteKeyOf(refund.id),
    reason: refund.reason ?? 'Refunded',
    units,
  })
}
