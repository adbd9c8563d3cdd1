import { afterAll, beforeAll, expect, test } from 'vitest'
import { serveApi, type ServedApi } from '../../serve.ts'
import { disputePayment, openDisputeShop, PAPER } from './shop.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('disputes_422')
})
afterAll(() => api.stop())

test('an answer that is none, and fields that cannot be', async () => {
  const shop = await openDisputeShop(api)
  const refused = async (body: unknown, field: string, path = shop.path) => {
    const answer = await shop.client.post(`${path}/respond`, body)
    expect(answer.status).toBe(422)
    expect(answer.body['error']?.['details']?.[0]?.['field']).toBe(field)
  }
  await refused({}, 'evidence')
  await refused({ evidence: {} }, 'evidence')
  await refused({ evidence: { invoice: 'x' } }, 'evidence.invoice')
  await refused({ evidence: { shipping_proof: 'x'.repeat(6_001) } }, 'evidence.shipping_proof')
  await refused({ files: [{ ...PAPER, content: 'no base64!' }] }, 'files.0.content')
  await refused({ files: [{ ...PAPER, content_type: 'text/html' }] }, 'files.0.content_type')
  await refused({ files: [PAPER, PAPER] }, 'files.1.kind')
  const half = Buffer.alloc(2_700_000, 'x').toString('base64')
  const two = ['shipping_proof', 'transaction_details'].map((kind) => ({
    ...PAPER,
    kind,
    content: half,
  }))
  await refused({ files: two }, 'files')
  await refused(
    { evidence: { transaction_details: 'Card 4111 1111 1111 1111' } },
    'evidence.transaction_details',
  )
  const lone = await disputePayment(api, shop)
  await refused({ from_order: true }, 'from_order', lone.path)
  const { body } = await shop.client.get<{ response: unknown }>(shop.path)
  expect(body.response).toBeNull()
})
