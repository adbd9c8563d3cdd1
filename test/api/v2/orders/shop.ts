import { readEnv, toConfig, type Config } from '../../../../config.ts'
import { openDatabase, type Database } from '../../../../db/client.ts'
import { fulfillTransaction } from '../../../../db/fulfillment.ts'
import { createLog } from '../../../../log.ts'
import { startApi } from '../../../../server.ts'
import { importCodes, makeAccount, makeCustomer, makeProduct } from '../../../factories.ts'
import type { TestAccount } from '../../../factories.ts'
import { createTestDatabase } from '../../../stack.ts'
import { createClient, type TestClient } from '../../client.ts'

/** The API on a socket and a database of its own, with a shop to order in; without Temporal. */
export type Shop = {
  database: Database
  config: Config
  url: string
  account: TestAccount
  customerId: string
  /** A digital product at 49.99 USD without codes. */
  product: { id: string; sku: string }
  /** With a key that may do everything. */
  client: TestClient
  clientOf(key: string | null): TestClient
  /** Codes in the product's own pool; answers their texts. */
  stock(codes: number): Promise<string[]>
  /** What the first step of the order's workflow does. */
  fulfill(transactionId: string): Promise<void>
  stop(): Promise<void>
}

/** Give every file a name of its own; `stop()` in `afterAll`. */
export async function openShop(name: string, env: Record<string, string> = {}): Promise<Shop> {
  const testDatabase = await createTestDatabase(name)
  const config = toConfig(
    readEnv({ DATABASE_URL: testDatabase.url, API_PORT: '0', LOG_LEVEL: 'silent', ...env }),
  )
  const database = openDatabase({
    url: config.database.url,
    poolSizeMax: 8,
    applicationName: `test-${name}`,
    onError: () => undefined,
  })
  const api = await startApi(config, createLog(`test-${name}`, config.log.level))
  const url = `http://127.0.0.1:${api.port}`
  const account = await makeAccount(database)
  const product = await makeProduct(database, account.accountId)
  return {
    database,
    config,
    url,
    account,
    product,
    customerId: await makeCustomer(database, account.accountId),
    client: createClient(url, account.key),
    clientOf: (key) => createClient(url, key),
    stock: (codes) => importCodes(database, config.keys, account, { productId: product.id }, codes),
    async fulfill(transactionId) {
      const { accountId } = account
      await fulfillTransaction(database.pool, { accountId, transactionId })
    },
    async stop() {
      await api.close()
      await database.close()
      await testDatabase.drop()
    },
  }
}

export type Amounts = { price: number; price_minor: number; total: number; total_minor: number }
/** What tests read of an order in either view. */
export type OrderBody = {
  object: string
  id: string
  transaction_id?: string
  order_id?: string
  status: string
  customer_id: string
  requested: number
  delivered: number
  remaining: number
  failed: number
  cancelled: number
  final: boolean
  total: number
  total_minor: number
  items: (Amounts & { quantity: number; sku: string })[]
  purchase_order: { id: string; number: string; business_date: string; sequence: number }
  created_at: string
  links: Record<string, string>
}

export type ErrorBody = {
  error: {
    code: string
    reason: string
    message: string
    hint: string
    details: { field: string; message: string }[]
  }
}

/** How many rows there are of everything that an order writes. */
export async function countWritten(database: Database): Promise<Record<string, number>> {
  const { rows } = await database.pool.query<Record<string, number>>(`
    select (select count(*)::int from transactions) as transactions,
      (select count(*)::int from lines) as lines, (select count(*)::int from units) as units,
      (select count(*)::int from purchase_orders) as purchase_orders,
      (select count(*)::int from events) as events, (select count(*)::int from outbox) as outbox,
      (select count(*)::int from idempotency_keys) as idempotency_keys,
      (select coalesce(sum(held_minor), 0)::int from customer_balances) as held`)
  return rows[0] ?? {}
}
