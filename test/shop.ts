import { randomUUID } from 'node:crypto'
import { inTransaction } from '../db/client.ts'
import { insertSupplierSkus } from '../db/supplier-skus.ts'
import { insertSupplier } from '../db/suppliers.ts'
import { newId } from '../new-id.ts'
import { createClient, type TestClient } from './api/client.ts'
import {
  importCodes,
  makeAccount,
  makeCustomer,
  makeProduct,
  type TestAccount,
} from './factories.ts'
import { eventually, type Stack } from './harness.ts'

/** A test account with a reseller, a product with codes in the pool, and the sandbox supplier. */
export type OpenShop = {
  account: TestAccount
  customerId: string
  client: TestClient
  /** Sells from the own pool only. */
  pooled: { id: string; sku: string }
  /** The plain texts of its codes. */
  codes: string[]
  /** Sells what the sandbox supplier sells under one of its magic SKUs. */
  supplied(magicSku: string): Promise<{ id: string; sku: string }>
  order(items: { sku: string; quantity: number }[], key?: string): Promise<string>
  /** Moves the test clock and waits until everything that it released is done. */
  advance(by: string): Promise<void>
}

/** What `ask` is answered once a busy machine no longer refuses it: a 503 has changed nothing. */
export function untilServed<T extends { status: number }>(ask: () => Promise<T>): Promise<T> {
  return eventually(ask, ({ status }) => status !== 503)
}

/** Opens a shop of its own in a running stack: another account, so nothing is shared. */
export async function openShop(
  stack: Stack,
  options: { codes?: number; timeZone?: string; cutOff?: string } = {},
): Promise<OpenShop> {
  const { database } = stack
  const account = await makeAccount(database)
  const { accountId } = account
  const customerId = await makeCustomer(database, accountId, {
    company: 'Reseller Ltd',
    ...(options.timeZone === undefined ? {} : { timeZone: options.timeZone }),
    ...(options.cutOff === undefined ? {} : { cutOff: options.cutOff }),
  })
  const pooled = await makeProduct(database, accountId, { priceMinor: 1000n })
  const codes = await importCodes(
    database,
    stack.config.keys,
    account,
    { productId: pooled.id },
    options.codes ?? 10,
  )
  const supplierId = newId('supplier')
  await inTransaction(database.db, (tx) =>
    insertSupplier(tx, { id: supplierId, accountId, name: 'sandbox', adapter: 'sandbox' }),
  )
  const client = createClient(stack.apiUrl, account.key)
  return {
    account,
    customerId,
    client,
    pooled,
    codes,
    async supplied(magicSku) {
      const product = await makeProduct(database, accountId, { priceMinor: 2500n })
      await inTransaction(database.db, (tx) =>
        insertSupplierSkus(tx, { accountId, supplierId }, [
          {
            productId: product.id,
            variantId: '',
            supplierSku: magicSku,
            costMinor: 2000n,
            currency: 'USD',
          },
        ]),
      )
      return product
    },
    async order(items, key = randomUUID()) {
      const answer = await untilServed(() =>
        client.post<{ id: string }>(
          '/v2/transactions',
          { customer_id: customerId, items },
          { headers: { 'Idempotency-Key': key } },
        ),
      )
      if (answer.status !== 201) throw new Error(`order: ${answer.status} ${answer.bytes}`)
      return answer.body.id
    },
    async advance(by) {
      const answer = await untilServed(() => client.post('/v2/test_clock', { advance: by }))
      if (answer.status !== 201) throw new Error(`test clock: ${answer.status} ${answer.bytes}`)
      await eventually(
        async () => (await client.get<{ status: string }>('/v2/test_clock')).body,
        (clock) => clock.status === 'ready',
        60_000,
      )
    },
  }
}
