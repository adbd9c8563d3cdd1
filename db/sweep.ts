import { sql } from 'kysely'
import type { WorkflowType } from '../domain/story.ts'
import type { Tx } from './client.ts'

export type SweptStory = { workflow: WorkflowType; story_id: string }

/**
 * Closes what is overdue, and commits commands for stories that nobody carries on. `graceSeconds`
 * is how long a story may be silent; `max` bounds one call. Safe to repeat and to run in parallel.
 */
export async function sweepStories(
  tx: Tx,
  { graceSeconds, max }: { graceSeconds: number; max: number },
): Promise<SweptStory[]> {
  const { rows } = await sql<SweptStory>`
    select workflow, story_id
    from sweep_stories(${graceSeconds} * interval '1 second', ${max})`.execute(tx)
  return rows
}

/** Deletes expired keys and counters, and makes next month's partitions. Safe to repeat. */
export async function sweepLeftovers(tx: Tx): Promise<void> {
  await sql`select sweep_leftovers()`.execute(tx)
}

/**
 * Drops the months of the log of attempts that ended longer ago than `monthsKept`. A delivery stays,
 * with its state and its count. Safe to repeat; where somebody reads an old month, the next call does
 * it.
 */
export async function retireAttempts(tx: Tx, monthsKept: number): Promise<void> {
  await sql`
    select retire_months('attempts', clock_timestamp() - make_interval(months => ${monthsKept}))`.execute(
    tx,
  )
}
