import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import { paymentReversed } from '../domain/ledger.ts'
import type { Tx } from './client.ts'
import { postJournal } from './ledger.ts'
import {
  getReceivedPayment,
  getUnallocated,
  lockPayable,
  type ReceivedPaymentRow,
} from './received-payments.ts'

export type NewReversal = {
  id: string
  accountId: string
  invoiceId: string
  receivedPaymentId: string
  reason: string
  /** YYYY-MM-DD, the value date. */
  reversedOn: string
}

/**
 * Takes a received payment back, all of it: its invoice owes again what it needs to owe, and the rest
 * comes out of the customer's unallocated cash. Safe to repeat for ever: a payment is reversed once,
 * and the same reversal again is the same.
 *
 * @returns the payment, and whether its invoice was paid and owes something again
 * @throws DomainError `not_found`; `already_reversed` when it was reversed otherwise; `cash_exceeded`
 *   when what was too much has paid another invoice meanwhile
 */
export async function insertReversal(
  tx: Tx,
  reversal: NewReversal,
): Promise<{ payment: ReceivedPaymentRow; reopened: boolean }> {
  const { accountId, invoiceId } = reversal
  const invoice = await lockPayable(tx, reversal)
  const payment = await getReceivedPayment(tx, reversal)
  if (payment.reversed_on !== null) {
    if (
      payment.reversed_on === reversal.reversedOn &&
      payment.reversal_reason === reversal.reason
    ) {
      return { payment, reopened: false }
    }
    throw new DomainError('already_reversed', 'This payment was reversed before.')
  }
  const posting = paymentReversed({
    amountMinor: payment.amount_minor,
    allocatedMinor: payment.allocated_minor,
    excessMinor: await getExcess(tx, reversal),
  })
  const balance = await getUnallocated(tx, { ...invoice, accountId })
  if (posting.amounts.unallocated > balance) {
    throw new DomainError(
      'cash_exceeded',
      'What this payment brought too much has paid another invoice: reverse that one first.',
    )
  }
  await tx
    .insertInto('received_payment_reversals')
    .values({
      id: reversal.id,
      account_id: accountId,
      received_payment_id: payment.id,
      reopened_minor: posting.amounts.reopened,
      reason: reversal.reason,
      reversed_on: reversal.reversedOn,
      recorded_at: sql<Date>`business_now(${accountId})`,
    })
    .execute()
  await postJournal(tx, {
    accountId,
    customerId: invoice.customer_id,
    currency: invoice.currency,
    posting,
    sourceId: `${invoiceId}/${payment.id}`,
  })
  const reopened = await tx
    .updateTable('invoices')
    .set({ state: 'open' })
    .where('account_id', '=', accountId)
    .where('id', '=', invoiceId)
    .where('state', '=', 'paid')
    .where(sql<boolean>`invoice_owed(account_id, id) > 0`)
    .executeTakeFirst()
  return {
    payment: await getReceivedPayment(tx, reversal),
    reopened: reopened.numUpdatedRows > 0n,
  }
}

/**
 * What credit notes gave back of an invoice that was paid already, as far as no reversal has taken it
 * from the customer's cash again.
 */
async function getExcess(
  tx: Tx,
  { accountId, invoiceId }: { accountId: string; invoiceId: string },
): Promise<bigint> {
  const { rows } = await sql<{ excess: bigint }>`
    select (
      select coalesce(- sum(e.amount_minor), 0) from journals j
      join entries e on e.journal_id = j.id
      join ledger_accounts a on a.id = e.ledger_account_id and a.kind = 'unallocated_cash'
      where j.account_id = ${accountId} and j.kind = 'credit_note_issued'
        and j.source_id > ${invoiceId} and j.source_id < ${invoiceId} || '0'
    )::bigint - (
      select coalesce(sum(p.allocated_minor - r.reopened_minor), 0) from received_payments p
      join received_payment_reversals r
        on r.account_id = p.account_id and r.received_payment_id = p.id
      where p.account_id = ${accountId} and p.invoice_id = ${invoiceId}
    )::bigint as excess`.execute(tx)
  return rows[0]?.excess ?? 0n
}
