import type { Database } from '../db/client.ts'
import { fulfillTransaction } from '../db/fulfillment.ts'
import { acceptancesPerSecond } from './accept-order.ts'
import type { Figure, Size } from './figure.ts'
import { fulfillmentsPerSecond } from './fulfill.ts'
import { codeReads, unchangedPolls } from './get-codes.ts'
import { invoicesPerMinute } from './invoices.ts'
import { inParallel } from './load.ts'
import type { Servers, Stage } from './servers.ts'
import { order } from './shop.ts'
import { deliveriesPerSecond } from './webhooks.ts'

/** What each figure costs once more with ten times the data in the tables and ten times the work. */

export type GrowthRow = {
  id: string
  title: string
  /** Processor time of ours per unit of work, all processes together, at 1× and 10×. */
  micros: [number, number]
  /** The bare program's in the same windows: what the machine and warming up do to both. */
  bareMicros: [number, number]
  /** Of the work's whole cost of ours: 1 is in proportion. */
  exponent: number
}

/** `orders` stood in the tables at 1×. */
export type Growth = { orders: number; rows: GrowthRow[] }

const ORDERS_BEFORE = 1_000
const GROWING: readonly Figure[] = [
  acceptancesPerSecond,
  fulfillmentsPerSecond,
  codeReads,
  unchangedPolls,
  deliveriesPerSecond,
  invoicesPerMinute,
]
const LANES = 16

/** Windows of a tenth of `size.seconds`, and of all of them over ten times as many orders. */
export async function measureGrowth(servers: Servers, size: Size): Promise<Growth> {
  const few = await servers.openStage()
  await fill(few, ORDERS_BEFORE)
  const before = await costs(servers, few, { ...size, seconds: size.seconds / 10 })
  const many = await servers.copyStage(few)
  await fill(many, 9 * ORDERS_BEFORE)
  const after = await costs(servers, many, size)
  const rows = GROWING.map(({ id, title }, index): GrowthRow => {
    const [at1, at10] = [before[index] ?? NOTHING, after[index] ?? NOTHING]
    return {
      id,
      title,
      micros: [at1.ours, at10.ours],
      bareMicros: [at1.bare, at10.bare],
      exponent: 1 + Math.log10(at10.ours / at1.ours),
    }
  })
  return { orders: ORDERS_BEFORE, rows }
}

type Cost = { ours: number; bare: number }
const NOTHING: Cost = { ours: NaN, bare: NaN }

/** Orders that have their codes already; their stories are over. Then nothing is connected any more. */
async function fill(stage: Stage, orders: number): Promise<void> {
  const { database, shop } = stage
  await shop.stock(orders)
  const api = await stage.start('server.ts')
  await inParallel(orders, LANES, async (n) => {
    const { transactionId } = await order(api.url, shop.key, shop.orderBody(n))
    await fulfillTransaction(database.pool, { accountId: shop.accountId, transactionId })
  })
  await database.db.deleteFrom('outbox').execute()
  await vacuumFilled(database)
  await stage.close()
}

/**
 * As autovacuum would have: not the tables that are empty. PostgreSQL takes those for empty ever after,
 * and a connection keeps the plans that it makes then.
 */
async function vacuumFilled({ pool }: Database): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(
    'select relid::regclass::text as name from pg_stat_user_tables where n_tup_ins > 0',
  )
  await pool.query(`vacuum analyze ${rows.map(({ name }) => name).join(', ')}`)
}

/** Each figure on a copy of its own. */
async function costs(servers: Servers, filled: Stage, size: Size): Promise<Cost[]> {
  const found: Cost[] = []
  for (const figure of GROWING) {
    const stage = await servers.copyStage(filled)
    const { cpuMicros } = await figure.run(stage, size)
    await stage.close()
    found.push({ ours: sumOf(cpuMicros.ours), bare: sumOf(cpuMicros.bare) })
    console.log(`${figure.id} of ${size.seconds} s: ${JSON.stringify(found.at(-1))} µs per unit`)
  }
  return found
}

function sumOf(micros: Record<string, number>): number {
  return Object.values(micros).reduce((sum, value) => sum + value, 0)
}
