import { fulfillTransaction } from '../../../../db/fulfillment.ts'
import { importCodes, makeAccount, makeCustomer, makeProduct } from '../../../factories.ts'
import type { ServedApi } from '../../serve.ts'

export type Claim = { id: string; status: string; unit_id: string; transaction_id: string }

/** An account with an order of two codes that are there, and one that waits for its own. */
export async function openClaimShop(api: ServedApi) {
  const account = await makeAccount(api.database)
  const client = api.client(account.key)
  const customerId = await makeCustomer(api.database, account.accountId)
  const product = await makeProduct(api.database, account.accountId)
  await importCodes(api.database, api.config.keys, account, { productId: product.id }, 2)
  const { body } = await client.post<{ id: string }>('/v2/transactions', {
    customer_id: customerId,
    items: [{ product_id: product.id, quantity: 3 }],
  })
  const transactionId = body.id
  await fulfillTransaction(api.database.pool, { accountId: account.accountId, transactionId })
  const codes = await client.get<{ codes: { unit_id: string; state: string }[] }>(
    `/v2/transactions/${transactionId}/codes`,
  )
  const pathOf = (state: string, nth = 0) => {
    const unit = codes.body.codes.filter((one) => one.state === state)[nth]
    return `/v2/transactions/${transactionId}/units/${unit?.unit_id}/claim`
  }
  return { account, client, customerId, transactionId, pathOf }
}
