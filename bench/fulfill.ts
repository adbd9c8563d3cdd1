import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from '@temporalio/client'
import { runNamed, type Database } from '../db/client.ts'
import { perUnit, type Figure } from './figure.ts'
import { inParallel } from './load.ts'
import type { Program } from './program.ts'
import { readProcessorTime, type Watched } from './processes.ts'
import type { Stage } from './servers.ts'
import { order, type BenchShop } from './shop.ts'
import { compare, spread, type Side } from './windows.ts'

/** From the acceptance until the codes are there, through Temporal, against workflows without effects. */

const STARTS_IN_FLIGHT = 32 // as the dispatcher
const ORDERS_PER_SECOND_OF_WINDOW = 60 // so that a batch takes about as long as a window
const ORDERS_PER_SECOND_MAX = 100 // of one order after the other: so many codes are in stock
const POLL_MS = 10
// Few enough that the thrown-away first window opens the day of each: what is measured is an order of
// a running day, without the start of the purchase order's own workflow.
const CUSTOMERS_OF_BATCH = 32
const CUSTOMERS_OF_ONE = 4

export const fulfillmentsPerSecond: Figure = {
  id: 'B1',
  title:
    'orders of a running day from acceptance to codes ready (3 lines, 5 codes), a batch at once',
  against: 'a worker with three no-op activities in a row',
  unit: 'per second',
  gate: '≥ 1.7, then ≥ 3',
  async run(stage, size) {
    const { ours, bare } = await startBoth(stage)
    return compare(batchOfOrders(ours), batchOfWorkflows(bare), size, stage)
  },
}

export const fulfillmentLatency: Figure = {
  id: 'B4',
  title: 'from the answer to codes ready, one order at a time',
  against: 'a workflow with one local no-op activity, start to result',
  unit: 'ms',
  gate: '≤ 2, then ≤ 1.2',
  async run(stage, size) {
    const { ours, bare } = await startBoth(stage)
    return compare(orderAfterOrder(ours), workflowAfterWorkflow(bare), size, stage)
  },
}

async function startBoth(stage: Stage): Promise<{ ours: OurPlace; bare: BarePlace }> {
  const { database, shop, temporal, watched } = stage
  const api = await stage.start('server.ts')
  const worker = await stage.start('worker.ts')
  const taskQueue = `bare-${randomUUID()}`
  const bare = await stage.start('bench/bare/worker.ts', { settings: { TASK_QUEUE: taskQueue } })
  const watch = (program: Program): Watched => ({ worker: () => [program.pid], ...watched })
  return {
    ours: { database, shop, url: api.url, worker, watched: watch(worker) },
    bare: { temporal, taskQueue, watched: watch(bare) },
  }
}

type OurPlace = {
  database: Database
  shop: BenchShop
  url: string
  worker: Program
  watched: Watched
}
type BarePlace = { temporal: Client; taskQueue: string; watched: Watched }

/** The orders are accepted while the worker is frozen; measured is what it does once it thaws. */
function batchOfOrders({ database, shop, url, worker, watched }: OurPlace): Side {
  let ordered = 0
  return {
    async measure(seconds) {
      const orders = seconds * ORDERS_PER_SECOND_OF_WINDOW
      await shop.stock(orders)
      process.kill(worker.pid, 'SIGSTOP')
      await inParallel(orders, STARTS_IN_FLIGHT, async () => {
        await order(url, shop.key, shop.orderBody(ordered++, CUSTOMERS_OF_BATCH))
      })
      const time = readProcessorTime(watched)
      const startedAt = performance.now()
      process.kill(worker.pid, 'SIGCONT')
      while ((await countOpenUnits(database, shop)) > 0) await delay(POLL_MS)
      const taken = (performance.now() - startedAt) / 1_000
      return { value: orders / taken, cpuMicros: perUnit(time.since(), orders) }
    },
  }
}

function batchOfWorkflows({ temporal, taskQueue, watched }: BarePlace): Side {
  return {
    async measure(seconds) {
      const workflows = seconds * ORDERS_PER_SECOND_OF_WINDOW
      const time = readProcessorTime(watched)
      const startedAt = performance.now()
      const results: Promise<unknown>[] = []
      await inParallel(workflows, STARTS_IN_FLIGHT, async () => {
        const handle = await temporal.workflow.start('threeActivities', {
          taskQueue,
          workflowId: `bare/${randomUUID()}`,
        })
        results.push(handle.result())
      })
      await Promise.all(results)
      const taken = (performance.now() - startedAt) / 1_000
      return { value: workflows / taken, cpuMicros: perUnit(time.since(), workflows) }
    },
  }
}

/** The median of a window: from the 201 until the last code is attached. */
function orderAfterOrder({ database, shop, url, watched }: OurPlace): Side {
  let ordered = 0
  return {
    async measure(seconds) {
      await shop.stock(seconds * ORDERS_PER_SECOND_MAX)
      return oneAfterAnother(seconds, watched, async () => {
        const body = shop.orderBody(ordered++, CUSTOMERS_OF_ONE)
        const { transactionId } = await order(url, shop.key, body)
        const answeredAt = performance.now()
        while (!(await hasAllCodes(database, transactionId))) await delay(1)
        return performance.now() - answeredAt
      })
    },
  }
}

const OPEN = {
  name: 'bench-open-units',
  text: `select count(*)::integer as open from units where transaction_id = $1
    and state = any (array['queued', 'sourcing', 'backordered', 'unknown'])`,
}

/** Prepared, because it is asked for every millisecond and must not be what is measured. */
async function hasAllCodes({ pool }: Database, transactionId: string): Promise<boolean> {
  const [row] = await runNamed<{ open: number }>(pool, OPEN, [transactionId])
  return row?.open === 0
}

function workflowAfterWorkflow({ temporal, taskQueue, watched }: BarePlace): Side {
  return {
    measure: (seconds) =>
      oneAfterAnother(seconds, watched, async () => {
        const startedAt = performance.now()
        await temporal.workflow.execute('oneLocalActivity', {
          taskQueue,
          workflowId: `bare/${randomUUID()}`,
        })
        return performance.now() - startedAt
      }),
  }
}

async function oneAfterAnother(seconds: number, watched: Watched, one: () => Promise<number>) {
  const time = readProcessorTime(watched)
  const endAt = performance.now() + seconds * 1_000
  const takenMs: number[] = []
  while (performance.now() < endAt && takenMs.length < seconds * ORDERS_PER_SECOND_MAX) {
    takenMs.push(await one())
  }
  return { value: spread(takenMs).median, cpuMicros: perUnit(time.since(), takenMs.length) }
}

/** Units of the shop that may still get a code. */
export async function countOpenUnits({ db }: Database, { accountId }: BenchShop): Promise<number> {
  const { open } = await db
    .selectFrom('units')
    .select((eb) => eb.fn.countAll<bigint>().as('open'))
    .where('account_id', '=', accountId)
    .where('state', 'in', ['queued', 'sourcing', 'backordered'])
    .executeTakeFirstOrThrow()
  return Number(open)
}
