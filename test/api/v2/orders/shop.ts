import { fulfillTransaction } from '../../../../db/fulfillment.ts'
import type { Database } from '../../../../db/client.ts'
import { importCodes, makeAccount, makeCustomer, makeProduct } from '../../../factories.ts'
import type { TestAccount } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { eventually } from '../../../harness.ts'
import { serveApi, type ServedApi } from '../../serve.ts'

/** A served API with a shop to order in; without Temporal. */
export type Shop = ServedApi & {
  account: TestAccount
  customerId: string
  /** A digital product at 49.99 USD without codes. */
  product: { id: string; sku: string }
  /** With a key that may do everything. */
  owner: TestClient
  /** Codes in the product's own pool; answers their texts. */
  stock(codes: number): Promise<string[]>
  /** What the first step of the order's workflow does. */
  fulfill(transactionId: string, accountId?: string): Promise<void>
}

/** Give every file a name of its own; `stop()` in `afterAll`. */
export async function openShop(name: string, env: Record<string, string> = {}): Promise<Shop> {
  const api = await serveApi(name, env)
  const { database, config } = api
  const account = await makeAccount(database)
  const { accountId } = account
  const product = await makeProduct(database, accountId)
  return {
    ...api,
    account,
    product,
    customerId: await makeCustomer(database, accountId),
    owner: api.client(account.key),
    stock: (codes) => importCodes(database, config.keys, account, { productId: product.id }, codes),
    async fulfill(transactionId, owner = accountId) {
      await fulfillTransaction(database.pool, { accountId: owner, transactionId })
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

/** Waits until the API has begun a statement with such a text, from now on. */
export async function untilApiRuns(database: Database, text: string): Promise<void> {
  const clock = await database.pool.query<{ now: Date }>('select clock_timestamp() as now')
  const since = clock.rows[0]?.now
  await eventually(
    () =>
      database.pool.query(
        `select 1 from pg_stat_activity where datname = current_database()
           and application_name = 'bark-api' and query_start > $1 and strpos(query, $2) > 0`,
        [since, text],
      ),
    ({ rowCount }) => rowCount !== 0,
  )
}
