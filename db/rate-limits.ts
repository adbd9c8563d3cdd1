import type { Pool } from 'pg'
import type { RateClass, RequestLimits } from '../domain/plan.ts'
import { runNamed } from './client.ts'

/** One window that a request was counted in. */
export type RateWindow = {
  name: 'second' | 'hour' | 'day'
  /** Requests that it allows. */
  limit: number
  /** Requests so far, this one included unless it was refused. */
  count: number
  /** Unix time in seconds at which it ends. */
  resetSeconds: number
}

export type RateCount = {
  /** The second first, then those that the plan has. */
  windows: RateWindow[]
  /** The window that is full, or null; a refused request counts in no hour and no day. */
  refusedBy: RateWindow['name'] | null
  /** Milliseconds until the second ends: so long waits what is above a limit and not refused. */
  leftMs: number
  /** The database's clock, Unix time in milliseconds. */
  countedAtMs: number
}

export type CountedRequest = {
  keyId: string
  accountId: string
  rateClass: RateClass
  limits: RequestLimits
}

/**
 * Counts requests of a key in the running second, and of its account in the running UTC hour and
 * day, by the database's clock, so that the count is exact over all processes. One statement, however
 * many they are; each gets the count that it would have got had they come one after the other.
 */
export async function countRequests(
  pool: Pool,
  request: CountedRequest,
  number: number,
): Promise<RateCount[]> {
  const { perHour, perDay } = request.limits
  return perHour === null && perDay === null
    ? countSecond(pool, request, number)
    : countWindows(pool, request, number)
}

/** Counts one request, likewise. */
export async function countRequest(pool: Pool, request: CountedRequest): Promise<RateCount> {
  const [counted] = await countRequests(pool, request, 1)
  if (counted === undefined) throw new Error('PostgreSQL counted nothing')
  return counted
}

// One row per key and class. A request above the limit is served in the next second and is counted
// there as well, so who asks for twice the rate for long gets the rate, and only a short burst gets
// more. After a clock that stepped back the count starts anew.
const COUNT_SECOND = {
  name: 'count_second',
  text: `insert into rate_limits as r (key_id, class, window_start, count)
    values ($1, $2, date_trunc('second', clock_timestamp()), $4::integer)
    on conflict (key_id, class) do update set
      window_start = case
        when r.window_start - excluded.window_start between interval '0' and interval '1 second'
        then r.window_start else excluded.window_start end,
      count = least(2 * $3::integer, case
        when r.window_start - excluded.window_start between interval '0' and interval '1 second'
        then r.count
        when r.window_start = excluded.window_start - interval '1 second'
        then greatest(least(r.count, 2 * $3::integer) - $3::integer, 0)
        else 0 end) + $4::integer
    returning count, window_start as second_start, clock_timestamp() as counted_at`,
}

async function countSecond(
  pool: Pool,
  { keyId, rateClass, limits }: CountedRequest,
  number: number,
): Promise<RateCount[]> {
  const limit = limits.perSecond
  const [row] = await runNamed<{ count: number; second_start: Date; counted_at: Date }>(
    pool,
    COUNT_SECOND,
    [keyId, rateClass, limit, number],
  )
  if (row === undefined) throw new Error('PostgreSQL counted nothing')
  return Array.from({ length: number }, (_, index) => {
    const count = row.count - number + index + 1
    return {
      windows: [windowOf('second', limit, count, row.second_start)],
      refusedBy: count > 2 * limit ? ('second' as const) : null,
      leftMs: Math.max(0, row.second_start.getTime() + 1_000 - row.counted_at.getTime()),
      countedAtMs: row.counted_at.getTime(),
    }
  })
}

const COUNT_WINDOWS = {
  name: 'count_requests',
  text: 'select * from count_requests($1, $2, $3, $4, $5, $6, $7)',
}

type WindowCounts = {
  admitted: number
  refused_by: RateWindow['name'] | null
  second_count: number
  hour_count: number
  day_count: number
  second_start: Date
  hour_start: Date
  day_start: Date
  counted_at: Date
}

async function countWindows(
  pool: Pool,
  { keyId, accountId, rateClass, limits }: CountedRequest,
  number: number,
): Promise<RateCount[]> {
  const { perSecond, perHour, perDay } = limits
  const [row] = await runNamed<WindowCounts>(pool, COUNT_WINDOWS, [
    keyId,
    rateClass,
    perSecond,
    accountId,
    perHour,
    perDay,
    number,
  ])
  if (row === undefined) throw new Error('PostgreSQL counted nothing')
  return Array.from({ length: number }, (_, index) => {
    const later = Math.max(0, row.admitted - index - 1) // of those that were admitted
    const { second_count: second, hour_count: hour, day_count: day } = row
    return {
      windows: [
        windowOf('second', perSecond, second - later, row.second_start),
        ...(perHour === null ? [] : [windowOf('hour', perHour, hour - later, row.hour_start)]),
        ...(perDay === null ? [] : [windowOf('day', perDay, day - later, row.day_start)]),
      ],
      refusedBy: index < row.admitted ? null : row.refused_by,
      leftMs: Math.max(0, row.second_start.getTime() + 1_000 - row.counted_at.getTime()),
      countedAtMs: row.counted_at.getTime(),
    }
  })
}

/** How long each window is. */
export const WINDOW_SECONDS = { second: 1, hour: 3_600, day: 86_400 } as const

function windowOf(
  name: RateWindow['name'],
  limit: number,
  count: number,
  startedAt: Date,
): RateWindow {
  return {
    name,
    limit,
    count,
    resetSeconds: startedAt.getTime() / 1_000 + WINDOW_SECONDS[name],
  }
}

const RETURN_REQUEST = {
  name: 'return_request',
  text: `update plan_windows set
      hour_count = hour_count - case when hour_start = to_timestamp($2 - 3600) and hour_count > 0
        then 1 else 0 end,
      day_count = day_count - case when day_start = to_timestamp($3 - 86400) and day_count > 0
        then 1 else 0 end
    where account_id = $1`,
}

/**
 * Takes a counted request out of its account's hour and day again; its second keeps it. Not
 * idempotent: call it once per request. One statement, or none where the plan has no windows.
 */
export async function returnRequest(
  pool: Pool,
  accountId: string,
  counted: RateCount,
): Promise<RateCount> {
  if (counted.windows.length === 1) return counted
  const resetOf = (name: RateWindow['name']): number =>
    counted.windows.find((window) => window.name === name)?.resetSeconds ?? 0
  await runNamed(pool, RETURN_REQUEST, [accountId, resetOf('hour'), resetOf('day')])
  const windows = counted.windows.map((window) =>
    window.name === 'second' ? window : { ...window, count: window.count - 1 },
  )
  return { ...counted, windows }
}
