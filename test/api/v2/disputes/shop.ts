import { inTransaction } from '../../../../db/client.ts'
import { fulfillTransaction } from '../../../../db/fulfillment.ts'
import { listUnitsToPay, updateOrderDue } from '../../../../db/order-money.ts'
import type { renderDispute } from '../../../../wire/dispute.ts'
import {
  importCodes,
  makeAccount,
  makeCustomer,
  makeProduct,
  type TestAccount,
} from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import type { ServedApi } from '../../serve.ts'

export type Dispute = ReturnType<typeof renderDispute>

/** An account with a paid and delivered order whose payment is disputed; no worker is needed. */
export async function openDisputeShop(api: ServedApi) {
  const account = await makeAccount(api.database)
  const client = api.client(account.key)
  const customerId = await makeCustomer(api.database, account.accountId)
  const product = await makeProduct(api.database, account.accountId, { priceMinor: 2_500n })
  await importCodes(api.database, api.config.keys, account, { productId: product.id }, 2)
  const { body: order } = await client.post<{ id: string }>('/v2/transactions', {
    customer_id: customerId,
    items: [{ product_id: product.id, quantity: 2 }],
    payment_method: 'card',
  })
  const of = { accountId: account.accountId, transactionId: order.id }
  await inTransaction(api.database.db, async (tx) => {
    const units = await listUnitsToPay(tx, of)
    const untaxed = units.map(({ id, price_minor }) => ({ id, grossMinor: price_minor }))
    await updateOrderDue(tx, of, untaxed)
  })
  const shop = { account, client, customerId, order, product }
  const paymentId = await capturePayment(api, shop, { order_id: order.id })
  await fulfillTransaction(api.database.pool, of) // disputed money pays for nothing that is not delivered yet
  await client.get(`/v2/transactions/${order.id}/codes`)
  return { ...shop, ...(await openDispute(api, shop, paymentId)) }
}

type Payer = { account: TestAccount; client: TestClient }

/** A payment that was captured and is disputed, as its workflows leave it. */
export async function disputePayment(api: ServedApi, payer: Payer) {
  return openDispute(api, payer, await capturePayment(api, payer))
}

async function capturePayment(
  api: ServedApi,
  { client }: Payer,
  about: { order_id?: string } = {},
): Promise<string> {
  const body = { amount: 5_000, currency: 'usd', payment_method: 'card', ...about }
  const { id: paymentId } = (await client.post<{ id: string }>('/v2/payments/intents', body)).body
  await api.database.pool.query(
    `update payment_intents set state = 'succeeded', authorized_minor = 5000, captured_minor = 5000,
       provider_id = 'pi_at_' || id where id = $1`,
    [paymentId],
  )
  return paymentId
}

async function openDispute(api: ServedApi, { account }: Payer, paymentId: string) {
  const { pool } = api.database
  await pool.query('update payment_intents set disputed_minor = 5000 where id = $1', [paymentId])
  const { rows } = await pool.query<{ id: string }>('select tell_dispute($1, $2, $3, $4) as id', [
    account.accountId,
    paymentId,
    `dp_of_${paymentId}`,
    'test',
  ])
  const disputeId = rows[0]?.id ?? ''
  await pool.query(
    `update disputes set opened_at = business_now(account_id), reason = 'fraudulent',
       amount_minor = 5000, currency = 'USD', withdrawn_minor = 5000, fee_minor = 1500,
       evidence_due_at = business_now(account_id) + interval '9 days', refresh_wanted_at = null
     where id = $1`,
    [disputeId],
  )
  return { paymentId, disputeId, path: `/v2/payments/disputes/${disputeId}` }
}

export const PAPER = {
  kind: 'shipping_proof',
  name: 'delivery.png',
  content_type: 'image/png',
  content: Buffer.from('a small picture').toString('base64'),
}
