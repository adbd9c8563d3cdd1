import { Temporal } from 'temporal-polyfill'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endOf } from '../calendar-oracle.ts'
import { createTestDatabase, type TestDatabase } from '../stack.ts'

/**
 * The calendar rule of the business day in SQL, against an independent calendar: every IANA zone at
 * the second before, at and after each of its clock changes, with cut-offs around them.
 */

let database: TestDatabase
let client: Client

beforeAll(async () => {
  database = await createTestDatabase('business_period')
  client = new Client({ connectionString: database.url, options: '-c TimeZone=UTC' })
  await client.connect()
})
afterAll(async () => {
  await client.end()
  await database.drop()
})

const FROM = '2026-01-01T00:00:00Z'
const UNTIL = '2031-01-01T00:00:00Z'
const CUT_OFFS = ['24:00', '00:30', '02:30', '18:00']

/** The instants at which a zone changes its clock. */
function transitionsOf(zone: string): Temporal.Instant[] {
  const found: Temporal.Instant[] = []
  let at = Temporal.Instant.from(FROM).toZonedDateTimeISO(zone)
  for (;;) {
    const next = at.getTimeZoneTransition('next')
    if (
      next === null ||
      Temporal.Instant.compare(next.toInstant(), Temporal.Instant.from(UNTIL)) > 0
    ) {
      return found
    }
    found.push(next.toInstant())
    at = next
  }
}

const ZONES_DIFFERENT_MAX = 12 // two editions of the zone database differ in a country or two

/** Zones whose rules are of another edition in PostgreSQL than in Node: no calendar can agree there. */
async function findDifferentRules(asked: Asked[]): Promise<Set<string>> {
  const { rows } = await client.query<{ zone: string; at: Date; seconds: string }>(
    `select zone, at, extract(epoch from (at at time zone zone) - (at at time zone 'UTC')) as seconds
     from unnest($1::text[], $2::timestamptz[]) as ask (zone, at)`,
    [asked.map(({ zone }) => zone), asked.map(({ at }) => at)],
  )
  return new Set(
    rows
      .filter(({ zone, at, seconds }) => {
        const other = Temporal.Instant.fromEpochMilliseconds(at.getTime()).toZonedDateTimeISO(zone)
        return other.offsetNanoseconds / 1e9 !== Number(seconds)
      })
      .map(({ zone }) => zone),
  )
}

type Asked = { at: string; zone: string; cutOff: string }
type Answered = { at: Date; date: string; start: Date; end: Date }

async function askSql(asked: Asked[]): Promise<Answered[]> {
  const { rows } = await client.query<Answered>(
    `select ask.at, p.business_date::text as date, p.period_start as start, p.period_end as end
     from unnest($1::timestamptz[], $2::text[], $3::text[]) with ordinality as ask (at, zone, cut_off, n),
       business_period(ask.at, ask.zone, ask.cut_off::time) p order by ask.n`,
    [asked.map(({ at }) => at), asked.map(({ zone }) => zone), asked.map(({ cutOff }) => cutOff)],
  )
  return rows
}

test('every zone at each of its clock changes: one period holds the instant, and periods tile', async () => {
  const zones = Intl.supportedValuesOf('timeZone')
  expect(zones.length).toBeGreaterThan(400)
  const asked = zones.flatMap((zone) => {
    const changes = transitionsOf(zone)
    const instants = changes.length === 0 ? [Temporal.Instant.from(FROM)] : changes
    return instants.flatMap((change) =>
      [-1, 0, 1].flatMap((seconds) =>
        CUT_OFFS.map((cutOff) => ({ at: change.add({ seconds }).toString(), zone, cutOff })),
      ),
    )
  })
  expect(asked.length).toBeGreaterThan(10_000)
  const answers = await askSql(asked)
  const rulesDiffer = await findDifferentRules(asked)
  expect(rulesDiffer.size, [...rulesDiffer].join(' ')).toBeLessThan(ZONES_DIFFERENT_MAX)
  const wrong: unknown[] = []
  for (const [index, { at, zone, cutOff }] of asked.entries()) {
    const answer = answers[index]
    if (answer === undefined) throw new Error('SQL left an answer out')
    const instant = Temporal.Instant.from(at)
    const date = Temporal.PlainDate.from(answer.date)
    const start = endOf(date.subtract({ days: 1 }), { zone, cutOff })
    const end = endOf(date, { zone, cutOff })
    const holds =
      Temporal.Instant.compare(start, instant) <= 0 && Temporal.Instant.compare(instant, end) < 0
    const agrees =
      start.epochMilliseconds === answer.start.getTime() &&
      end.epochMilliseconds === answer.end.getTime()
    if (rulesDiffer.has(zone)) continue
    if (!holds || !agrees)
      wrong.push({ at, zone, cutOff, sql: answer, start: String(start), end: String(end) })
  }
  expect(wrong.slice(0, 5)).toEqual([])
}, 120_000)

test('days of 23, 24 and 25 hours, and a day that never was', async () => {
  const hours = async (at: string, zone: string) => {
    const [answer] = await askSql([{ at, zone, cutOff: '24:00' }])
    if (answer === undefined) throw new Error('SQL left an answer out')
    return { date: answer.date, hours: (answer.end.getTime() - answer.start.getTime()) / 3_600_000 }
  }
  expect(await hours('2026-03-29T12:00:00Z', 'Europe/Berlin')).toEqual({
    date: '2026-03-29',
    hours: 23,
  })
  expect(await hours('2026-10-25T12:00:00Z', 'Europe/Berlin')).toEqual({
    date: '2026-10-25',
    hours: 25,
  })
  expect(await hours('2026-07-01T12:00:00Z', 'Europe/Berlin')).toEqual({
    date: '2026-07-01',
    hours: 24,
  })
  expect(await hours('2026-10-03T15:30:00Z', 'Australia/Lord_Howe')).toEqual({
    date: '2026-10-04',
    hours: 23.5,
  })
  // Samoa skipped 30 December 2011: its last instant belongs to the 29th, the next one to the 31st.
  expect(await hours('2011-12-30T09:59:59Z', 'Pacific/Apia')).toMatchObject({ date: '2011-12-29' })
  expect(await hours('2011-12-30T10:00:00Z', 'Pacific/Apia')).toMatchObject({ date: '2011-12-31' })
})
