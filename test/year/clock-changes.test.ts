import { Temporal } from 'temporal-polyfill'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endOf, type Calendar } from '../calendar-oracle.ts'
import { startStack, type Stack } from '../harness.ts'
import { openShop, untilServed, type OpenShop } from '../shop.ts'
import { CALENDARS, YEAR } from './days.ts'

/**
 * The days of a zone's clock changes through HTTP, the real workflows and the test clock: an order at the
 * day's first instant, one before its last, one after it; both invoices. A few zones in each run,
 * BARK_PROVE_ZONES=20 those of the simulated year, BARK_PROVE_ZONES=all every zone that changes its clock.
 */

const ASKED = process.env['BARK_PROVE_ZONES']
const SHORT = ['America/Havana', 'Australia/Lord_Howe']
const AT_ONCE = 4
const LAST_ORDER_SECONDS = 60 // before the end: a slow machine must not reach it

let stack: Stack
beforeAll(async () => {
  stack = await startStack('clock_changes')
})
afterAll(() => stack.stop())

function listCalendars(): Calendar[] {
  if (ASKED === 'all') {
    return Intl.supportedValuesOf('timeZone').map((zone) => ({ zone, cutOff: '24:00' }))
  }
  return CALENDARS.filter(({ zone }) => ASKED !== undefined || SHORT.includes(zone))
}

/** The dates of the year on which a zone changes its clock. */
function listChanges({ zone }: Calendar): Temporal.PlainDate[] {
  const dates: Temporal.PlainDate[] = []
  let at = Temporal.Instant.from(`${YEAR}-01-01T00:00:00Z`).toZonedDateTimeISO(zone)
  for (;;) {
    const next = at.getTimeZoneTransition('next')
    if (next === null || next.year > YEAR) return dates
    dates.push(next.toPlainDate())
    at = next
  }
}

type Day = {
  business_date: string
  period_start: string
  closes_at: string
  status: string
  transaction_count: number
  total_minor: number
}
type Order = { purchase_order: { id: string; business_date: string } }

async function moveTo(shop: OpenShop, at: Temporal.Instant): Promise<void> {
  const { body } = await untilServed(() => shop.client.get<{ now: string }>('/v2/test_clock'))
  const left = Temporal.Instant.from(body.now).until(at)
  if (left.sign > 0) await shop.advance(left.round('seconds').toString())
}

async function order(shop: OpenShop): Promise<Order['purchase_order']> {
  const id = await shop.order([{ sku: shop.pooled.sku, quantity: 1 }])
  const read = () => shop.client.get<Order>(`/v2/transactions/${id}`)
  return (await untilServed(read)).body.purchase_order
}

/** What is wrong with a day of a clock change; nothing as a rule. */
async function playChange(
  shop: OpenShop,
  calendar: Calendar,
  date: Temporal.PlainDate,
): Promise<unknown[]> {
  const [start, end] = [endOf(date.subtract({ days: 1 }), calendar), endOf(date, calendar)]
  await moveTo(shop, start.add({ seconds: 1 }))
  const first = await order(shop)
  await moveTo(shop, end.subtract({ seconds: LAST_ORDER_SECONDS }))
  const last = await order(shop)
  await moveTo(shop, end.add({ seconds: 1 }))
  const next = await order(shop)
  await shop.advance('PT30H')
  const days = await Promise.all(
    [first, next].map(
      async ({ id }) =>
        (await untilServed(() => shop.client.get<Day>(`/v2/purchase-orders/${id}`))).body,
    ),
  )
  const seen = { days, sameDay: first.id === last.id }
  const told = (day: Day | undefined) =>
    day === undefined ? '' : `${day.business_date} ${day.status} ${day.transaction_count}`
  const isRight =
    seen.sameDay &&
    Date.parse(days[0]?.period_start ?? '') === start.epochMilliseconds &&
    Date.parse(days[0]?.closes_at ?? '') === end.epochMilliseconds &&
    told(days[0]) === `${date.toString()} invoiced 2` &&
    told(days[1]) === `${date.add({ days: 1 }).toString()} invoiced 1`
  return isRight ? [] : [{ ...calendar, date: date.toString(), ...seen }]
}

/** Zones whose rules are of another edition in PostgreSQL than in Node cannot agree. */
async function rulesAgree(zone: string, dates: Temporal.PlainDate[]): Promise<boolean> {
  const instants = dates.flatMap((date) =>
    [-1, 0, 1, 2].map((days) => endOf(date.add({ days }), { zone, cutOff: '24:00' })),
  )
  const { rows } = await stack.database.pool.query<{ at: Date; seconds: string }>(
    `select at, extract(epoch from (at at time zone $1) - (at at time zone 'UTC')) as seconds
     from unnest($2::timestamptz[]) as at`,
    [zone, instants.map((at) => at.toString())],
  )
  return rows.every(({ at, seconds }) => {
    const there = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(zone)
    return there.offsetNanoseconds / 1e9 === Number(seconds)
  })
}

test('the days of a clock change are opened, closed and billed as the calendar says', async () => {
  const queue = listCalendars()
    .map((calendar) => ({ calendar, dates: listChanges(calendar) }))
    .filter(({ dates }) => dates.length > 0)
  const wrong: unknown[] = []
  const leftOut: string[] = []
  let played = 0
  const playNext = async (): Promise<void> => {
    const next = queue.shift()
    if (next === undefined) return
    const { calendar, dates } = next
    if (await rulesAgree(calendar.zone, dates)) {
      const shop = await openShop(stack, {
        codes: 3 * dates.length,
        timeZone: calendar.zone,
        cutOff: calendar.cutOff,
      })
      for (const date of dates) wrong.push(...(await playChange(shop, calendar, date)))
      played += dates.length
    } else leftOut.push(calendar.zone)
    await playNext()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, playNext))
  expect(wrong).toEqual([])
  expect(played).toBeGreaterThanOrEqual(2 * SHORT.length)
  process.stdout.write(
    `${played} clock changes, 0 wrong; left out: ${leftOut.join(' ') || 'none'}\n`,
  )
}, 3_600_000)
