import { sql } from 'kysely'
import type { Pool } from 'pg'
import type { Db } from './client.ts'

/** How full the outbox is: what the API compares with its bounds. */
export type OutboxLevel = {
  /** An upper bound; exact once it is near `rowsMax`, where counting stops. */
  rows: number
  /** Real age of the oldest row that is not parked; 0 without one. */
  oldestAgeSeconds: number
}

/**
 * Reads the level. Cheap at any size: the distance between the ends of the key bounds the number of
 * rows from above, so they are only counted when that says it might be too many.
 */
export async function getOutboxLevel(db: Db, rowsMax: number): Promise<OutboxLevel> {
  const { rows } = await sql<{ span: bigint | null; age: number | null }>`
    select (select max(id) - min(id) + 1 from outbox) as span,
      (select extract(epoch from clock_timestamp() - created_at)::float8 from outbox
        where parked_at is null order by id limit 1) as age`.execute(db)
  const span = Number(rows[0]?.span ?? 0n)
  return {
    rows: span < rowsMax ? span : await countRows(db, rowsMax),
    oldestAgeSeconds: Math.max(0, rows[0]?.age ?? 0),
  }
}

async function countRows(db: Db, rowsMax: number): Promise<number> {
  const { rows } = await sql<{ n: bigint }>`
    select count(*) as n from (select 1 from outbox limit ${rowsMax}) as counted`.execute(db)
  return Number(rows[0]?.n ?? 0n)
}

/** The channel on which dispatchers listen. */
export const OUTBOX_CHANNEL = 'bark_outbox'

/** Tells the dispatchers that there is something to do. They poll anyway: losing it costs a second. */
export async function notifyOutbox(pool: Pool): Promise<void> {
  await pool.query(`notify ${OUTBOX_CHANNEL}`)
}
