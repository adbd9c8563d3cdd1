import { Temporal } from 'temporal-polyfill'

/**
 * The calendar of the business day by another implementation: what SQL says is compared with it. Rules
 * as in docs/decisions, written down a second time and independently of SQL.
 */

/** A zone and a cut-off (HH:MM up to 24:00). */
export type Calendar = { zone: string; cutOff: string }

/** What an owner set, and from which date on it holds; the first one holds for all time before. */
type Era<Setting> = { from: Temporal.PlainDate | null; setting: Setting }

const REACH_DAYS = 4 // dates whose end may come after that of a later one

/** The end of a date by one calendar alone. A local time that comes twice means the second one. */
export function endOf(date: Temporal.PlainDate, { zone, cutOff }: Calendar): Temporal.Instant {
  const [hours = '', minutes = ''] = cutOff.split(':')
  const local =
    cutOff === '24:00'
      ? date.add({ days: 1 }).toPlainDateTime('00:00')
      : date.toPlainDateTime({ hour: Number(hours), minute: Number(minutes) })
  return local.toZonedDateTime(zone, { disambiguation: 'later' }).toInstant()
}

/** An account and one customer of it, whose calendars change. */
export class CalendarOracle {
  readonly #account: Era<Calendar>[]
  readonly #customer: Era<Partial<Calendar>>[] = [{ from: null, setting: {} }]

  constructor(account: Calendar) {
    this.#account = [{ from: null, setting: account }]
  }

  /** The account's, from the day after `lastOpened` or the one that `now` is in. */
  setAccount(calendar: Calendar, now: Temporal.Instant, lastOpened: string | null): void {
    const begun = this.#dateOf(now, (date) => held(this.#account, date))
    replace(this.#account, later(begun, lastOpened).add({ days: 1 }), calendar)
  }

  /** The customer's own; what it leaves out is the account's. */
  setCustomer(own: Partial<Calendar>, now: Temporal.Instant, lastOpened: string | null): void {
    const begun = this.#dateOf(now, (date) => this.on(date))
    replace(this.#customer, later(begun, lastOpened).add({ days: 1 }), own)
  }

  /** What holds for the customer on a date. */
  on(date: Temporal.PlainDate): Calendar {
    return { ...held(this.#account, date), ...held(this.#customer, date) }
  }

  /** The customer's period that holds an instant. */
  period(at: Temporal.Instant): {
    date: string
    start: Temporal.Instant
    end: Temporal.Instant
  } {
    const calendarOf = (date: Temporal.PlainDate) => this.on(date)
    const date = this.#dateOf(at, calendarOf)
    return {
      date: date.toString(),
      start: tiledEnd(date.subtract({ days: 1 }), calendarOf),
      end: tiledEnd(date, calendarOf),
    }
  }

  #dateOf(
    at: Temporal.Instant,
    calendarOf: (date: Temporal.PlainDate) => Calendar,
  ): Temporal.PlainDate {
    let date = at.toZonedDateTimeISO('UTC').toPlainDate().subtract({ days: REACH_DAYS })
    while (Temporal.Instant.compare(at, tiledEnd(date, calendarOf)) >= 0) {
      date = date.add({ days: 1 })
    }
    return date
  }
}

/** The latest end of a date and of those before it: so no day begins before the last one ended. */
function tiledEnd(
  date: Temporal.PlainDate,
  calendarOf: (date: Temporal.PlainDate) => Calendar,
): Temporal.Instant {
  return Array.from({ length: REACH_DAYS }, (_, days) => date.subtract({ days }))
    .map((day) => endOf(day, calendarOf(day)))
    .reduce((last, end) => (Temporal.Instant.compare(end, last) > 0 ? end : last))
}

function held<Setting>(eras: Era<Setting>[], date: Temporal.PlainDate): Setting {
  const era = eras.findLast(
    ({ from }) => from === null || Temporal.PlainDate.compare(from, date) <= 0,
  )
  if (era === undefined) throw new Error('the first era has no beginning')
  return era.setting
}

/** What has not begun is taken back. */
function replace<Setting>(eras: Era<Setting>[], from: Temporal.PlainDate, setting: Setting): void {
  const kept = eras.filter(
    (era) => era.from === null || Temporal.PlainDate.compare(era.from, from) < 0,
  )
  eras.splice(0, eras.length, ...kept, { from, setting })
}

function later(date: Temporal.PlainDate, other: string | null): Temporal.PlainDate {
  if (other === null) return date
  const opened = Temporal.PlainDate.from(other)
  return Temporal.PlainDate.compare(opened, date) > 0 ? opened : date
}
