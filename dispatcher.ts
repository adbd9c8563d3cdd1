import type { Client } from '@temporalio/client'
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError } from '@temporalio/client'
import { Client as PgClient } from 'pg'
import type { Db } from './db/client.ts'
import { deleteOutbox, leaseOutbox, postponeOutbox, type OutboxRow } from './db/outbox.ts'
import { advanceTestClocks } from './db/test-clock.ts'
import type { Log } from './log.ts'
import { describeStart, workflowIdOf } from './workflow-starts.ts'

/**
 * Takes committed commands out of the outbox and gives them to Temporal: the only starter of
 * workflows. Every command may be given twice: a start is by a deterministic id, and a signal only
 * says "look at SQL again".
 */

const ROUND_ROWS_MAX = 32 // beyond 16 to 32 starts in flight only latency grows
const ACCOUNT_ROWS_MAX = 16 // of one account per round, so that a burst does not stand before others
const ROUNDS_IN_FLIGHT = 2 // one leases and deletes while the other one talks to Temporal
const LEASE_SECONDS = 10 // twice a round's calls: what a killed worker held waits no longer, and twice is harmless
const CALL_MS_MAX = 5_000
const POLL_MS = 500 // the safety net below the notifications
const CLOCK_STEP_MS = 20 // while a test clock advances: docs/decisions/0006
const BACKOFF_MS_MAX = 30_000
const ERROR_CHARACTERS_MAX = 500 // enough for an operator; the log has the rest
const REFUSALS_MAX = 5 // a command that Temporal refuses this often is parked for a person

export type Dispatcher = { stop(): Promise<void> }

export type DispatcherOptions = {
  db: Db
  databaseUrl: string
  /** On the worker's own connection, so that starts are eager. */
  client: Client
  taskQueue: string
  apiUrl: string | undefined
  log: Log
}

/** Runs until stopped. Survives the absence of PostgreSQL and of Temporal. */
export function startDispatcher(options: DispatcherOptions): Dispatcher {
  const { db, log } = options
  let stopping = false
  const alarm = createAlarm()

  const forever = async (name: string, step: () => Promise<number>): Promise<void> => {
    while (!stopping) {
      let pauseMs = POLL_MS
      try {
        pauseMs = await step()
      } catch (error) {
        log.warn({ error, loop: name }, 'dispatcher loop failed; trying again')
      }
      if (pauseMs > 0 && !stopping) await alarm.sleep(pauseMs)
    }
  }

  const dispatchRound = async (): Promise<number> => {
    const rows = await leaseOutbox(db, {
      max: ROUND_ROWS_MAX,
      perAccountMax: ACCOUNT_ROWS_MAX,
      leaseSeconds: LEASE_SECONDS,
    })
    if (rows.length === 0) return POLL_MS
    const outcomes = await Promise.all(rows.map((row) => dispatch(options, row)))
    const done = outcomes.filter((outcome) => outcome.error === null)
    const late = outcomes.flatMap(({ row, error, park }) =>
      error === null ? [] : [{ id: row.id, delayMs: backOffMs(row.attempts), error, park }],
    )
    if (done.length > 0)
      await deleteOutbox(
        db,
        done.map((outcome) => outcome.row.id),
      )
    if (late.length > 0) await postponeOutbox(db, late)
    for (const { row, error, park } of outcomes) {
      if (park) log.error({ outbox: row.id, workflow: row.workflow, error }, 'outbox row parked')
    }
    return done.length > 0 ? 0 : POLL_MS
  }

  const stepClocks = async (): Promise<number> => {
    const advancing = await advanceTestClocks(db)
    if (advancing > 0) alarm.ring()
    return advancing > 0 ? CLOCK_STEP_MS : POLL_MS
  }

  const loops = [
    ...Array.from({ length: ROUNDS_IN_FLIGHT }, () => forever('outbox', dispatchRound)),
    forever('test-clock', stepClocks),
    listen(options, alarm, () => stopping),
  ]
  return {
    async stop() {
      stopping = true
      alarm.ring()
      await Promise.all(loops)
    },
  }
}

type Outcome = { row: OutboxRow; error: string | null; park: boolean }

async function dispatch(options: DispatcherOptions, row: OutboxRow): Promise<Outcome> {
  try {
    await options.client.connection.withDeadline(Date.now() + CALL_MS_MAX, () =>
      row.verb === 'start' ? start(options, row) : signal(options.client, row),
    )
    return { row, error: null, park: false }
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError)
      return { row, error: null, park: false }
    if (error instanceof WorkflowNotFoundError) return { row, error: null, park: false }
    const refused = isRefusal(error)
    return { row, error: explain(error), park: refused && row.attempts >= REFUSALS_MAX }
  }
}

async function start(options: DispatcherOptions, row: OutboxRow): Promise<void> {
  const { type, ...rest } = describeStart(row, options.apiUrl)
  await options.client.workflow.start(type, {
    taskQueue: options.taskQueue,
    workflowIdReusePolicy: 'ALLOW_DUPLICATE_FAILED_ONLY',
    workflowIdConflictPolicy: 'FAIL',
    requestEagerStart: true,
    priority: { priorityKey: row.priority, fairnessKey: row.account_id },
    ...rest,
  })
}

async function signal(client: Client, row: OutboxRow): Promise<void> {
  if (row.signal === null) return
  await client.workflow.getHandle(workflowIdOf(row)).signal(row.signal.name, row.signal.input)
}

/** Temporal understood the command and says no; anything else may be different next time. */
function isRefusal(error: unknown): boolean {
  const INVALID_ARGUMENT = 3
  const FAILED_PRECONDITION = 9
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return false
  return cause.code === INVALID_ARGUMENT || cause.code === FAILED_PRECONDITION
}

/** The innermost message: what Temporal or the network said. */
function explain(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return (cause instanceof Error ? cause.message : String(cause)).slice(0, ERROR_CHARACTERS_MAX)
}

function backOffMs(attempts: number): number {
  return Math.min(BACKOFF_MS_MAX, 200 * 2 ** Math.min(attempts, 10))
}

/** Wakes the loops when the API commits an order. Losing it only costs the polling interval. */
async function listen(
  options: DispatcherOptions,
  alarm: Alarm,
  isStopping: () => boolean,
): Promise<void> {
  while (!isStopping()) {
    const client = new PgClient({
      connectionString: options.databaseUrl,
      connectionTimeoutMillis: 2_000,
      application_name: 'bark-listener',
      keepAlive: true,
    })
    const ended = new Promise<void>((resolve) => {
      client.once('end', resolve)
      client.on('error', (error) => {
        options.log.warn({ error }, 'listener lost its connection')
        resolve()
      })
    })
    try {
      await client.connect()
      client.on('notification', () => alarm.ring())
      await client.query('listen bark_outbox')
      while (
        !isStopping() &&
        (await Promise.race([ended.then(() => false), alarm.sleep(POLL_MS)]))
      );
      await client.end()
    } catch (error) {
      options.log.warn({ error }, 'listener cannot connect; polling goes on')
      await alarm.sleep(POLL_MS)
    }
  }
}

type Alarm = { sleep(ms: number): Promise<true>; ring(): void }

/** A sleep that can be cut short for everybody at once. */
function createAlarm(): Alarm {
  let sleepers = new Set<() => void>()
  return {
    sleep: (ms) =>
      new Promise((resolve) => {
        const wake = () => {
          clearTimeout(timer)
          sleepers.delete(wake)
          resolve(true)
        }
        const timer = setTimeout(wake, ms)
        sleepers.add(wake)
      }),
    ring() {
      const woken = sleepers
      sleepers = new Set()
      for (const wake of woken) wake()
    },
  }
}
