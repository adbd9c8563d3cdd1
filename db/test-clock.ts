import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { Db, Tx } from './client.ts'
import { inTransaction } from './client.ts'

export type TestClock = {
  now: Date
  offsetSeconds: number
  status: 'advancing' | 'ready'
  /** Ids of what the present stop waits for; empty when ready. At most 20. */
  waitingFor: string[]
}

/** How far one call may move a clock; a longer story is told in several calls. */
export const CLOCK_ADVANCE_DAYS_MAX = 366

/** Reads the clock of a test account. Throws `live_account` where there is none. */
export async function getTestClock(db: Db, accountId: string): Promise<TestClock> {
  const { rows } = await sql<{ now: Date; offset_ms: bigint; target_at: Date | null }>`
    select business_now(account_id) as now, offset_ms, target_at
    from test_clocks where account_id = ${accountId}`.execute(db)
  const clock = rows[0]
  if (clock === undefined) throw liveAccount()
  const advancing = clock.target_at !== null
  return {
    now: clock.now,
    offsetSeconds: Math.floor(Number(clock.offset_ms) / 1000),
    status: advancing ? 'advancing' : 'ready',
    waitingFor: advancing ? await listUnfinished(db, accountId) : [],
  }
}

/**
 * Asks for an advance to an instant of business time; `advanceTestClocks` in the worker carries it
 * out, so it survives the death of any process. Throws `clock_already_advancing`, `clock_backward`
 * or `live_account`, and then nothing has changed.
 */
export async function startAdvance(
  tx: Tx,
  accountId: string,
  to: { advanceMs: number } | { at: Date },
): Promise<void> {
  const { rows } = await sql<{ now: Date; target_at: Date | null }>`
    select clock_timestamp() + offset_ms * interval '1 millisecond' as now, target_at
    from test_clocks where account_id = ${accountId} for update`.execute(tx)
  const clock = rows[0]
  if (clock === undefined) throw liveAccount()
  if (clock.target_at !== null) {
    throw new DomainError('clock_already_advancing', 'The test clock is still advancing', {
      hint: 'GET /v2/test_clock until its status is ready, then advance again.',
    })
  }
  const target = 'at' in to ? to.at : new Date(clock.now.getTime() + to.advanceMs)
  const aheadMs = target.getTime() - clock.now.getTime()
  if (aheadMs < 0) {
    throw new DomainError(
      'clock_backward',
      `The test clock only moves forward; it is ${clock.now.toISOString()} now`,
    )
  }
  if (aheadMs > CLOCK_ADVANCE_DAYS_MAX * 86_400_000) {
    throw new DomainError(
      'invalid_fields',
      `One call moves the clock ${CLOCK_ADVANCE_DAYS_MAX} days at most`,
    )
  }
  await sql`update test_clocks set target_at = ${target}, stopped_since = clock_timestamp()
    where account_id = ${accountId}`.execute(tx)
}

/**
 * Moves every advancing clock one stop further where the present stop is done. The clock stops at
 * each due instant on the way, in order, until what it released has ended or waits for a later one.
 * Safe in any number of processes: a clock that another one holds is skipped. Answers how many
 * clocks are still advancing.
 */
export async function advanceTestClocks(db: Db): Promise<number> {
  const { rows } = await sql<{ account_id: string }>`
    select account_id from test_clocks where target_at is not null order by account_id`.execute(db)
  for (const { account_id } of rows) {
    await inTransaction(db, (tx) => advanceOneStop(tx, account_id))
  }
  return rows.length
}

async function advanceOneStop(tx: Tx, accountId: string): Promise<void> {
  const locked = await sql<{ target_at: Date; arrived: boolean }>`
    select target_at,
      clock_timestamp() + offset_ms * interval '1 millisecond' >= target_at as arrived
    from test_clocks where account_id = ${accountId} and target_at is not null
    for update skip locked`.execute(tx)
  const clock = locked.rows[0]
  if (clock === undefined) return
  // Real time goes on while a stop is worked off, so more may have become due since.
  await signalClockMoved(tx, accountId, true)
  if ((await listUnfinished(tx, accountId)).length > 0) return

  if (clock.arrived) {
    // Everybody else sleeps by the old offset: tell them once, so that their timers are right.
    await signalClockMoved(tx, accountId, false)
    await sql`update test_clocks set target_at = null, stopped_since = null
      where account_id = ${accountId}`.execute(tx)
    return
  }
  await sql`
    update test_clocks c set stopped_since = clock_timestamp(), offset_ms = greatest(c.offset_ms, ceil(
      extract(epoch from least(c.target_at, coalesce((
        select min(due_at) from waits where account_id = c.account_id and due_at <= c.target_at
      ), c.target_at)) - clock_timestamp()) * 1000)::bigint)
    where c.account_id = ${accountId}`.execute(tx)
}

/** Signals the stories that are due (their wait ends here), or all that wait. */
async function signalClockMoved(tx: Tx, accountId: string, dueOnly: boolean): Promise<void> {
  const offset = sql`jsonb_build_object('name', 'clockMoved', 'input',
    jsonb_build_object('offsetMs', (select offset_ms from test_clocks where account_id = ${accountId})))`
  if (dueOnly) {
    await sql`
      with due as (
        delete from waits where account_id = ${accountId} and due_at <= business_now(${accountId})
        returning workflow, subject
      )
      insert into outbox (account_id, verb, workflow, subject, signal, priority)
      select ${accountId}, 'signal', workflow, subject, ${offset}, 1 from due`.execute(tx)
    return
  }
  await sql`
    insert into outbox (account_id, verb, workflow, subject, signal)
    select ${accountId}, 'signal', workflow, subject, ${offset}
    from waits where account_id = ${accountId} and due_at is not null`.execute(tx)
}

/**
 * What keeps the present stop from being done: commands that Temporal has not got yet, and open
 * stories that neither wait for a later instant nor for a person.
 */
async function listUnfinished(db: Db | Tx, accountId: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with story as (
      select id from transactions where account_id = ${accountId} and ended_at is null
      union all
      select id from purchase_orders where account_id = ${accountId} and ended_at is null
      union all
      select id from credit_notes where account_id = ${accountId} and ended_at is null
      union all
      select id from deliveries where account_id = ${accountId} and state = 'pending'
    ), stop as materialized (select business_now(${accountId}) as at)
    (select 'outbox/' || id as id from outbox
      where account_id = ${accountId} and parked_at is null order by outbox.id limit 20)
    union all
    (select story.id from story cross join stop
      where not exists (select 1 from waits
        where waits.story_id = story.id and (waits.needs_person or waits.due_at > stop.at))
      limit 20)`.execute(db)
  return rows.map((row) => row.id)
}

function liveAccount(): DomainError {
  return new DomainError('live_account', 'Only test accounts have a clock that can be moved')
}
