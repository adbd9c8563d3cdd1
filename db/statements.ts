import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import {
  runBalance,
  statementKind,
  type OpenInvoice,
  type Statement,
  type StatementMove,
} from '../domain/statement.ts'
import { readTogether, type Db, type Tx } from './client.ts'
import { getInvoiceParties } from './invoice-parties.ts'

const ROWS_MAX = 5_000 // what a year of a busy customer holds, and what one document can carry

export type StatementRequest = {
  accountId: string
  customerId: string
  currency: string
  /** YYYY-MM-DD in the seller's zone: the first day, by default of this month. */
  from?: string
  /** The first day that is not in it, by default tomorrow. */
  before?: string
}

type Key = { accountId: string; customerId: string; currency: string }
type Period = { from: string; before: string; until: string }

/**
 * A customer's statement, at one instant, from the ledger: what is receivable less what the customer
 * has with us. What neither changes, such as cash that pays an invoice, is no row of it.
 *
 * @throws DomainError `not_found`; `invalid_parameter` for a period that is empty or has too many rows
 */
export async function getStatement(db: Db, request: StatementRequest): Promise<Statement> {
  return readTogether(db, async (tx) => {
    const { seller, buyer, locale } = (await getInvoiceParties(tx, request)).snapshot
    const period = await getPeriod(tx, request)
    const [openingMinor, moves] = [
      await sumBefore(tx, request, period.from),
      await listMoves(tx, request, period),
    ]
    const entries = runBalance(openingMinor, moves)
    const openInvoices = await listOpenInvoices(tx, request, period.before)
    return {
      customerId: request.customerId,
      currency: request.currency,
      seller,
      buyer,
      locale,
      ...period,
      openingMinor,
      closingMinor: entries.at(-1)?.balanceMinor ?? openingMinor,
      entries,
      openInvoices,
      unallocatedMinor: await sumUnallocated(tx, request, period.before),
    }
  })
}

/** The calendar of the seller decides, in SQL as everywhere. */
async function getPeriod(tx: Tx, { accountId, from, before }: StatementRequest): Promise<Period> {
  const { rows } = await sql<Period>`
    select starts::text as from, ends::text as before, (ends - 1)::text as until
    from (select (business_now(id) at time zone time_zone)::date as today
      from accounts where id = ${accountId}) here,
    lateral (select coalesce(${from ?? null}::date, date_trunc('month', today)::date) as starts,
      coalesce(${before ?? null}::date, today + 1) as ends) period`.execute(tx)
  const [period] = rows
  if (period === undefined) throw new DomainError('not_found', 'No such account')
  if (period.from < period.before) return period
  throw refuse('date_to', 'Must be later than date_from: it is the first day that is not in it')
}

/** What each journal moved of what the customer owes, with the day that it belongs to. */
const moved = ({ accountId, customerId, currency }: Key) => sql`
  select j.id, j.kind, j.source_id, j.created_at,
    (j.occurred_at at time zone s.time_zone)::date as date,
    sum(e.amount_minor)::bigint as minor,
    sum(e.amount_minor) filter (where a.kind = 'unallocated_cash') as unallocated
  from ledger_accounts a
  join accounts s on s.id = a.account_id
  join entries e on e.ledger_account_id = a.id
  join journals j on j.id = e.journal_id
  where a.account_id = ${accountId} and a.customer_id = ${customerId}
    and a.currency = ${currency} and a.kind in ('receivable', 'unallocated_cash')
  group by j.id, s.time_zone`

async function sumBefore(tx: Tx, key: Key, date: string): Promise<bigint> {
  const { rows } = await sql<{ minor: bigint }>`
    select coalesce(sum(minor), 0)::bigint as minor from (${moved(key)}) moved
    where date < ${date}::date`.execute(tx)
  return rows[0]?.minor ?? 0n
}

async function sumUnallocated(tx: Tx, key: Key, before: string): Promise<bigint> {
  const { rows } = await sql<{ minor: bigint }>`
    select coalesce(- sum(unallocated), 0)::bigint as minor from (${moved(key)}) moved
    where date < ${before}::date`.execute(tx)
  return rows[0]?.minor ?? 0n
}

/** The first part of a source names the invoice, the second what happened to it. */
async function listMoves(tx: Tx, key: Key, period: Period): Promise<StatementMove[]> {
  const { rows } = await sql<{ date: string; kind: string; reference: string; minor: bigint }>`
    select m.date, m.kind, m.minor,
      coalesce(n.number, p.reference, i.number, m.source_id) as reference
    from (${moved(key)}) m
    left join invoices i on i.account_id = ${key.accountId}
      and i.id = split_part(m.source_id, '/', 1)
    left join credit_notes n on n.account_id = ${key.accountId}
      and n.id = split_part(m.source_id, '/', 2)
    left join received_payments p on p.account_id = ${key.accountId}
      and p.id = split_part(m.source_id, '/', 2)
    where m.date >= ${period.from}::date and m.date < ${period.before}::date and m.minor <> 0
    order by m.date, m.created_at, m.id limit ${ROWS_MAX + 1}`.execute(tx)
  if (rows.length > ROWS_MAX) {
    throw refuse('date_from', `More than ${ROWS_MAX} rows: ask for a shorter period`)
  }
  return rows.map(({ date, kind, reference, minor }) => ({
    date,
    kind: statementKind(kind),
    reference,
    amountMinor: minor,
  }))
}

async function listOpenInvoices(tx: Tx, key: Key, before: string): Promise<OpenInvoice[]> {
  const { rows } = await sql<OpenInvoice>`
    select i.id, i.number, i.issue_date as "issueDate", i.due_date as "dueDate",
      i.total_minor as "totalMinor", sum(e.amount_minor)::bigint as "owedMinor"
    from invoices i
    join accounts s on s.id = i.account_id
    join journals j on j.account_id = i.account_id
      and j.source_id >= i.id and j.source_id < i.id || '0'
      and (j.occurred_at at time zone s.time_zone)::date < ${before}::date
    join entries e on e.journal_id = j.id
    join ledger_accounts a on a.id = e.ledger_account_id and a.kind = 'receivable'
    where i.account_id = ${key.accountId} and i.customer_id = ${key.customerId}
      and i.currency = ${key.currency}
    group by i.id having sum(e.amount_minor) <> 0
    order by i.due_date, i.number limit ${ROWS_MAX}`.execute(tx)
  return rows
}

function refuse(field: string, message: string): DomainError {
  return new DomainError('invalid_parameter', `The query parameter '${field}': ${message}`, {
    fields: [{ field, message }],
  })
}
