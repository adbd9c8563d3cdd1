import { randomUUID } from 'node:crypto'
import type { Database } from '../db/client.ts'
import type { Config } from '../config.ts'
import { importCodes, makeAccount, makeCustomer, makeKey, makeProduct } from '../test/factories.ts'

/** What every figure orders: three products, five codes, from one of many customers. */
export type BenchShop = {
  accountId: string
  key: string
  /** The body of the n-th order: three lines, five units. Customers take turns. */
  orderBody(n: number): string
  /** Puts codes for so many more orders into the pool. */
  stock(orders: number): Promise<void>
}

const CUSTOMERS = 256 // more than the connections, so that no order waits for its customer's lock
const NO_LIMIT = 1_000_000 // requests per second: the limiter runs and refuses nothing
const QUANTITIES = [2, 2, 1] as const

/** A test account with a key that is not limited. */
export async function openBenchShop(database: Database, config: Config): Promise<BenchShop> {
  const account = await makeAccount(database)
  const { accountId } = account
  const key = await makeKey(database, account, { requestsPerSecond: NO_LIMIT })
  const customers: string[] = []
  for (let n = 0; n < CUSTOMERS; n++) customers.push(await makeCustomer(database, accountId))
  const products: { id: string; sku: string; quantity: number }[] = []
  for (const quantity of QUANTITIES) {
    products.push({ ...(await makeProduct(database, accountId)), quantity })
  }
  return {
    accountId,
    key,
    orderBody: (n) =>
      JSON.stringify({
        customer_id: customers[n % customers.length],
        items: products.map(({ id, quantity }) => ({ product_id: id, quantity })),
        client_reference: randomUUID(),
      }),
    async stock(orders) {
      for (const { id, quantity } of products) {
        await importCodes(database, config.keys, account, { productId: id }, orders * quantity)
      }
    },
  }
}
