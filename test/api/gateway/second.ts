import type { Pool } from 'pg'

/** Just after a second of the database's clock has begun, so that what follows lies within one. */
export async function secondBegins(pool: Pool): Promise<void> {
  await pool.query(
    'select pg_sleep(1.005 - extract(microseconds from clock_timestamp())::int % 1000000 / 1e6)',
  )
}
