import { sql } from 'kysely'
import type { WorkflowType } from '../domain/story.ts'
import type { Db } from './client.ts'

/** A committed command for Temporal: start a workflow, or signal one. */
export type OutboxRow = {
  id: bigint
  account_id: string
  verb: 'start' | 'signal'
  workflow: WorkflowType
  subject: Record<string, string | number>
  signal: { name: 'clockMoved' | 'wokenUp'; input: unknown } | null
  priority: number
  attempts: number
}

/** For the commit of the statement that joins it, and for no other. */
const WITHOUT_WAITING_FOR_DISK = sql`quick as materialized (
  select set_config('synchronous_commit', 'off', true))`

/**
 * Leases up to `max` rows, at most `perAccountMax` of one account, so that one account's burst does
 * not stand before the others. No transaction stays open afterwards: a lease that is not finished
 * by its end can be taken again, and every command is safe to run twice. For the same reason it does
 * not wait for the disk: a lease that a crash of PostgreSQL forgets is taken once more.
 */
export async function leaseOutbox(
  db: Db,
  limits: { max: number; perAccountMax: number; leaseSeconds: number },
): Promise<OutboxRow[]> {
  const { rows } = await sql<OutboxRow>`
    with recursive ${WITHOUT_WAITING_FOR_DISK}, account as (
      (select account_id from outbox where parked_at is null order by account_id limit 1)
      union all
      select (select o.account_id from outbox o
        where o.parked_at is null and o.account_id > account.account_id
        order by o.account_id limit 1)
      from account where account.account_id is not null
    ), picked as (
      select ready.id from account cross join lateral (
        select o.id from outbox o
        where o.account_id = account.account_id and o.parked_at is null
          and o.available_at <= clock_timestamp()
          and (o.leased_until is null or o.leased_until < clock_timestamp())
        order by o.id limit ${limits.perAccountMax} for update skip locked) ready
      limit ${limits.max}
    )
    update outbox set leased_until = clock_timestamp() + ${limits.leaseSeconds} * interval '1 second',
      attempts = attempts + 1
    from picked, quick where outbox.id = picked.id
    returning outbox.id, account_id, verb, workflow, subject, signal, priority, attempts`.execute(
    db,
  )
  return rows.sort((a, b) => (a.id < b.id ? -1 : 1))
}

/** Temporal has these; they are done. What a crash of PostgreSQL brings back is given to it again. */
export async function deleteOutbox(db: Db, ids: bigint[]): Promise<void> {
  await sql`with ${WITHOUT_WAITING_FOR_DISK}
    delete from outbox using quick where id = any(${ids}::bigint[])`.execute(db)
}

/** Gives rows back for later, or parks them for a person when trying again cannot help. */
export async function postponeOutbox(
  db: Db,
  rows: { id: bigint; delayMs: number; error: string; park: boolean }[],
): Promise<void> {
  await sql`
    update outbox set leased_until = null, last_error = late.error,
      available_at = clock_timestamp() + late.delay_ms * interval '1 millisecond',
      parked_at = case when late.park then clock_timestamp() end
    from unnest(${rows.map((row) => row.id)}::bigint[], ${rows.map((row) => row.delayMs)}::int[],
      ${rows.map((row) => row.error)}::text[], ${rows.map((row) => row.park)}::boolean[])
      as late (id, delay_ms, error, park)
    where outbox.id = late.id`.execute(db)
}
