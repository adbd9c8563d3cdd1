import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Difference, DifferenceKind } from '../domain/payment-difference.ts'
import type { Db, Tx } from './client.ts'
import { listPage, newestFirst, type PageRequest, type RowsPage } from './keyset.ts'
import type { PaymentDifferences, PaymentReconciliations } from './tables.ts'

export type ReconciliationRow = Selectable<PaymentReconciliations> & {
  open_differences: number
}
export type DifferenceRow = Selectable<PaymentDifferences> & { business_date: string }

/** Asks for a day (YYYY-MM-DD) to be compared, again if it was before. Safe to repeat. */
export async function requestReconciliation(
  db: Db,
  accountId: string,
  date: string,
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    select request_reconciliation(${accountId}, ${date}::date) as id`.execute(db)
  if (rows[0] === undefined) throw new Error('PostgreSQL made no reconciliation')
  return rows[0].id
}

/** Asks for the days that are over and were not compared yet. Safe to repeat. */
export async function openReconciliations(tx: Tx, max: number): Promise<void> {
  await sql`select open_reconciliations(${max})`.execute(tx)
}

export type ReconciledDay = { run: number; isEnded: boolean; from: Date; before: Date }

/** The instants between which a reconciliation's day lies, in the account's zone. */
export async function getReconciledDay(
  db: Db,
  key: { accountId: string; reconciliationId: string },
): Promise<ReconciledDay> {
  const { rows } = await sql<ReconciledDay>`
    select r.run, r.ended_at is not null as "isEnded",
      r.business_date::timestamp at time zone a.time_zone as "from",
      (r.business_date + 1)::timestamp at time zone a.time_zone as before
    from payment_reconciliations r join accounts a on a.id = r.account_id
    where r.account_id = ${key.accountId} and r.id = ${key.reconciliationId}`.execute(db)
  if (rows[0] === undefined) throw new DomainError('not_found', 'No such reconciliation.')
  return rows[0]
}

/** Keeps a difference once per day; answers its row when it is new, null when it was known. */
export async function keepDifference(
  tx: Tx,
  key: { accountId: string; reconciliationId: string; run: number; id: string },
  found: Difference,
): Promise<DifferenceRow | null> {
  const { accountId, reconciliationId, run, id } = key
  const { rows } = await sql<{ is_new: boolean }>`
    insert into payment_differences (id, account_id, reconciliation_id, kind, about, subject,
      payment_id, currency, ours_minor, theirs_minor, ours, theirs, last_seen_run)
    values (${id}, ${accountId}, ${reconciliationId}, ${found.kind}, ${found.about},
      ${found.subject}, ${found.paymentId}, ${found.currency}, ${found.oursMinor},
      ${found.theirsMinor}, ${found.ours}, ${found.theirs}, ${run})
    on conflict (account_id, reconciliation_id, kind, subject) do update
      set last_seen_run = excluded.last_seen_run, resolved_at = null,
        ours_minor = excluded.ours_minor, theirs_minor = excluded.theirs_minor,
        ours = excluded.ours, theirs = excluded.theirs
    returning id = ${id} as is_new`.execute(tx)
  return rows[0]?.is_new === true ? getDifference(tx, accountId, id) : null
}

/** The run is over: what it did not find again is resolved. Safe to repeat. */
export async function endReconciliation(
  tx: Tx,
  key: { accountId: string; reconciliationId: string; run: number },
  seen: { payments: number; movements: number },
): Promise<void> {
  await tx
    .updateTable('payment_differences')
    .set({ resolved_at: sql<Date>`clock_timestamp()` })
    .where('account_id', '=', key.accountId)
    .where('reconciliation_id', '=', key.reconciliationId)
    .where('last_seen_run', '<', key.run)
    .where('resolved_at', 'is', null)
    .execute()
  await tx
    .updateTable('payment_reconciliations')
    .set({
      ended_at: sql<Date>`clock_timestamp()`,
      payments_seen: seen.payments,
      movements_seen: seen.movements,
    })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.reconciliationId)
    .where('run', '=', key.run)
    .execute()
}

/** The days that were compared, the latest asked for first. */
export async function listReconciliations(
  db: Db,
  accountId: string,
  page: PageRequest,
): Promise<RowsPage<ReconciliationRow>> {
  return listPage(db, selectReconciliations(db, accountId), newestFirst(), page)
}

/** Throws `not_found`. */
export async function getReconciliation(
  db: Db,
  accountId: string,
  id: string,
): Promise<ReconciliationRow> {
  const row = await selectReconciliations(db, accountId).where('id', '=', id).executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such reconciliation.')
  return row
}

export type DifferenceFilter = { kind?: DifferenceKind; reconciliationId?: string; open?: boolean }

/** Differences, the latest found first. */
export async function listDifferences(
  db: Db,
  accountId: string,
  filter: DifferenceFilter,
  page: PageRequest,
): Promise<RowsPage<DifferenceRow>> {
  let query = selectDifferences(db, accountId)
  const { kind, reconciliationId, open } = filter
  if (kind !== undefined) query = query.where('payment_differences.kind', '=', kind)
  if (reconciliationId !== undefined) {
    query = query.where('payment_differences.reconciliation_id', '=', reconciliationId)
  }
  if (open !== undefined) {
    query = query.where('payment_differences.resolved_at', open ? 'is' : 'is not', null)
  }
  return listPage(db, query, newestFirst('payment_differences'), page)
}

/** Throws `not_found`. */
export async function getDifference(db: Db, accountId: string, id: string): Promise<DifferenceRow> {
  const row = await selectDifferences(db, accountId)
    .where('payment_differences.id', '=', id)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such difference.')
  return row
}

function selectReconciliations(db: Db, accountId: string) {
  return db
    .selectFrom('payment_reconciliations')
    .selectAll()
    .select(
      sql<number>`(select count(*)::integer from payment_differences d
        where d.account_id = payment_reconciliations.account_id
          and d.reconciliation_id = payment_reconciliations.id and d.resolved_at is null)`.as(
        'open_differences',
      ),
    )
    .where('account_id', '=', accountId)
}

function selectDifferences(db: Db, accountId: string) {
  return db
    .selectFrom('payment_differences')
    .innerJoin('payment_reconciliations as day', (join) =>
      join
        .onRef('day.account_id', '=', 'payment_differences.account_id')
        .onRef('day.id', '=', 'payment_differences.reconciliation_id'),
    )
    .selectAll('payment_differences')
    .select('day.business_date')
    .where('payment_differences.account_id', '=', accountId)
}
