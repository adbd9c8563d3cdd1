import { sql, type Selectable } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Db } from './client.ts'
import type { PurchaseOrders } from './tables.ts'

/** When a unit is billed: once it is delivered, or once it is ordered. */
export type BillOn = Selectable<PurchaseOrders>['bill_on']

/** A customer's own wishes; null is what the account says, or the default. */
export type BillingSettings = {
  invoice_recipients: string[] | null
  invoice_formats: string[] | null
  bill_on: BillOn | null
  /** BCP 47. */
  locale: string | null
}

/** What holds for all customers that say nothing else. */
export type AccountBillingSettings = {
  time_zone: string
  /** HH:MM up to 24:00, local time. */
  cut_off: string
  bill_on: BillOn
  /** Who gets the digest of a day; null is the address that the account's documents name. */
  finance_recipients: string[] | null
}

type CustomerKey = { accountId: string; customerId: string }

/** Throws `not_found`. */
export async function getBillingSettings(db: Db, key: CustomerKey): Promise<BillingSettings> {
  const row = await db
    .selectFrom('customers')
    .select(['invoice_recipients', 'invoice_formats', 'bill_on', 'locale'])
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.customerId)
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such customer.')
  return row
}

/** Replaces them. They hold from the next mail and purchase order. Repeatable. Throws `not_found`. */
export async function updateBillingSettings(
  db: Db,
  key: CustomerKey,
  settings: BillingSettings,
): Promise<void> {
  const row = await db
    .updateTable('customers')
    .set(settings)
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.customerId)
    .returning('id')
    .executeTakeFirst()
  if (row === undefined) throw new DomainError('not_found', 'No such customer.')
}

/** As set; a calendar that was changed may hold from a later day only. */
export async function getAccountBillingSettings(
  db: Db,
  accountId: string,
): Promise<AccountBillingSettings> {
  return db
    .selectFrom('accounts')
    .select([
      'time_zone',
      'bill_on',
      'finance_recipients',
      sql<string>`left(cut_off::text, 5)`.as('cut_off'),
    ])
    .where('id', '=', accountId)
    .executeTakeFirstOrThrow()
}

/**
 * Replaces them: the calendar from the next business date that has not begun, `bill_on` from the next
 * purchase order, the recipients from the next digest. Repeatable.
 */
export async function updateAccountBillingSettings(
  db: Db,
  accountId: string,
  settings: AccountBillingSettings,
): Promise<void> {
  await db.updateTable('accounts').set(settings).where('id', '=', accountId).execute()
}

/** The business day that is on now, and the calendar that follows it if another one was set. */
export type BusinessDay = {
  business_date: string
  period_start: Date
  period_end: Date
  time_zone: string
  cut_off: string
  /** The first business date of another calendar; null when none is set. */
  next_from: string | null
  next_time_zone: string | null
  next_cut_off: string | null
}

/** Of a customer, or (null) of the account itself. Throws `not_found`. */
export async function getBusinessDay(
  db: Db,
  { accountId, customerId }: { accountId: string; customerId: string | null },
): Promise<BusinessDay> {
  const { rows } = await sql<BusinessDay>`
    select p.business_date::text, p.period_start, p.period_end, today.time_zone,
      left(today.cut_off::text, 5) as cut_off, next.held_until::text as next_from,
      later.time_zone as next_time_zone, left(later.cut_off::text, 5) as next_cut_off
    from accounts a
    left join customers c on c.account_id = a.id and c.id = ${customerId}
    cross join lateral calendar_period(a.id, c.id, coalesce(c.time_zone, a.time_zone),
      coalesce(c.cut_off, a.cut_off), business_now(a.id)) p
    cross join lateral calendar_on(a.id, c.id, p.business_date) today
    left join lateral (select min(f.held_until) as held_until from former_calendars f
      where f.account_id = a.id and (f.customer_id is null or f.customer_id = c.id)
        and f.held_until > p.business_date) next on true
    left join lateral calendar_on(a.id, c.id, next.held_until) later on next.held_until is not null
    where a.id = ${accountId} and (${customerId}::text is null or c.id is not null)`.execute(db)
  const row = rows[0]
  if (row === undefined) throw new DomainError('not_found', 'No such customer.')
  return row
}
