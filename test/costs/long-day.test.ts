import { afterAll, beforeAll, expect, test } from 'vitest'
import { readProcessorTime } from '../../bench/processes.ts'
import { fulfillTransaction } from '../../db/fulfillment.ts'
import { acceptOrder } from '../../db/order-acceptance.ts'
import { openDatabase, type Database } from '../../db/client.ts'
import { readEnv, toConfig } from '../../config.ts'
import { newId } from '../../new-id.ts'
import { billDay } from '../billing.ts'
import {
  importCodes,
  makeAccount,
  makeCustomer,
  makeProduct,
  type TestAccount,
} from '../factories.ts'
import { orderRequest } from '../order-request.ts'
import { createTestDatabase } from '../stack.ts'

/**
 * A reseller who orders all day: billing so many times as many lines costs PostgreSQL about so many times
 * as much, also when its plans were made while the tables were small. In processor time of the one
 * connection, which another job on the machine changes little.
 */
const LINES_PER_ORDER = 50
const SHORT_DAYS = 8
const SHORT_ORDERS = 10
const TIMES = 6
const RATIO_MAX = 2 * TIMES // a join of every unit with every line costs 6² times as much
/** A busy machine makes a pair worse now and then; a cost that grows faster makes every one worse. */
const PAIRS_MAX = 3

let made: Awaited<ReturnType<typeof createTestDatabase>>
let database: Database
let account: TestAccount
let skus: string[]
const config = () => toConfig(readEnv({ ...process.env, DATABASE_URL: made.url }))

beforeAll(async () => {
  made = await createTestDatabase('long_day')
  database = openDatabase({
    url: made.url,
    poolSizeMax: 1,
    applicationName: 'long-day',
    onError: () => undefined, // the next statement says it
  })
  account = await makeAccount(database)
  skus = []
  const orders = SHORT_DAYS + PAIRS_MAX * SHORT_ORDERS * (1 + TIMES)
  for (let line = 0; line < LINES_PER_ORDER; line++) {
    const { id, sku } = await makeProduct(database, account.accountId)
    await importCodes(database, config().keys, account, { productId: id }, orders)
    skus.push(sku)
  }
  // As autovacuum saw the tables at night: a few short days, and all of them billed.
  for (let day = 0; day < SHORT_DAYS; day++) await bill(1)
  await database.pool.query('analyze')
}, 120_000)
afterAll(async () => {
  await database.close()
  await made.drop()
})

/** Microseconds of PostgreSQL for the invoice of a day of so many orders. */
async function bill(orders: number): Promise<number> {
  const { accountId } = account
  const customerId = await makeCustomer(database, accountId)
  let purchaseOrderId = ''
  for (let order = 0; order < orders; order++) {
    const { transaction } = await acceptOrder(
      database.pool,
      orderRequest({
        account_id: accountId,
        customer_id: customerId,
        transaction_id: newId('transaction'),
        items: skus.map((sku) => ({
          product_id: null,
          sku,
          variant_id: null,
          quantity: 1,
          price: null,
        })),
      }),
    )
    await fulfillTransaction(database.pool, { accountId, transactionId: transaction.id })
    purchaseOrderId = transaction.purchase_order.id
  }
  const { rows } = await database.pool.query<{ pid: number }>('select pg_backend_pid() as pid')
  const clock = readProcessorTime({ postgres: () => [rows[0]?.pid ?? 0] })
  const invoices = await billDay({ database, config: config() }, accountId, purchaseOrderId, {
    documents: false,
  })
  expect(invoices).toHaveLength(1)
  return clock.since()['postgres'] ?? 0
}

test(
  `a day of ${TIMES} times as many lines is billed at most ${RATIO_MAX} times as dearly`,
  async () => {
    const ratios: number[] = []
    while (ratios.length < PAIRS_MAX && !(Math.min(...ratios) <= RATIO_MAX)) {
      const short = await bill(SHORT_ORDERS)
      const long = await bill(TIMES * SHORT_ORDERS)
      ratios.push(long / short)
      process.stdout.write(
        `${SHORT_ORDERS * LINES_PER_ORDER} lines ${short} µs, ${TIMES} times as many ${long} µs\n`,
      )
      expect(short).toBeGreaterThan(0)
    }
    expect(Math.min(...ratios)).toBeLessThanOrEqual(RATIO_MAX)
  },
  PAIRS_MAX * 90_000,
)
