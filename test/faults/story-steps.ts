import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { WEBHOOK_DELAYS_SECONDS } from '../../domain/webhook-schedule.ts'
import { checkDrained } from './check-drained.ts'
import type { Asking, Try } from './history.ts'
import { fieldsOf, listOf, textOf } from './json.ts'
import type { Merchant, Stage } from './merchant.ts'
import { pause } from './mortal.ts'

const POLL_MS = 60
const STEP_MS_MAX = 90_000
const HELP_AFTER_MS = 15_000
/** A delay counts from the end of an exchange, and goes a little beyond. */
const TELL_AGAIN_MARGIN_SECONDS = 60
export const HELP_SECONDS = 2_000 // past the fourth look at a supplier that said nothing

type Fields = Record<string, unknown>
type Help = (() => Promise<void>) | null

/** What a merchant of a story does again and again, each of it until it is acknowledged. */
export type Steps = ReturnType<typeof openSteps>

export function openSteps(stage: Stage, { client, accountId }: Merchant) {
  /** Reads until it is as wished; throws with what was read last when that takes too long. */
  async function readUntil(
    asking: Asking,
    isDone: (fields: Fields) => boolean,
    help: Help = null,
  ): Promise<Fields> {
    let helpAt = Date.now() + HELP_AFTER_MS
    const last = await repeatUntil(async () => {
      if (help !== null && Date.now() > helpAt) {
        await help()
        helpAt = Date.now() + HELP_AFTER_MS
      }
      return fieldsOf((await client.insist(asking)).body)
    }, isDone)
    if (!isDone(last)) throw new Error(`I27: ${asking.name}: ${JSON.stringify(last)}`)
    return last
  }

  /** Creates something under a key of its own. */
  async function post(name: string, path: string, body: object): Promise<Fields> {
    const key = `${name} ${randomUUID()}`
    return must(await client.insist({ name, method: 'POST', path, key, body }), 201)
  }

  /** Moves the test clock and waits until it is ready. */
  async function advance(seconds: number): Promise<void> {
    const to = await businessInstant(stage, accountId, seconds)
    await post(`advance by ${seconds} s`, '/v2/test_clock', { to })
    const asking = { name: 'read the clock', path: '/v2/test_clock' }
    await readUntil(asking, ({ status }) => status === 'ready')
  }

  return {
    readUntil,
    post,
    codesUntil: (id: string, isDone: (codes: Fields) => boolean, help: Help = null) =>
      readUntil({ name: `codes of ${id}`, path: `/v2/transactions/${id}/codes` }, isDone, help),
    advance,
    /** What the endpoint missed is told by the next attempts: the clock goes there while any waits. */
    async tellAgain(): Promise<void> {
      for (const seconds of WEBHOOK_DELAYS_SECONDS.slice(1)) {
        if ((await countUntold(stage, accountId)) === 0) return
        await advance(seconds + TELL_AGAIN_MARGIN_SECONDS)
        await drained(stage)
      }
    },
    async readInvoices(): Promise<void> {
      const list = await client.insist({ name: 'list invoices', path: '/v2/invoices' })
      for (const one of listOf(fieldsOf(list.body)['data'])) {
        const id = textOf(fieldsOf(one), 'id')
        await client.insist({ name: `read ${id}`, path: `/v2/invoices/${id}` })
      }
    },
  }
}

function countUntold({ database }: Stage, accountId: string): Promise<number> {
  return repeatUntil(
    async () => {
      const { rows } = await sql<{ n: number }>`select count(*)::int as n from deliveries
        where account_id = ${accountId} and state = 'pending'`.execute(database.db)
      return rows[0]?.n ?? 0
    },
    () => true,
  )
}

/** Everything that the story left to do is done; throws with what is left when it takes too long. */
export async function drained(stage: Pick<Stage, 'database'>): Promise<void> {
  const left = await repeatUntil(
    () => checkDrained(stage.database.db),
    (violations) => violations.length === 0,
  )
  if (left.length > 0) throw new Error(`I27: not drained: ${JSON.stringify(left)}`)
}

/** Reads until it is as wished or the time is over; answers the last reading. */
async function repeatUntil<T>(read: () => Promise<T>, isDone: (value: T) => boolean): Promise<T> {
  const until = Date.now() + STEP_MS_MAX
  for (;;) {
    const value = await attempt(read)
    if ('value' in value && isDone(value.value)) return value.value
    if (Date.now() > until) {
      if ('value' in value) return value.value
      throw value.error
    }
    await pause(POLL_MS)
  }
}

async function attempt<T>(read: () => Promise<T>): Promise<{ value: T } | { error: unknown }> {
  try {
    return { value: await read() }
  } catch (error) {
    return { error } // the database may be down just now; asked again
  }
}

async function businessInstant(stage: Stage, accountId: string, seconds: number): Promise<string> {
  const rows = await repeatUntil(
    async () => {
      const { db } = stage.database
      return (
        await sql<{ at: Date }>`
          select business_now(${accountId}) + ${seconds} * interval '1 second' as at`.execute(db)
      ).rows
    },
    (found) => found.length === 1,
  )
  const at = rows[0]?.at
  if (at === undefined) throw new Error('PostgreSQL answered no time')
  return at.toISOString()
}

/** The fields of an answer with this status; throws for every other one. */
export function must({ status, body }: Try, wanted: number): Fields {
  if (status !== wanted) {
    throw new Error(`wanted ${wanted}, got ${status}: ${JSON.stringify(body)?.slice(0, 500)}`)
  }
  return fieldsOf(body)
}
