import { sql } from 'kysely'
import type { Posting } from '../domain/ledger.ts'
import type { Db, Tx } from './client.ts'

export type NewJournal = {
  accountId: string
  /** Null for what concerns the account and no customer of it. */
  customerId: string | null
  currency: string
  posting: Posting
  /** The business id of what happened; the same (kind, source) is posted once. */
  sourceId: string
  /** Business time; the account's present business time when left out. */
  at?: Date
}

/**
 * Posts what happened: a journal, its entries and the customer's balances, in the transaction of the
 * change itself. Locks the customer's balances (after units, before the number counter). Safe to
 * repeat: posting again is the same journal, and throws when the amounts are others.
 */
export async function postJournal(tx: Tx, journal: NewJournal): Promise<void> {
  const { accountId, posting } = journal
  const amounts = Object.fromEntries(
    Object.entries<bigint | undefined>(posting.amounts).flatMap(([measure, minor]) =>
      minor === undefined ? [] : [[measure, String(minor)]],
    ),
  )
  const at =
    journal.at === undefined ? sql`business_now(${accountId})` : sql`${journal.at}::timestamptz`
  await sql`select post_journal(${accountId}, ${journal.customerId}, ${journal.currency},
    ${posting.kind}, ${journal.sourceId}, ${JSON.stringify(amounts)}::jsonb, ${at})`.execute(tx)
}

/** Locks a customer's balances, in their place in the order of locks (design 3.1). */
export async function lockCustomerBalance(
  tx: Tx,
  key: { accountId: string; customerId: string; currency: string },
): Promise<void> {
  await sql`select 1 from customer_balances where account_id = ${key.accountId}
    and customer_id = ${key.customerId} and currency = ${key.currency} for no key update`.execute(
    tx,
  )
}

/** What is still owed on an invoice, in minor units: the sum of its receivable entries. */
export async function getInvoiceOwed(
  db: Db,
  key: { accountId: string; invoiceId: string },
): Promise<bigint> {
  const { rows } = await sql<{ owed: bigint }>`
    select invoice_owed(${key.accountId}, ${key.invoiceId}) as owed`.execute(db)
  if (rows[0] === undefined) throw new Error('PostgreSQL answered no sum')
  return rows[0].owed
}
