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
