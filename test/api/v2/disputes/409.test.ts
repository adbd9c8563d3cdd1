import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../../serve.ts'
import { openDisputeShop } from './shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('disputes_409')
})
afterAll(() => api.stop())

const refusal = { status: 409, body: { error: { reason: 'dispute_state' } } }
const body = { evidence: { transaction_details: 'It was them.' } }

test('a second answer: one of three at once wins', async () => {
  const { client, path } = await openDisputeShop(api)
  const answers = await Promise.all([
    client.post(`${path}/accept`),
    client.post(`${path}/respond`, body),
    client.post(`${path}/accept`),
  ])
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(2)
})

test('an answer after the deadline, and to what is decided', async () => {
  const { client, path, disputeId } = await openDisputeShop(api)
  const set = (change: string) =>
    api.database.pool.query(`update disputes set ${change} where id = $1`, [disputeId])
  await set("evidence_due_at = business_now(account_id) - interval '1 second'")
  expect(await client.post(`${path}/respond`, body)).toMatchObject(refusal)
  await set("evidence_due_at = business_now(account_id) + interval '1 day', state = 'won'")
  expect(await client.post(`${path}/accept`)).toMatchObject(refusal)
})

test('a refund of a payment that is disputed', async () => {
  const { client, paymentId } = await openDisputeShop(api)
  const answer = await client.post(`/v2/payments/${paymentId}/refund`, { amount: 1 })
  expect(answer).toMatchObject({ status: 409, body: { error: { reason: 'payment_disputed' } } })
})
