import { Temporal } from 'temporal-polyfill'
import { endOf, type Calendar } from '../calendar-oracle.ts'

/** Twenty customers' calendars: each kind of clock change that there is, cut-offs at and around them. */
export const CALENDARS: readonly Calendar[] = [
  { zone: 'UTC', cutOff: '24:00' },
  { zone: 'Europe/Berlin', cutOff: '24:00' },
  { zone: 'Europe/London', cutOff: '01:30' },
  { zone: 'America/New_York', cutOff: '24:00' },
  { zone: 'America/Los_Angeles', cutOff: '02:30' },
  { zone: 'America/St_Johns', cutOff: '24:00' },
  { zone: 'America/Santiago', cutOff: '24:00' },
  { zone: 'America/Havana', cutOff: '00:30' },
  { zone: 'Atlantic/Azores', cutOff: '24:00' },
  { zone: 'Asia/Beirut', cutOff: '24:00' },
  { zone: 'Asia/Jerusalem', cutOff: '02:00' },
  { zone: 'Africa/Cairo', cutOff: '24:00' },
  { zone: 'Australia/Lord_Howe', cutOff: '24:00' },
  { zone: 'Australia/Sydney', cutOff: '18:00' },
  { zone: 'Pacific/Auckland', cutOff: '24:00' },
  { zone: 'Pacific/Chatham', cutOff: '02:45' },
  { zone: 'Pacific/Kiritimati', cutOff: '24:00' },
  { zone: 'Pacific/Pago_Pago', cutOff: '24:00' },
  { zone: 'Asia/Kathmandu', cutOff: '12:00' },
  { zone: 'Antarctica/Troll', cutOff: '24:00' },
]

export const YEAR = 2027

/** A business date by the other calendar. */
export type Day = { date: string; start: Temporal.Instant; end: Temporal.Instant }

/** Every date of the year. */
export function listYear(calendar: Calendar): Day[] {
  const first = Temporal.PlainDate.from({ year: YEAR, month: 1, day: 1 })
  return Array.from({ length: first.daysInYear }, (_, days) => dayOf(first.add({ days }), calendar))
}

/** The dates around each of the year's clock changes; two dates where there is none. */
export function listClockChanges(calendar: Calendar): Day[] {
  const dates = new Set<string>()
  const january = Temporal.Instant.from(`${YEAR}-01-01T00:00:00Z`)
  let at = january.toZonedDateTimeISO(calendar.zone)
  for (;;) {
    const next = at.getTimeZoneTransition('next')
    if (next === null || next.year > YEAR) break
    for (const days of [-1, 0, 1]) dates.add(next.toPlainDate().add({ days }).toString())
    at = next
  }
  if (dates.size === 0) for (const date of ['01-01', '01-02']) dates.add(`${YEAR}-${date}`)
  return [...dates].sort().map((date) => dayOf(Temporal.PlainDate.from(date), calendar))
}

function dayOf(date: Temporal.PlainDate, calendar: Calendar): Day {
  return {
    date: date.toString(),
    start: endOf(date.subtract({ days: 1 }), calendar),
    end: endOf(date, calendar),
  }
}
