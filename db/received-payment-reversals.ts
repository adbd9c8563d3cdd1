import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import { least, paymentReversed } from '../domain/ledger.ts'
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
 * comes out of the customer's unallocated cash; what of it has paid other invoices meanwhile is taken
 * from them again, the last one first. Safe to repeat for ever: a payment is reversed once, and the same
 * reversal again is the same.
 *
 * @returns the payment, and the invoices that were paid and owe something again
 * @throws DomainError `not_found`; `already_reversed` when it was reversed otherwise; `cash_exceeded`
 *   when what was too much has gone back to the customer
 */
export async function insertReversal(
  tx: Tx,
  reversal: NewReversal,
): Promise<{ payment: ReceivedPaymentRow; reopened: string[] }> {
  const { accountId, invoiceId } = reversal
  const invoice = await lockPayable(tx, reversal)
  const payment = await getReceivedPayment(tx, reversal)
  if (payment.reversed_on !== null) {
    if (
      payment.reversed_on === reversal.reversedOn &&
      payment.reversal_reason === reversal.reason
    ) {
      return { payment, reopened: [] }
    }
    throw new DomainError('already_reversed', 'This payment was reversed before.')
  }
  const posting = paymentReversed({
    amountMinor: payment.amount_minor,
    allocatedMinor: payment.allocated_minor,
    excessMinor: await getExcess(tx, reversal),
  })
  const balance = await getUnallocated(tx, { ...invoice, accountId })
  const freed = await freeCash(tx, {
    ...invoice,
    accountId,
    reversalId: reversal.id,
    missingMinor: posting.amounts.unallocated - balance,
  })
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
    .where('id', 'in', [...new Set([invoiceId, ...freed])])
    .where('state', '=', 'paid')
    .where(sql<boolean>`invoice_owed(account_id, id) > 0`)
    .returning('id')
    .execute()
  return {
    payment: await getReceivedPayment(tx, reversal),
    reopened: reopened.map(({ id }) => id).toSorted(),
  }
}

/**
 * Takes cash back from the invoices that it was allocated to, the last one first, until so much is there;
 * answers these invoices. The caller holds the customer's balance. An invoice is locked after it, against
 * the order of locks: somebody who pays that one at this moment may be tried again.
 */
async function freeCash(
  tx: Tx,
  cash: {
    accountId: string
    customer_id: string
    currency: string
    reversalId: string
    missingMinor: bigint
  },
): Promise<string[]> {
  const { accountId, customer_id: customerId, currency, reversalId } = cash
  const freed: string[] = []
  let missing = cash.missingMinor
  if (missing <= 0n) return freed
  for (const { invoiceId, allocatedMinor } of await listAllocations(tx, cash)) {
    if (missing === 0n) break
    await tx
      .selectFrom('invoices')
      .select('id')
      .where('account_id', '=', accountId)
      .where('id', '=', invoiceId)
      .forNoKeyUpdate()
      .execute()
    // What credit notes gave back of it is the customer's cash already.
    const takable =
      allocatedMinor - least(allocatedMinor, await getExcess(tx, { accountId, invoiceId }))
    const amount = least(takable, missing)
    if (amount === 0n) continue
    await postJournal(tx, {
      accountId,
      customerId,
      currency,
      posting: { kind: 'allocation_reversed', amounts: { amount } },
      sourceId: `${invoiceId}/${reversalId}`,
    })
    freed.push(invoiceId)
    missing -= amount
  }
  if (missing === 0n) return freed
  throw new DomainError(
    'cash_exceeded',
    'What this payment brought too much has gone back to the customer: it cannot be taken again.',
  )
}

/** The invoices that unallocated cash has paid and still pays, the last allocation first. */
async function listAllocations(
  tx: Tx,
  key: { accountId: string; customer_id: string; currency: string },
): Promise<{ invoiceId: string; allocatedMinor: bigint }[]> {
  const { rows } = await sql<{ invoiceId: string; allocatedMinor: bigint }>`
    select split_part(j.source_id, '/', 1) as "invoiceId",
      (- sum(e.amount_minor))::bigint as "allocatedMinor"
    from ledger_accounts a join entries e on e.ledger_account_id = a.id
    join journals j on j.id = e.journal_id
    where a.account_id = ${key.accountId} and a.customer_id = ${key.customer_id}
      and a.currency = ${key.currency} and a.kind = 'receivable'
      and j.kind in ('cash_allocated', 'allocation_reversed')
    group by 1 having sum(e.amount_minor) < 0
    order by max(j.created_at) filter (where j.kind = 'cash_allocated') desc, 1 desc`.execute(tx)
  return rows
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
