import { sql } from 'kysely'
import type { Db } from './client.ts'
import { isToday } from './finance.ts'

export type FinanceDayTotal = {
  currency: string
  purchase_orders: bigint
  transactions: bigint
  total_minor: bigint
}

/** What today's purchase orders add up to, by currency. */
export async function sumFinanceDay(db: Db, accountId: string): Promise<FinanceDayTotal[]> {
  return db
    .selectFrom('purchase_orders as po')
    .leftJoin('transactions as t', (join) =>
      join.onRef('t.account_id', '=', 'po.account_id').onRef('t.purchase_order_id', '=', 'po.id'),
    )
    .select([
      'po.currency',
      sql<bigint>`count(distinct po.id)`.as('purchase_orders'),
      sql<bigint>`count(t.id)`.as('transactions'),
      sql<bigint>`coalesce(sum(t.total_minor), 0)::bigint`.as('total_minor'),
    ])
    .where('po.account_id', '=', accountId)
    .where(isToday(accountId))
    .groupBy('po.currency')
    .orderBy('po.currency')
    .execute()
}

export type FinanceDaySum = {
  currency: string
  /** YYYY-MM-DD, the customers' business day. */
  business_date: string
  transactions: bigint
  total_minor: bigint
}

/** What was ordered on each of the last `days` business days, by currency; days without are left out. */
export async function sumFinanceDays(
  db: Db,
  accountId: string,
  days: number,
): Promise<FinanceDaySum[]> {
  const { rows } = await sql<FinanceDaySum>`
    select po.currency, po.business_date, count(t.id) as transactions,
      coalesce(sum(t.total_minor), 0)::bigint as total_minor
    from purchase_orders po
    left join transactions t on t.account_id = po.account_id and t.purchase_order_id = po.id
    where po.account_id = ${accountId} and po.business_date > (
      select (business_now(id) at time zone time_zone)::date - ${days}::integer from accounts
      where id = ${accountId})
    group by po.currency, po.business_date order by po.currency, po.business_date`.execute(db)
  return rows
}
