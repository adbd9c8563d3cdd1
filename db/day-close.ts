import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Db } from './client.ts'

/** What is left to do before a business date is done, each as the question that finance asks. */
export const CHECKS = [
  'open_purchase_orders',
  'held_purchase_orders',
  'open_orders',
  'unfulfilled_codes',
  'unpaid_prepaid_orders',
  'failed_captures',
  'documents_not_sent',
] as const

export type CheckName = (typeof CHECKS)[number]

/** How many things are left, and the first of them by id. */
export type Check = { name: CheckName; count: number; ids: string[] }

/** What a business date adds up to in one currency; minor units. */
export type DayTotals = {
  currency: string
  purchase_orders: number
  transactions: number
  /** Orders as accepted, without tax. */
  accepted_minor: bigint
  invoices: number
  /** With tax. */
  invoiced_minor: bigint
  /** With tax; of these invoices, whenever it was credited. */
  credited_minor: bigint
}

export type DayClose = {
  business_date: string
  /** `closed` once every purchase order of the date has its invoices, or needs none. */
  state: 'open' | 'closing' | 'closed'
  totals: DayTotals[]
  /** All of them, in the order of `CHECKS`. */
  checks: Check[]
}

const IDS_SHOWN_MAX = 20 // of each check: the first to look at; the count says how many there are

type DayKey = { accountId: string; businessDate: string }

/**
 * The state of a business date of all customers of an account: each has the day in its own zone. Three
 * statements, however many orders there were. Throws `not_found` when nothing was ordered on it.
 */
export async function getDayClose(db: Db, key: DayKey): Promise<DayClose> {
  const totals = await listDayTotals(db, key)
  if (totals.length === 0) throw new DomainError('not_found', 'Nothing was ordered on this date.')
  const { rows: states } = await sql<{ state: DayClose['state'] }>`
    select case when bool_or(state = 'open') then 'open'
      when bool_or(state = 'settling') then 'closing' else 'closed' end as state
    from purchase_orders where account_id = ${key.accountId}
      and business_date = ${key.businessDate}::date`.execute(db)
  const state = states[0]?.state ?? 'closed'
  return { business_date: key.businessDate, state, totals, checks: await listChecks(db, key) }
}

async function listDayTotals(db: Db, key: DayKey): Promise<DayTotals[]> {
  const { rows } = await sql<DayTotals>`
    with day as (
      select id, account_id, currency from purchase_orders
      where account_id = ${key.accountId} and business_date = ${key.businessDate}::date
    ), ordered as (
      select day.currency, count(distinct day.id)::integer as purchase_orders,
        count(t.id)::integer as transactions,
        coalesce(sum(t.total_minor), 0)::bigint as accepted_minor
      from day left join transactions t on t.account_id = day.account_id
        and t.purchase_order_id = day.id
      group by day.currency
    ), billed as (
      select day.currency, count(*)::integer as invoices,
        sum(i.total_minor)::bigint as invoiced_minor, sum(i.credited_minor)::bigint as credited_minor
      from day join invoices i on i.account_id = day.account_id and i.purchase_order_id = day.id
      group by day.currency
    )
    select ordered.*, coalesce(billed.invoices, 0) as invoices,
      coalesce(billed.invoiced_minor, 0)::bigint as invoiced_minor,
      coalesce(billed.credited_minor, 0)::bigint as credited_minor
    from ordered left join billed using (currency) order by currency`.execute(db)
  return rows
}

/** A transaction is paid for beforehand when it is not on credit; what was captured counts. */
async function listChecks(db: Db, key: DayKey): Promise<Check[]> {
  const { rows } = await sql<Check>`
    with day as (
      select * from purchase_orders
      where account_id = ${key.accountId} and business_date = ${key.businessDate}::date
    ), ordered as (
      select t.* from day join transactions t on t.account_id = day.account_id
        and t.purchase_order_id = day.id
    ), document as (
      select i.id, i.sent_at from day join invoices i on i.account_id = day.account_id
        and i.purchase_order_id = day.id
      union all
      select n.id, n.sent_at from day join invoices i on i.account_id = day.account_id
        and i.purchase_order_id = day.id
      join credit_notes n on n.account_id = i.account_id and n.invoice_id = i.id
    ), found as (
      select 'open_purchase_orders' as name, id from day where state in ('open', 'settling')
      union all
      select 'held_purchase_orders', id from day where held_at is not null
        and state in ('open', 'settling')
      union all
      select 'open_orders', id from ordered where ended_at is null
      union all
      select 'unfulfilled_codes', u.id from ordered t
      join units u on u.account_id = t.account_id and u.transaction_id = t.id
      where u.state in ('queued', 'sourcing', 'backordered', 'unknown')
      union all
      select 'unpaid_prepaid_orders', t.id from ordered t
      where t.payment_method <> 'credit' and t.total_minor > coalesce((
        select sum(p.captured_minor) from payment_intents p
        where p.account_id = t.account_id and p.transaction_id = t.id), 0)
      and exists (select 1 from units u where u.account_id = t.account_id
        and u.transaction_id = t.id and u.state not in ('failed', 'cancelled'))
      union all
      select 'failed_captures', o.id from ordered t
      join payment_intents p on p.account_id = t.account_id and p.transaction_id = t.id
      join payment_operations o on o.account_id = p.account_id and o.payment_id = p.id
      where o.kind = 'capture' and o.state in ('declined', 'errored', 'unknown')
        and p.captured_minor = 0
      union all
      select 'documents_not_sent', id from document where sent_at is null
    )
    select wanted.name, count(found.id)::integer as count,
      coalesce((array_agg(found.id order by found.id) filter (where found.id is not null))
        [1:${sql.lit(IDS_SHOWN_MAX)}], '{}') as ids
    from unnest(${[...CHECKS]}::text[]) with ordinality as wanted (name, position)
    left join found using (name)
    group by wanted.name, wanted.position order by wanted.position`.execute(db)
  return rows
}
