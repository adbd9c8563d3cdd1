import { sql } from 'kysely'
import type { Tx } from './client.ts'

export type DocumentNumber = {
  series: string
  value: bigint
  number: string
  /** YYYY-MM-DD in the seller's zone. */
  issueDate: string
  /** `issueDate` plus the account's payment term. */
  dueDate: string
  issuedAt: Date
}

const NUMBER_DIGITS = 6

/**
 * Takes the next number of one of the seller's series, for the fiscal year of the issue: the year in
 * which it began. The seller stays as it is until the document is committed. The counter row is
 * locked until the document is committed and the clock is read after the lock, so numbers have no
 * gaps and follow the dates, also when the clock steps back or the seller moves west. Nothing may be
 * locked after it.
 */
export async function takeDocumentNumber(
  tx: Tx,
  accountId: string,
  kind: 'invoice' | 'credit_note',
): Promise<DocumentNumber> {
  const { rows } = await sql<{
    series: string
    value: bigint
    issue_date: string
    due_date: string
    issued_at: Date
  }>`select * from take_document_number(${accountId}, ${kind})`.execute(tx)
  const row = rows[0]
  if (row === undefined) throw new Error(`No number for ${accountId}`)
  return {
    series: row.series,
    value: row.value,
    number: `${row.series}-${String(row.value).padStart(NUMBER_DIGITS, '0')}`,
    issueDate: row.issue_date,
    dueDate: row.due_date,
    issuedAt: row.issued_at,
  }
}
