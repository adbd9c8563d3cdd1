import { randomUUID } from 'node:crypto'
import { inTransaction } from '../../db/client.ts'
import { insertSupplierSkus } from '../../db/supplier-skus.ts'
import { insertSupplier } from '../../db/suppliers.ts'
import { newId } from '../../new-id.ts'
import { isReceivedRequest, type ReceivedRequest } from '../../sandbox/receiver-log.ts'
import { importCodes, makeAccount, makeCustomer, makeProduct } from '../factories.ts'
import type { Cluster } from './cluster.ts'
import { openHistory, type HistoryClient } from './history.ts'

/** Where a story is told: the cluster's database, API, receiver and keys. */
export type Stage = Pick<
  Cluster,
  'database' | 'keys' | 'apiUrl' | 'receiverUrl' | 'receiverControlUrl'
>

/** A merchant of one story, and what the client of the story saw. */
export type Told = {
  accountId: string
  apiKey: string
  /** Of another account: everything above must be nothing to it. */
  strangerKey: string
  customerId: string
  client: HistoryClient
  webhookSecret: string
  /** Plain texts that must never be seen outside of an answer with codes. */
  secrets: string[]
  webhookPath: string
  orders: { name: string; id: string; body: unknown; key: string }[]
  /** What was paid by card and given back, as far as the client was told. */
  payments: { id: string; capturedMinor: number; refundedMinor: number }[]
}

export type Merchant = Omit<Told, 'orders' | 'payments'> & {
  pooledSku: string
  partialSku: string
}

/**
 * Makes a merchant around the proxies, before any fault: an account with a customer, a product with
 * four codes in the pool, one that the sandbox supplier sells in two parts, and a stranger.
 */
export async function makeMerchant(stage: Stage): Promise<Merchant> {
  const { database, keys } = stage
  const account = await makeAccount(database)
  const stranger = await makeAccount(database)
  const { accountId } = account
  const customerId = await makeCustomer(database, accountId)
  const pooled = await makeProduct(database, accountId, { priceMinor: 1000n })
  const partial = await makeProduct(database, accountId, { priceMinor: 2500n })
  const codes = await importCodes(database, keys, account, { productId: pooled.id }, 4)
  const supplierId = newId('supplier')
  await inTransaction(database.db, async (tx) => {
    await insertSupplier(tx, { id: supplierId, accountId, name: 'sandbox', adapter: 'sandbox' })
    await insertSupplierSkus(tx, { accountId, supplierId }, [
      {
        productId: partial.id,
        variantId: '',
        supplierSku: 'TEST-PARTIAL',
        costMinor: 2000n,
        currency: 'USD',
      },
    ])
  })
  const webhookSecret = `secret-${randomUUID()}`
  const webhookPath = `/${accountId}`
  await putScript(stage, webhookPath, [{ status: 500 }, { status: 200 }])
  return {
    accountId,
    apiKey: account.key,
    strangerKey: stranger.key,
    customerId,
    client: openHistory(stage.apiUrl, account.key),
    secrets: [...codes, webhookSecret, account.key],
    webhookSecret,
    webhookPath,
    pooledSku: pooled.sku,
    partialSku: partial.sku,
  }
}

/** Tells the receiver how to answer the requests to a path. */
export async function putScript(
  stage: Pick<Stage, 'receiverControlUrl'>,
  path: string,
  answers: object[],
): Promise<void> {
  const answer = await fetch(`${stage.receiverControlUrl}/scripts?path=${path}`, {
    method: 'PUT',
    body: JSON.stringify({ answers }),
  })
  if (!answer.ok) throw new Error(`the receiver took no script: ${answer.status}`)
}

/** What arrived at a path of the receiver, in order. */
export async function readRequests(
  stage: Pick<Stage, 'receiverControlUrl'>,
  path: string,
): Promise<ReceivedRequest[]> {
  const answer = await fetch(`${stage.receiverControlUrl}/requests?path=${path}`)
  const received: unknown = await answer.json()
  if (!Array.isArray(received) || !received.every(isReceivedRequest)) {
    throw new TypeError('the receiver answered no list of requests')
  }
  return received
}
