import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../cli/ports.ts'
import type { Database } from '../db/client.ts'
import { createWebhook, happen } from '../test/webhooks/world.ts'
import { transactionWorkflowId, webhookWorkflowId } from '../workflows/contract.ts'
import { countOpenUnits } from './fulfill.ts'
import { inParallel } from './load.ts'
import type { Stage } from './servers.ts'
import { order } from './shop.ts'

/** What PostgreSQL writes for one order, stage by stage; counted, so other work does not matter. */

export type StageCost = {
  what: string
  /** Write-ahead log of all databases, bytes. */
  walBytes: number
  /** Growth of our tables and indexes, bytes. */
  dataBytes: number
  /** Growth of Temporal's two databases, bytes: histories, tasks and what the web UI lists. */
  temporalBytes: number
  /** Transactions in our database, and in Temporal's two. */
  transactions: number
  temporalTransactions: number
  /** Of the stage's own workflow; no workflow, no history. */
  history: { events: number; bytes: number } | null
}

const COUNT = 500
const LANES = 32
const HISTORIES = 10 // alike, but for the lengths of a few numbers
const FLUSH_MS = 2_500 // a session tells its counts a second after it last did, at the latest
const POLL_MS = 50

/** Each divided by the number of orders or deliveries. */
export async function measureCost(stage: Stage): Promise<StageCost[]> {
  const { database, shop } = stage
  await shop.stock(COUNT)
  const port = String(await freePort())
  await stage.start('sandbox/receiver.ts', {
    settings: { SANDBOX_RECEIVER_PORT: port, SANDBOX_RECEIVER_DATA: '' },
  })
  const api = await stage.start('server.ts')
  const costs: StageCost[] = []
  const measure = async (
    what: string,
    work: () => Promise<unknown>,
    workflowIds: () => Promise<string[]> = () => Promise.resolve([]),
  ): Promise<void> => {
    const before = await readCounters(database)
    await work()
    const after = await readCounters(database)
    const each = (name: keyof Counters) => (after[name] - before[name]) / COUNT
    costs.push({
      what,
      walBytes: each('wal'),
      dataBytes: each('data'),
      temporalBytes: each('temporalData'),
      transactions: each('own'),
      temporalTransactions: each('temporal'),
      history: await meanHistory(stage, await workflowIds()),
    })
  }
  const transactionIds: string[] = []
  await measure('an order is accepted (3 lines, 5 units)', () =>
    inParallel(COUNT, LANES, async (n) => {
      const { transactionId } = await order(api.url, shop.key, shop.orderBody(n))
      transactionIds.push(transactionId)
    }),
  )
  const worker = await stage.start('worker.ts')
  await measure(
    'its codes are attached, its day is opened',
    async () => {
      while ((await countOpenUnits(database, shop)) > 0) await delay(POLL_MS)
    },
    () => Promise.resolve(transactionIds.slice(0, HISTORIES).map(transactionWorkflowId)),
  )
  await createWebhook(stage, shop.accountId, {
    url: `http://127.0.0.1:${port}/cost`,
    events: ['product.created'],
    inFlightMax: 100,
  })
  await measure(
    'a webhook is delivered at once',
    async () => {
      for (let n = 0; n < COUNT; n++) await happen(database.db, shop.accountId)
      while ((await countPending(database)) > 0) await delay(POLL_MS)
    },
    async () => (await listDeliveries(database)).map(webhookWorkflowId),
  )
  await worker.stop()
  return costs
}

type Counters = {
  wal: number
  data: number
  temporalData: number
  own: number
  temporal: number
}

async function readCounters({ pool }: Database): Promise<Counters> {
  await delay(FLUSH_MS)
  const { rows } = await pool.query<Counters>(`
    select (pg_current_wal_insert_lsn() - '0/0')::float8 as wal,
      pg_database_size(current_database())::float8 as data,
      sum(pg_database_size(datname)) filter (where strpos(datname, 'temporal') > 0)::float8
        as "temporalData",
      sum(xact_commit) filter (where datname = current_database())::float8 as own,
      sum(xact_commit) filter (where strpos(datname, 'temporal') > 0)::float8 as temporal
    from pg_stat_database`)
  const [counters] = rows
  if (counters === undefined) throw new Error('PostgreSQL counts nothing')
  return counters
}

/** Of workflows that have ended, or end while it waits. */
async function meanHistory(
  { temporal }: Stage,
  workflowIds: string[],
): Promise<{ events: number; bytes: number } | null> {
  if (workflowIds.length === 0) return null
  const sum = { events: 0, bytes: 0 }
  for (const workflowId of workflowIds) {
    const handle = temporal.workflow.getHandle(workflowId)
    await handle.result()
    const { historyLength, historySize } = await handle.describe()
    sum.events += historyLength
    sum.bytes += historySize ?? NaN
  }
  return { events: sum.events / workflowIds.length, bytes: sum.bytes / workflowIds.length }
}

async function listDeliveries({ db }: Database): Promise<string[]> {
  const rows = await db.selectFrom('deliveries').select('id').limit(HISTORIES).execute()
  return rows.map(({ id }) => id)
}

async function countPending({ db }: Database): Promise<number> {
  const { pending } = await db
    .selectFrom('deliveries')
    .select((eb) => eb.fn.countAll<bigint>().as('pending'))
    .where('state', '=', 'pending')
    .executeTakeFirstOrThrow()
  return Number(pending)
}
