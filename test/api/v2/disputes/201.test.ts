import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../../serve.ts'
import { openDisputeShop, PAPER, type Dispute } from './shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('disputes_201')
})
afterAll(() => api.stop())

test('evidence by texts and files, and from the order what is left out', async () => {
  const { client, path, customerId, product } = await openDisputeShop(api)
  const { status, body } = await client.post<Dispute>(`${path}/respond`, {
    evidence: { communication_logs: 'They wrote that it works.' },
    from_order: true,
    files: [PAPER],
  })
  expect(status).toBe(201)
  expect(body).toMatchObject({
    status: 'needs_response',
    response: { kind: 'evidence', status: 'pending', last_error: null },
    files: [{ kind: 'shipping_proof', name: 'delivery.png', size_bytes: 15 }],
    evidence: { communication_logs: 'They wrote that it works.' },
  })
  expect(body.evidence.transaction_details).toContain(customerId)
  expect(body.evidence.transaction_details).toContain(product.sku)
  expect(body.evidence.shipping_proof).toContain(`delivered 2 × ${product.sku}`)
  expect(body.evidence.shipping_proof).toContain('2 codes fetched by')
})

test('the same key answers once', async () => {
  const { client, path, account } = await openDisputeShop(api)
  const once = { headers: { 'Idempotency-Key': 'give up' } }
  const answers = await Promise.all(
    [1, 2, 3].map(() => client.post<Dispute>(`${path}/accept`, undefined, once)),
  )
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201])
  expect(answers[0]?.body.response).toMatchObject({ kind: 'accepted', status: 'pending' })
  const operations = await api.database.db
    .selectFrom('payment_operations')
    .select('kind')
    .where('account_id', '=', account.accountId)
    .execute()
  expect(operations).toEqual([{ kind: 'accept' }])
})
