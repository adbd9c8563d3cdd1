import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Db, Tx } from './client.ts'
import { listPage, newestFirst, type PageRequest, type RowsPage } from './keyset.ts'
import type { IdentityResult } from './reconciliation.ts'
import type { LedgerReconciliations } from './tables.ts'

/** One identity of a report. Minor units, as text where JSON keeps them. */
export type ReportLine = {
  name: string
  says: string
  /** How many rows break it; as many as a report looks for, at most. */
  differences: number
  /** The first of them. */
  first: { subject: string; currency: string; expected_minor: string; actual_minor: string }[]
}

export type LedgerReportRow = Omit<Selectable<LedgerReconciliations>, 'lines'> & {
  lines: ReportLine[] | null
}

type ReportKey = { accountId: string; id: string }

const FIRST_KEPT = 10 // of each identity: where to look; `bark reconcile` shows what there is now

/** Asks for a report of the books as they are, under the present date of the account. Safe to repeat. */
export async function requestLedgerReconciliation(db: Db, accountId: string): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    select request_ledger_reconciliation(a.id, (business_now(a.id) at time zone a.time_zone)::date)
      as id from accounts a where a.id = ${accountId}`.execute(db)
  if (rows[0] === undefined) throw new Error('PostgreSQL made no report')
  return rows[0].id
}

/** Asks for the nightly reports that are missing. Safe to repeat. */
export async function openLedgerReconciliations(tx: Tx, max: number): Promise<void> {
  await sql`select open_ledger_reconciliations(${max})`.execute(tx)
}

/** Keeps a report; answers it, or null where it was kept before. Safe to repeat: the first one stays. */
export async function keepLedgerReport(
  tx: Tx,
  { accountId, id }: ReportKey,
  results: IdentityResult[],
): Promise<LedgerReportRow | null> {
  const lines = results.map(({ name, says, differences }): ReportLine => {
    const first = differences.slice(0, FIRST_KEPT)
    return {
      name,
      says,
      differences: differences.length,
      first: first.map(({ subject, currency, expected_minor, actual_minor }) => ({
        subject,
        currency,
        expected_minor: String(expected_minor),
        actual_minor: String(actual_minor),
      })),
    }
  })
  const kept = await tx
    .updateTable('ledger_reconciliations')
    .set({
      lines: JSON.stringify(lines),
      identities: lines.length,
      differing: lines.filter(({ differences }) => differences > 0).length,
      ended_at: sql<Date>`business_now(${accountId})`,
    })
    .where('account_id', '=', accountId)
    .where('id', '=', id)
    .where('ended_at', 'is', null)
    .executeTakeFirst()
  return kept.numUpdatedRows === 0n ? null : getLedgerReport(tx, { accountId, id })
}

/** Throws `not_found`. */
export async function getLedgerReport(db: Db, key: ReportKey): Promise<LedgerReportRow> {
  const row = await selectReports(db, key.accountId).where('id', '=', key.id).executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such report.')
  return row
}

/** Reports, the latest first. */
export async function listLedgerReports(
  db: Db,
  accountId: string,
  request: PageRequest,
): Promise<RowsPage<LedgerReportRow>> {
  return listPage(db, selectReports(db, accountId), newestFirst(), request)
}

/** The last report of each account, or of one. For operators. */
export async function listLastLedgerReports(
  db: Db,
  accountId: string | null,
): Promise<LedgerReportRow[]> {
  const { rows } = await sql<LedgerReportRow>`
    select distinct on (account_id) * from ledger_reconciliations
    where ended_at is not null and (${accountId}::text is null or account_id = ${accountId})
    order by account_id, created_at desc`.execute(db)
  return rows
}

function selectReports(db: Db, accountId: string) {
  return db
    .selectFrom('ledger_reconciliations')
    .select(['id', 'account_id', 'business_date', 'run', 'requested_at', 'identities', 'differing'])
    .select(['ended_at', 'created_at', sql<ReportLine[] | null>`lines`.as('lines')])
    .where('account_id', '=', accountId)
}
