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
 * Wakes stories that are due and would sleep on, also after a clock has arrived. Safe in any number
 * of processes: a clock that another one holds is skipped. Answers how many clocks are advancing.
 */
export async function advanceTestClocks(db: Db): Promise<number> {
  const { rows } = await sql<{ account_id: string; advancing: boolean }>`
    select account_id, target_at is not null as advancing from test_clocks
    where target_at is not null or wake_at <= clock_timestamp() order by account_id`.execute(db)
  for (const { account_id } of rows) {
    await inTransaction(db, (tx) => stepClock(tx, account_id))
  }
  return rows.filter(({ advancing }) => advancing).length
}

async function stepClock(tx: Tx, accountId: string): Promise<void> {
  const locked = await sql<{ target_at: Date | null; arrived: boolean | null }>`
    select target_at,
      clock_timestamp() + offset_ms * interval '1 millisecond' >= target_at as arrived
    from test_clocks where account_id = ${accountId} for update skip locked`.execute(tx)
  const clock = locked.rows[0]
  if (clock === undefined) return
  // Real time goes on while a stop is worked off, so more may have become due since.
  await wakeLateSleepers(tx, accountId)
  if (clock.target_at === null) return noteNextWake(tx, accountId)
  if ((await listUnfinished(tx, accountId)).length > 0) return

  if (clock.arrived === true) {
    await noteNextWake(tx, accountId)
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

/**
 * Tells the stories that are due and whose timers were set by an older offset. All others are left
 * alone: a timer of the present offset rings by itself, and who is not due yet is told when it is, so
 * a story pays once per wait, however often the clock moves meanwhile.
 */
async function wakeLateSleepers(tx: Tx, accountId: string): Promise<void> {
  await sql`
    with late as (
      delete from waits w using test_clocks c
      where w.account_id = ${accountId} and c.account_id = w.account_id
        and w.due_at <= clock_timestamp() + c.offset_ms * interval '1 millisecond'
        and w.clock_offset_ms < c.offset_ms
      returning w.workflow, w.subject, c.offset_ms
    )
    insert into outbox (account_id, verb, workflow, subject, signal, priority)
    select ${accountId}, 'signal', workflow, subject, jsonb_build_object('name', 'clockMoved',
      'input', jsonb_build_object('offsetMs', offset_ms)), 1 from late`.execute(tx)
}

/** When the next story is due whose timer is behind: nobody looks at the clock before. */
async function noteNextWake(tx: Tx, accountId: string): Promise<void> {
  await sql`
    update test_clocks c set wake_at = (
      select min(w.due_at) - c.offset_ms * interval '1 millisecond' from waits w
      where w.account_id = c.account_id and w.clock_offset_ms < c.offset_ms)
    where c.account_id = ${accountId}`.execute(tx)
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
      select id from invoice_runs where account_id = ${accountId} and ended_at is null
      union all
      select id from credit_notes where account_id = ${accountId} and ended_at is null
      union all
      select id from document_sends where account_id = ${accountId} and ended_at is null
      union all
      select id from account_days where account_id = ${accountId} and ended_at is null
      union all
      select id from deliveries where account_id = ${accountId} and state = 'pending'
      union all
      select id from payment_intents where account_id = ${accountId} and ended_at is null
      union all
      select id from refunds where account_id = ${accountId} and ended_at is null
      union all
      select id from disputes where account_id = ${accountId} and ended_at is null
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
