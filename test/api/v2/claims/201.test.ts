import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../../serve.ts'
import { openClaimShop, type Claim } from './shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('claims_201')
})
afterAll(() => api.stop())

test('a claim is durable with the command that resolves it, also under the order, and once per key', async () => {
  const { client, transactionId, pathOf } = await openClaimShop(api)
  const once = { headers: { 'Idempotency-Key': 'claim' } }
  const first = await client.post<Claim>(pathOf('available'), { reason: 'used' }, once)
  expect(first).toMatchObject({
    status: 201,
    body: {
      object: 'claim',
      transaction_id: transactionId,
      order_id: transactionId.replace('txn_', 'ord_'),
      reason: 'used',
      status: 'open',
      replacement_unit_id: null,
      ended_at: null,
    },
  })
  expect(first.headers.get('location')).toBe(`/v2/claims/${first.body.id}`)
  const again = await client.post<Claim>(pathOf('available'), { reason: 'used' }, once)
  expect(again.body).toEqual(first.body)
  const path = pathOf('available', 1).replace('transactions/txn_', 'orders/ord_')
  const second = await client.post<Claim>(path, { reason: 'used too' })
  expect(second.status).toBe(201)
  const started = await api.database.db
    .selectFrom('outbox')
    .select('subject')
    .where('workflow', '=', 'resolveClaim')
    .execute()
  expect(started.map(({ subject }) => subject)).toMatchObject([
    { claim_id: first.body.id },
    { claim_id: second.body.id },
  ])
})
