import { inTransaction } from '../db/client.ts'
import { fulfillTransaction } from '../db/fulfillment.ts'
import { closePurchaseOrder } from '../db/purchase-orders.ts'
import { importCodes, makeCustomer, makeProduct } from '../test/factories.ts'
import { NoFigure, numberIn, perUnit, type Figure } from './figure.ts'
import { inParallel } from './load.ts'
import { memoryMib, readProcessorTime, type Watched } from './processes.ts'
import type { Stage } from './servers.ts'
import { order } from './shop.ts'
import { spread, compare, type Comparison, type Side } from './windows.ts'

/** Invoices of closed purchase orders, against one set-based statement, and against a tenth as many. */

const LINES = 50
const PURCHASE_ORDERS_PER_SECOND_OF_WINDOW = 20 // so that a batch takes about as long as a window
const LANES = 8
const FEW = 20
const MANY = 10 * FEW

export const invoicesPerMinute: Figure = {
  id: 'E1',
  title: `invoices of purchase orders of ${LINES} lines: marked, summed, taxed, numbered, frozen, posted`,
  against: 'one INSERT … SELECT … GROUP BY of headers and lines for all of them',
  unit: 'per minute',
  gate: '≥ 0.3, then ≥ 0.6',
  async run(stage, size) {
    const finalize = await stage.start('bench/finalize.ts')
    const bare = await stage.start('bench/bare/group.ts')
    const { postgres } = stage.watched
    const close = await openCloser(stage)
    return compare(
      billing(finalize.url, close, { program: () => [finalize.pid], postgres }),
      billing(bare.url, close, { program: () => [bare.pid], postgres }),
      size,
      stage,
    )
  },
}

export const timeOfTenTimesTheInvoices: Figure = {
  id: 'E2',
  title: `time to invoice ${MANY} purchase orders of ${LINES} lines`,
  against: `the same for ${FEW}`,
  unit: 's',
  gate: '≤ 11.5, then ≤ 10.5',
  run: (stage, { pairs }) => manyOverFew(stage, pairs, ({ seconds }) => seconds),
}

export const memoryOfTenTimesTheInvoices: Figure = {
  id: 'E2m',
  title: `peak memory while ${MANY} purchase orders of ${LINES} lines are invoiced`,
  against: `the same for ${FEW}`,
  unit: 'MiB',
  gate: '≤ 1.2, then ≤ 1.05',
  run: (stage, { pairs }) => manyOverFew(stage, pairs, ({ peakMib }) => peakMib),
}

/** So many closed purchase orders, each with its codes. */
type Closer = (count: number) => Promise<{ accountId: string; ids: string[] }>

async function openCloser(stage: Stage): Promise<Closer> {
  const { database, config, rows } = stage
  const { accountId, key } = rows.account
  const api = await stage.start('server.ts')
  const products: string[] = []
  for (let n = 0; n < LINES; n++) products.push((await makeProduct(database, accountId)).id)
  return async (count) => {
    for (const productId of products) {
      await importCodes(database, config.keys, rows.account, { productId }, count)
    }
    const ids: string[] = []
    await inParallel(count, LANES, async () => {
      const customerId = await makeCustomer(database, accountId)
      const items = products.map((product_id) => ({ product_id, quantity: 1 }))
      const body = JSON.stringify({ customer_id: customerId, items })
      const { transactionId, purchaseOrderId } = await order(api.url, key, body)
      await fulfillTransaction(database.pool, { accountId, transactionId })
      await inTransaction(database.db, (tx) =>
        closePurchaseOrder(tx, { accountId, purchaseOrderId, early: true }),
      )
      ids.push(purchaseOrderId)
    })
    return { accountId, ids }
  }
}

/** Invoices a minute; the purchase orders are made and closed before the clock starts. */
function billing(url: string, close: Closer, watched: Watched): Side {
  return {
    async measure(seconds) {
      const batch = await close(Math.ceil(seconds * PURCHASE_ORDERS_PER_SECOND_OF_WINDOW))
      const time = readProcessorTime(watched)
      const taken = await bill(url, batch)
      const count = batch.ids.length
      return { value: (60 * count) / taken, cpuMicros: perUnit(time.since(), count) }
    },
  }
}

/** Seconds. Throws unless each purchase order got one invoice. */
async function bill(url: string, batch: { ids: string[] }): Promise<number> {
  const startedAt = performance.now()
  const answer = await fetch(`${url}/bill`, { method: 'POST', body: JSON.stringify(batch) })
  const seconds = (performance.now() - startedAt) / 1_000
  if (answer.status !== 200) throw new NoFigure(await answer.text())
  const invoices = numberIn(await answer.json(), 'invoices')
  if (invoices !== batch.ids.length) {
    throw new NoFigure(`${invoices} invoices of ${batch.ids.length} purchase orders`)
  }
  return seconds
}

type Billed = { seconds: number; peakMib: number }

/** Each batch in a fresh process, after a small one that is thrown away: code and heap are in use. */
async function manyOverFew(
  stage: Stage,
  pairs: number,
  valueOf: (billed: Billed) => number,
): Promise<Comparison> {
  const close = await openCloser(stage)
  const billFresh = async (count: number): Promise<number> => {
    const finalize = await stage.start('bench/finalize.ts')
    await bill(finalize.url, await close(FEW))
    const seconds = await bill(finalize.url, await close(count))
    const peakMib = memoryMib(finalize.pid, 'peak')
    await finalize.stop()
    return valueOf({ seconds, peakMib })
  }
  const many: number[] = []
  const few: number[] = []
  for (let pair = 0; pair < pairs; pair++) {
    few.push(await billFresh(FEW))
    many.push(await billFresh(MANY))
  }
  return {
    ours: spread(many),
    bare: spread(few),
    ratio: spread(many.map((value, pair) => value / (few[pair] ?? NaN))),
    cpuMicros: { ours: {}, bare: {} },
    pairs,
  }
}
