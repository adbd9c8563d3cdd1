import { sql, type RawBuilder } from 'kysely'

/** An end of a filter's interval: an instant (RFC 3339), or a day (YYYY-MM-DD) of the account. */
export type Moment = { instant: string } | { date: string }

/** The instant that is meant; a day begins at midnight in the account's business zone. */
export function instantOf(moment: Moment, accountId: string): RawBuilder<Date> {
  if ('instant' in moment) return sql<Date>`${moment.instant}::timestamptz`
  return sql<Date>`(${moment.date}::date::timestamp at time zone
    (select time_zone from accounts where id = ${accountId}))`
}
