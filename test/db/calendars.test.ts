import fc from 'fast-check'
import { sql } from 'kysely'
import { Temporal } from 'temporal-polyfill'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { CalendarOracle, type Calendar } from '../calendar-oracle.ts'
import { makeAccount, makeCustomer, makeProduct } from '../factories.ts'

/**
 * Zones and cut-offs that change while orders come in: SQL against an independent calendar, after
 * every step of random stories.
 */

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('calendars')
})
afterAll(() => api.stop())

/** Random stories to play; more on request. */
const RUNS = Number(process.env['CALENDAR_STORIES'] ?? 6)

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'America/Santiago',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Pacific/Auckland',
  'Pacific/Chatham',
  'Pacific/Kiritimati',
  'Pacific/Pago_Pago',
  'Asia/Kathmandu',
  'Atlantic/Azores',
]
const CUT_OFFS = ['24:00', '00:01', '02:30', '12:00', '18:00', '23:59']

const anyZone = fc.constantFrom(...ZONES)
const anyCutOff = fc.constantFrom(...CUT_OFFS)
type Step =
  | { do: 'wait'; minutes: number }
  | { do: 'order' }
  | ({ do: 'account' } & Calendar)
  | { do: 'customer'; zone: string | null; cutOff: string | null }

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 3_000 }) }),
  fc.record({ do: fc.constant('order' as const) }),
  fc.record({ do: fc.constant('account' as const), zone: anyZone, cutOff: anyCutOff }),
  fc.record({
    do: fc.constant('customer' as const),
    zone: fc.option(anyZone),
    cutOff: fc.option(anyCutOff),
  }),
)

/** Stories begin near a clock change of many zones, or anywhere in five years. */
const beginning = fc.oneof(
  fc.constantFrom('2027-03-27T12:00:00Z', '2027-10-30T12:00:00Z', '2028-02-28T12:00:00Z'),
  fc.integer({ min: 0, max: 1_500 }).map((days) =>
    Temporal.Instant.from('2027-01-01T05:00:00Z')
      .add({ hours: days * 24 })
      .toString(),
  ),
)

type Story = {
  accountId: string
  customerId: string
  key: string
  sku: string
  oracle: CalendarOracle
}

async function openStory(from: string, zone: string): Promise<Story> {
  const { database } = api
  const account = await makeAccount(database, { timeZone: zone })
  const { accountId, key } = account
  await sql`update test_clocks set offset_ms = ceil(extract(epoch from
    ${from}::timestamptz - clock_timestamp()) * 1000) where account_id = ${accountId}`.execute(
    database.db,
  )
  const customerId = await makeCustomer(database, accountId)
  const { sku } = await makeProduct(database, accountId)
  return { accountId, customerId, key, sku, oracle: new CalendarOracle({ zone, cutOff: '24:00' }) }
}

async function play(story: Story, step: Step): Promise<void> {
  const { accountId, customerId, oracle } = story
  const { db } = api.database
  switch (step.do) {
    case 'wait':
      await sql`update test_clocks set offset_ms = offset_ms + ${step.minutes * 60_000}
        where account_id = ${accountId}`.execute(db)
      return
    case 'order': {
      const order = { customer_id: customerId, items: [{ sku: story.sku, quantity: 1 }] }
      const answer = await api.client(story.key).post('/v2/transactions', order)
      requireStatus(answer.status, 201)
      return
    }
    case 'account':
      oracle.setAccount(step, await businessNow(accountId), await lastOpened(accountId))
      await sql`update accounts set time_zone = ${step.zone}, cut_off = ${step.cutOff}::time
        where id = ${accountId}`.execute(db)
      return
    case 'customer': {
      const own = {
        ...(step.zone === null ? {} : { zone: step.zone }),
        ...(step.cutOff === null ? {} : { cutOff: step.cutOff }),
      }
      oracle.setCustomer(own, await businessNow(accountId), await lastOpened(accountId))
      const answer = await api
        .client(story.key)
        .patch(`/v2/customers/${customerId}`, { time_zone: step.zone, cut_off: step.cutOff })
      requireStatus(answer.status, 200)
    }
  }
}

function requireStatus(status: number, wanted: number): void {
  if (status !== wanted) throw new Error(`answered ${status}, not ${wanted}`)
}

async function businessNow(accountId: string): Promise<Temporal.Instant> {
  const { rows } = await sql<{ now: Date }>`select business_now(${accountId}) as now`.execute(
    api.database.db,
  )
  return Temporal.Instant.fromEpochMilliseconds(rows[0]?.now.getTime() ?? 0)
}

async function lastOpened(accountId: string): Promise<string | null> {
  const { rows } = await sql<{ last: string | null }>`select max(business_date)::text as last
    from purchase_orders where account_id = ${accountId}`.execute(api.database.db)
  return rows[0]?.last ?? null
}

/** Instants around the present one, with the edges of the days that they are in. */
function instantsAround(oracle: CalendarOracle, now: Temporal.Instant): Temporal.Instant[] {
  return [-100, -50, -24, -5, 0, 5, 24, 50, 100].flatMap((hours) => {
    const at = now.add({ hours })
    const { start, end } = oracle.period(at)
    return [at, start, end, end.subtract({ milliseconds: 1 })]
  })
}

/** Where SQL and the other calendar say different things about an instant. */
async function findDisagreements(story: Story): Promise<unknown[]> {
  const { accountId, customerId, oracle } = story
  const instants = instantsAround(oracle, await businessNow(accountId))
  const { rows } = await sql<{ date: string; start: Date; end: Date }>`
    select p.business_date::text as date, p.period_start as start, p.period_end as end
    from customers c join accounts a on a.id = c.account_id,
      unnest(${instants.map(String)}::timestamptz[]) with ordinality as ask (at, n),
      calendar_period(a.id, c.id, coalesce(c.time_zone, a.time_zone),
        coalesce(c.cut_off, a.cut_off), ask.at) p
    where c.account_id = ${accountId} and c.id = ${customerId} order by n`.execute(api.database.db)
  return instants.flatMap((at, index) => {
    const row = rows[index]
    const said = oracle.period(at)
    return row !== undefined && isSame(row, said) ? [] : [{ at: String(at), sql: row, said }]
  })
}

type Period = ReturnType<CalendarOracle['period']>

function isSame(row: { date: string; start: Date; end: Date }, said: Period): boolean {
  return (
    row.date === said.date &&
    row.start.getTime() === said.start.epochMilliseconds &&
    row.end.getTime() === said.end.epochMilliseconds
  )
}

/** Purchase orders that are not what the calendar said, or that overlap the one before. */
async function findDisorder({ accountId, oracle }: Story): Promise<unknown[]> {
  const { rows } = await sql<{
    date: string
    start: Date
    end: Date
    zone: string
    first: Date
    last: Date
  }>`select po.business_date::text as date, po.period_start as start, po.scheduled_end as end,
      po.time_zone as zone, min(t.accepted_at) as first, max(t.accepted_at) as last
    from purchase_orders po join transactions t on t.purchase_order_id = po.id
    where po.account_id = ${accountId} group by po.id order by po.period_start`.execute(
    api.database.db,
  )
  return rows.filter((day, index) => {
    const said = oracle.period(Temporal.Instant.fromEpochMilliseconds(day.first.getTime()))
    const before = rows[index - 1]
    return !(
      isSame(day, said) &&
      day.zone === oracle.on(Temporal.PlainDate.from(day.date)).zone &&
      day.first >= day.start &&
      day.last < day.end &&
      (before === undefined || before.end <= day.start)
    )
  })
}

test('whatever is changed whenever: each instant has one period, days tile, and none that began moves', async () => {
  await fc.assert(
    fc.asyncProperty(
      beginning,
      anyZone,
      fc.array(anyStep, { minLength: 5, maxLength: 15 }),
      async (from, first, steps) => {
        const story = await openStory(from, first)
        for (const each of steps) {
          await play(story, each)
          expect(await findDisagreements(story)).toEqual([])
        }
        expect(await findDisorder(story)).toEqual([])
      },
    ),
    { numRuns: RUNS, verbose: 1, endOnFailure: true },
  )
}, 300_000)
