import { createHash, randomUUID } from 'node:crypto'
import { inTransaction } from '../../../db/client.ts'
import { acceptOrder, type AcceptedOrder, type OrderRequest } from '../../../db/order-acceptance.ts'
import { insertSupplierSkus } from '../../../db/supplier-skus.ts'
import { insertSupplier } from '../../../db/suppliers.ts'
import { newId } from '../../../new-id.ts'
import { importCodes, makeAccount, makeCustomer, makeProduct } from '../../factories.ts'
import { eventually } from '../../harness.ts'
import { orderRequest } from '../../order-request.ts'
import { openHistory, type HistoryClient } from '../history.ts'
import { fieldsOf, textOf } from '../json.ts'
import type { World } from '../world.ts'

const CLOCK_MS_MAX = 480_000 // a thousand deadlines are a thousand stops, on a busy machine

/** A small merchant for one scenario, told through the API or straight through the database. */
export type Shop = {
  accountId: string
  customerId: string
  apiKey: string
  client: HistoryClient
  /** Sells from the own pool only. */
  sku: string
  order(quantity: number, key?: string): Promise<string>
  /** Straight to `accept_orders`, past the queues of the API: as many API processes at once would. */
  accept(quantity: number, key?: string | null): Promise<AcceptedOrder>
  /** Moves the test clock and waits until all that it released is done. */
  advance(seconds: number): Promise<void>
}

/** Opens a shop of an account of its own; `supplierSku` makes the sandbox supplier sell its product. */
export async function openShop(
  world: Pick<World, 'database' | 'keys' | 'apiUrl'>,
  options: { codes?: number; supplierSku?: string } = {},
): Promise<Shop> {
  const { database, keys } = world
  const account = await makeAccount(database)
  const { accountId } = account
  const customerId = await makeCustomer(database, accountId)
  const product = await makeProduct(database, accountId, { priceMinor: 1000n })
  await importCodes(database, keys, account, { productId: product.id }, options.codes ?? 0)
  const { supplierSku } = options
  if (supplierSku !== undefined) {
    const supplierId = newId('supplier')
    const sold = { productId: product.id, variantId: '', supplierSku, costMinor: 800n }
    await inTransaction(database.db, async (tx) => {
      await insertSupplier(tx, { id: supplierId, accountId, name: 'sandbox', adapter: 'sandbox' })
      await insertSupplierSkus(tx, { accountId, supplierId }, [{ ...sold, currency: 'USD' }])
    })
  }
  const client = openHistory(world.apiUrl, account.key)
  const bodyOf = (quantity: number) => ({
    customer_id: customerId,
    items: [{ sku: product.sku, quantity }],
  })
  return {
    accountId,
    customerId,
    apiKey: account.key,
    client,
    sku: product.sku,
    async order(quantity, key = randomUUID()) {
      const tried = await client.insist({
        name: `order ${key}`,
        method: 'POST',
        path: '/v2/transactions',
        key,
        body: bodyOf(quantity),
      })
      return textOf(fieldsOf(tried.body), 'id')
    },
    accept: (quantity, key = null) =>
      acceptOrder(database.pool, requestOf(accountId, customerId, product.sku, quantity, key)),
    async advance(seconds) {
      await client.insist({
        name: `advance by ${seconds} s`,
        method: 'POST',
        path: '/v2/test_clock',
        key: randomUUID(),
        body: { advance: `PT${seconds}S` },
      })
      await eventually(
        () => client.insist({ name: 'read the clock', path: '/v2/test_clock' }),
        (clock) => fieldsOf(clock.body)['status'] === 'ready',
        CLOCK_MS_MAX,
      )
    },
  }
}

function requestOf(
  accountId: string,
  customerId: string,
  sku: string,
  quantity: number,
  key: string | null,
): OrderRequest {
  return orderRequest({
    account_id: accountId,
    customer_id: customerId,
    transaction_id: newId('transaction'),
    idempotency_key: key,
    content_hash: createHash('sha256').update(`${sku} ${quantity}`).digest('hex'),
    items: [{ product_id: null, sku, variant_id: null, quantity, price: null }],
  })
}
