import type { Pool } from 'pg'
import { runNamed } from './client.ts'

export type RateCount = {
  /** Requests of this window, this one included; those beyond twice the limit count once. */
  count: number
  /** Unix time in seconds at which the window ends. */
  resetSeconds: number
  /** Milliseconds until then. */
  leftMs: number
}

// One row per key and class. A request above the limit is served in the next second and is counted
// there as well, so who asks for twice the rate for long gets the rate, and only a short burst gets
// more. After a clock that stepped back the count starts anew.
const COUNT_REQUEST = {
  name: 'count_request',
  text: `insert into rate_limits as r (key_id, class, window_start, count)
    values ($1, $2, date_trunc('second', clock_timestamp()), 1)
    on conflict (key_id, class) do update set
      window_start = case
        when r.window_start - excluded.window_start between interval '0' and interval '1 second'
        then r.window_start else excluded.window_start end,
      count = least(2 * $3::integer, case
        when r.window_start - excluded.window_start between interval '0' and interval '1 second'
        then r.count
        when r.window_start = excluded.window_start - interval '1 second'
        then greatest(least(r.count, 2 * $3::integer) - $3::integer, 0)
        else 0 end) + 1
    returning count, extract(epoch from window_start)::bigint + 1 as reset_seconds,
      greatest(0, extract(epoch from window_start + interval '1 second' - clock_timestamp()) * 1000)
        ::integer as left_ms`,
}

/**
 * Counts a request of a key in the running second, by the database's clock, so that the count is
 * exact over all processes. One statement.
 */
export async function countRequest(
  pool: Pool,
  keyId: string,
  rateClass: 'read' | 'write',
  limitPerSecond: number,
): Promise<RateCount> {
  const [row] = await runNamed<{ count: number; reset_seconds: bigint; left_ms: number }>(
    pool,
    COUNT_REQUEST,
    [keyId, rateClass, limitPerSecond],
  )
  if (row === undefined) throw new Error('PostgreSQL counted nothing')
  return { count: row.count, resetSeconds: Number(row.reset_seconds), leftMs: row.left_ms }
}
