import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Db, Tx } from './client.ts'
import type { AccountDays } from './tables.ts'

export type AccountDayRow = Selectable<AccountDays>

type DayKey = { accountId: string; accountDayId: string }

/**
 * Lets finance hear of a business date (YYYY-MM-DD): once, or `again` when it was told before; answers
 * the id of the telling. Safe to repeat: one that is under way goes on.
 */
export async function requestAccountDay(
  db: Db,
  { accountId, businessDate, again }: { accountId: string; businessDate: string; again: boolean },
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    select request_account_day(${accountId}, ${businessDate}::date, ${again}) as id`.execute(db)
  if (rows[0] === undefined) throw new Error('PostgreSQL made no account day')
  return rows[0].id
}

/** Throws `not_found`. */
export async function getAccountDay(db: Db, key: DayKey): Promise<AccountDayRow> {
  const row = await db
    .selectFrom('account_days')
    .selectAll()
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.accountDayId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such day.')
  return row
}

export type OpenDay = {
  /** When the date is over for whoever may order. */
  ends_at: Date
  /** Until when its purchase orders may settle, at the latest. */
  settles_at: Date
  /** Purchase orders that are not done. */
  open: number
  now: Date
}

/** What a business date still waits for, by the account's business clock. */
export async function getOpenDay(
  db: Db,
  { accountId, businessDate }: { accountId: string; businessDate: string },
): Promise<OpenDay> {
  const { rows } = await sql<OpenDay>`
    select ends_at, ends_at + a.settle_window_seconds * interval '1 second' as settles_at,
      (select count(*)::integer from purchase_orders po where po.account_id = a.id
        and po.business_date = ${businessDate}::date and po.ended_at is null) as open,
      business_now(a.id) as now
    from accounts a, account_day_end(a.id, ${businessDate}::date) ends_at
    where a.id = ${accountId}`.execute(db)
  if (rows[0] === undefined) throw new DomainError('not_found', 'No such account.')
  return rows[0]
}

/** Freezes what is told. Safe to repeat: the first text stays. */
export async function updateAccountDayWritten(
  tx: Tx,
  key: DayKey,
  digest: {
    complete: boolean
    recipients: string[]
    subject: string
    body: string
    files: { filename: string; content: Uint8Array }[]
  },
): Promise<void> {
  const written = await tx
    .updateTable('account_days')
    .set({
      written_at: sql<Date>`business_now(${key.accountId})`,
      complete: digest.complete,
      recipients: digest.recipients,
      subject: digest.subject,
      body: digest.body,
    })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.accountDayId)
    .where('written_at', 'is', null)
    .executeTakeFirst()
  if (written.numUpdatedRows === 0n) return
  await tx
    .insertInto('account_day_files')
    .values(
      digest.files.map(({ filename, content }) => ({
        account_day_id: key.accountDayId,
        account_id: key.accountId,
        filename,
        content: Buffer.from(content),
      })),
    )
    .execute()
}

/** The bytes of an attachment; null for an unknown one. */
export async function findAccountDayFile(
  db: Db,
  { accountId, accountDayId, filename }: DayKey & { filename: string },
): Promise<Buffer | null> {
  const row = await db
    .selectFrom('account_day_files')
    .select('content')
    .where('account_id', '=', accountId)
    .where('account_day_id', '=', accountDayId)
    .where('filename', '=', filename)
    .executeTakeFirst()
  return row?.content ?? null
}

/** The names of what is attached. */
export async function listAccountDayFiles(db: Db, key: DayKey): Promise<string[]> {
  const rows = await db
    .selectFrom('account_day_files')
    .select('filename')
    .where('account_id', '=', key.accountId)
    .where('account_day_id', '=', key.accountDayId)
    .orderBy('filename')
    .execute()
  return rows.map(({ filename }) => filename)
}

/** Its workflow has nothing left to do; what was open is told again once it is done. Repeatable. */
export async function endAccountDay(tx: Tx, key: DayKey): Promise<void> {
  await sql`select end_account_day(${key.accountId}, ${key.accountDayId})`.execute(tx)
}

/** The latest telling of a business date, as an answer shows it. */
export type ToldDay = Pick<
  AccountDayRow,
  'run' | 'complete' | 'requested_at' | 'written_at' | 'ended_at'
> & { recipients: string[]; sent_at: Date | null }

/** Null where finance is still to hear of the date for the first time and nothing asked for it. */
export async function findToldDay(
  db: Db,
  { accountId, businessDate }: { accountId: string; businessDate: string },
): Promise<ToldDay | null> {
  const { rows } = await sql<ToldDay>`
    select d.run, d.complete, d.requested_at, d.written_at, d.ended_at, m.sent_at,
      coalesce(d.recipients, a.finance_recipients, array[a.finance_email]) as recipients
    from account_days d join accounts a on a.id = d.account_id
    left join mails m on m.account_id = d.account_id and m.account_day_id = d.id
    where d.account_id = ${accountId} and d.business_date = ${businessDate}::date
    order by d.run desc limit 1`.execute(db)
  return rows[0] ?? null
}
