import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../../serve.ts'
import { disputePayment, openDisputeShop, type Dispute } from './shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('disputes_200')
})
afterAll(() => api.stop())

type List = { data: Dispute[] }

test('a dispute, and the list by status and by payment', async () => {
  const shop = await openDisputeShop(api)
  const other = await disputePayment(api, shop)
  const { client } = shop
  const one = await client.get<Dispute>(shop.path)
  expect(one).toMatchObject({
    status: 200,
    body: {
      object: 'dispute',
      id: shop.disputeId,
      payment_id: shop.paymentId.replace('pi_', 'pay_'),
      order_id: shop.order.id.replace('txn_', 'ord_'),
      status: 'needs_response',
      amount: 5_000,
      evidence: { transaction_details: null },
      response: null,
    },
  })
  const ids = async (query: string) => {
    const { body } = await client.get<List>(`/v2/payments/disputes${query}`)
    return body.data.map(({ id }) => id)
  }
  expect(await ids('')).toEqual([other.disputeId, shop.disputeId])
  expect(await ids('?status=won')).toEqual([])
  expect(await ids('?status=needs_response&limit=1')).toEqual([other.disputeId])
  const named = shop.paymentId.replace('pi_', 'pay_')
  expect(await ids(`?payment_id=${named}`)).toEqual([shop.disputeId])
})
