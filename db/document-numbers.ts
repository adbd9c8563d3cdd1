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

/** Today in the seller's zone, YYYY-MM-DD: what a document would be issued on now. */
export async function getIssueDate(tx: Tx, accountId: string): Promise<string> {
  const { rows } = await sql<{ today: string }>`
    select (business_now(id) at time zone time_zone)::date as today
    from accounts where id = ${accountId}`.execute(tx)
  const row = rows[0]
  if (row === undefined) throw new Error(`There is no account ${accountId}`)
  return row.today
}

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
  const series = sql.ref(kind === 'invoice' ? 'a.invoice_series' : 'a.credit_note_series')
  await sql`insert into counters (account_id, series, value)
    select a.id, ${series}, 0 from accounts a where a.id = ${accountId} for share
    on conflict do nothing`.execute(tx)
  await sql`select 1 from counters c join accounts a on a.id = c.account_id and c.series = ${series}
    where a.id = ${accountId} for update of c`.execute(tx)
  const { rows } = await sql<{
    series: string
    value: bigint
    issue_date: string
    due_date: string
    issued_at: Date
  }>`
    with issue as (
      select a.id, business_now(a.id) as at, a.time_zone, a.payment_term_days,
        make_interval(months => a.fiscal_year_first_month - 1) as into_year, ${series} as series
      from accounts a where a.id = ${accountId}
    ), dated as (
      select issue.*, greatest((at at time zone time_zone)::date, c.issued_on) as issue_date
      from issue join counters c on c.account_id = issue.id and c.series = issue.series
    ), marked as (
      update counters c set issued_on = dated.issue_date from dated
      where c.account_id = dated.id and c.series = dated.series
    ), taken as (
      insert into counters as c (account_id, series, value)
      select id, series || '-' || to_char(issue_date - into_year, 'YYYY'), 1 from dated
      on conflict (account_id, series) do update set value = c.value + 1
      returning series, value
    )
    select taken.series, value, issue_date, issue_date + payment_term_days as due_date,
      at as issued_at
    from dated, taken`.execute(tx)
  const row = rows[0]
  if (row === undefined) throw new Error(`There is no account ${accountId}`)
  return {
    series: row.series,
    value: row.value,
    number: `${row.series}-${String(row.value).padStart(NUMBER_DIGITS, '0')}`,
    issueDate: row.issue_date,
    dueDate: row.due_date,
    issuedAt: row.issued_at,
  }
}
