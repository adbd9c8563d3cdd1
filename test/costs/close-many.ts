import { fulfillTransaction } from '../../db/fulfillment.ts'
import { acceptOrder } from '../../db/order-acceptance.ts'
import { readEnv, toConfig } from '../../config.ts'
import { openDatabase } from '../../db/client.ts'
import { newId } from '../../new-id.ts'
import { readProcessorTime } from '../../bench/processes.ts'
import { billDay } from '../billing.ts'
import { importCodes, makeAccount, makeCustomer, makeProduct } from '../factories.ts'
import { orderRequest } from '../order-request.ts'

/**
 * Closes so many purchase orders one after another, with all their documents, and prints what they cost:
 * processor time of this process and of its one connection, and the most memory that was in use after a
 * close. `node --expose-gc test/costs/close-many.ts COUNT` with DATABASE_URL.
 */

const ORDERS = 2
const LINES = 5
const WARM_UP = 6 // the first closes compile what the others use

const count = Number(process.argv[2])
const config = toConfig(readEnv(process.env))
const database = openDatabase({
  url: config.database.url,
  poolSizeMax: 1,
  applicationName: 'close-many',
  onError: (error) => {
    throw error
  },
})
const { accountId, mode, organizationId, key } = await makeAccount(database)
const account = { accountId, mode, organizationId, key }
const total = count + WARM_UP
const skus: string[] = []
for (let line = 0; line < LINES; line++) {
  const product = await makeProduct(database, accountId, { priceMinor: BigInt(1_000 + line) })
  await importCodes(database, config.keys, account, { productId: product.id }, total * ORDERS)
  skus.push(product.sku)
}
const days: string[] = []
for (let day = 0; day < total; day++) days.push(await openDay())

for (const id of days.slice(0, WARM_UP)) await billDay({ database, config }, accountId, id)
const { rows } = await database.pool.query<{ pid: number }>('select pg_backend_pid() as pid')
const backend = rows[0]?.pid ?? 0
let peakBytes = 0
const clock = readProcessorTime({ postgres: () => [backend] })
const began = process.cpuUsage()
let collecting = 0
for (const id of days.slice(WARM_UP)) {
  await billDay({ database, config }, accountId, id)
  const before = process.cpuUsage()
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  peakBytes = Math.max(peakBytes, heapUsed + arrayBuffers)
  const { user, system } = process.cpuUsage(before)
  collecting += user + system
}
const own = process.cpuUsage(began)
process.stdout.write(
  `${JSON.stringify({
    closes: count,
    nodeMicros: own.user + own.system - collecting,
    postgresMicros: clock.since()['postgres'] ?? 0,
    peakBytes,
  })}\n`,
)
await database.close()

async function openDay(): Promise<string> {
  const customerId = await makeCustomer(database, accountId)
  let purchaseOrderId = ''
  for (let order = 0; order < ORDERS; order++) {
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
  return purchaseOrderId
}
