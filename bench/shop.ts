import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import type { Database } from '../db/client.ts'
import type { Config } from '../config.ts'
import { transactionIdOf } from '../domain/id.ts'
import {
  importCodes,
  makeAccount,
  makeCustomer,
  makeKey,
  makeProduct,
  type TestAccount,
} from '../test/factories.ts'
import type { Target } from './load.ts'

/** What every figure orders: three products, five codes, from one of many customers. */
export type BenchShop = {
  accountId: string
  key: string
  /**
   * The body of the n-th order: three lines, five units. Customers take turns, all of them or the
   * first `customers`: each one's first order of the day opens a purchase order and its workflow.
   */
  orderBody(n: number, customers?: number): string
  /** Orders at an API, each under a key of its own. */
  ordering(url: string): Target
  /** Puts codes for so many more orders into the pool. */
  stock(orders: number): Promise<void>
}

/** The rows of a shop; with them it can be opened again in a copy of its database. */
export type ShopRows = {
  account: TestAccount
  customers: string[]
  products: { id: string; sku: string; quantity: number }[]
}

const CUSTOMERS = 256 // more than the connections, so that no order waits for its customer's lock
const NO_LIMIT = 1_000_000 // requests per second: the limiter runs and refuses nothing
const QUANTITIES = [2, 2, 1] as const

/** A test account with a key that is not limited. */
export async function makeShopRows(database: Database): Promise<ShopRows> {
  const made = await makeAccount(database)
  const { accountId } = made
  const key = await makeKey(database, made, { requestsPerSecond: NO_LIMIT })
  const customers: string[] = []
  for (let n = 0; n < CUSTOMERS; n++) customers.push(await makeCustomer(database, accountId))
  const products: ShopRows['products'] = []
  for (const quantity of QUANTITIES) {
    products.push({ ...(await makeProduct(database, accountId)), quantity })
  }
  return { account: { ...made, key }, customers, products }
}

export function openBenchShop(
  database: Database,
  config: Config,
  { account, customers, products }: ShopRows,
): BenchShop {
  const orderBody = (n: number, count = customers.length): string =>
    JSON.stringify({
      customer_id: customers[n % count],
      items: products.map(({ id, quantity }) => ({ product_id: id, quantity })),
      client_reference: randomUUID(),
    })
  return {
    accountId: account.accountId,
    key: account.key,
    orderBody,
    ordering: (url) => ({
      url,
      status: 201,
      next: (n) => ({
        method: 'POST',
        path: '/v2/orders',
        headers: {
          authorization: `Bearer ${account.key}`,
          'content-type': 'application/json',
          'idempotency-key': randomUUID(),
        },
        body: orderBody(n),
      }),
    }),
    async stock(orders) {
      for (const { id, quantity } of products) {
        await importCodes(database, config.keys, account, { productId: id }, orders * quantity)
      }
    },
  }
}

const ordered = z.object({ id: z.string(), purchase_order: z.object({ id: z.string() }) })

/** Places one order, again and again while the service is busy. Throws unless it is accepted. */
export async function order(
  apiUrl: string,
  key: string,
  body: string,
): Promise<{ orderId: string; transactionId: string; purchaseOrderId: string }> {
  const answer = await fetchPatiently(`${apiUrl}/v2/orders`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'idempotency-key': randomUUID(),
    },
    body,
  })
  if (answer.status !== 201) throw new Error(`order: ${answer.status} ${await answer.text()}`)
  const { id, purchase_order: purchaseOrder } = ordered.parse(await answer.json())
  return { orderId: id, transactionId: transactionIdOf(id), purchaseOrderId: purchaseOrder.id }
}

const TRIES_MAX = 10

/**
 * What a good client does with 503: it waits as long as it was told and asks again. For what a figure
 * prepares; what it measures is never asked for twice.
 */
export async function fetchPatiently(url: string, request: RequestInit): Promise<Response> {
  for (let tries = 1; ; tries++) {
    const answer = await fetch(url, request)
    if (answer.status !== 503 || tries === TRIES_MAX) return answer
    await answer.arrayBuffer()
    await delay(1_000 * Number(answer.headers.get('retry-after') ?? 1))
  }
}
