import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeCustomer, makeKey } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import type { Listed, SentTest, Webhook } from './objects.ts'

let api: ServedApi
let mine: TestClient
let others: TestClient
let id: string
let deliveryId: string
beforeAll(async () => {
  api = await serveApi('webhooks_404')
  mine = api.client((await makeAccount(api.database)).key)
  others = api.client((await makeAccount(api.database)).key)
  const { body } = await mine.post<Webhook>('/v2/webhooks', {
    url: 'https://a.example/h',
    events: ['*'],
  })
  id = body.id
  deliveryId = (await mine.post<SentTest>(`/v2/webhooks/${id}/test`)).body.delivery_id
})
afterAll(() => api.stop())

const calls: [string, string, object?][] = [
  ['GET', ''],
  ['PUT', '', { description: 'x' }],
  ['PATCH', '', { description: 'x' }],
  ['DELETE', ''],
  ['POST', '/rotate_secret', {}],
  ['POST', '/test'],
  ['GET', '/deliveries'],
  ['GET', '/deliveries/{delivery}'],
  ['POST', '/deliveries/{delivery}/resend'],
  ['POST', '/recover', { since: '2026-01-01T00:00:00Z' }],
  ['POST', '/replay_missing', { since: '2026-01-01T00:00:00Z' }],
]

test.each(calls)("%s %s of somebody else's webhook", async (method, rest, body) => {
  const path = `/v2/webhooks/${id}${rest.replace('{delivery}', deliveryId)}`
  const options = body === undefined ? {} : { body }
  expect((await others.request(method, path, options)).status).toBe(404)
  // It is all still there.
  expect((await mine.get(`/v2/webhooks/${id}`)).body).toMatchObject({ version: 1, description: '' })
  expect((await mine.get<Listed>(`/v2/webhooks/${id}/deliveries`)).body.data).toHaveLength(1)
})

test.each(calls)('%s %s of a webhook that never was', async (method, rest, body) => {
  for (const unknown of ['whk_00000000000000000000000000', 'whk_1', 'prod_1', '%F0%9F%A6%8A']) {
    const path = `/v2/webhooks/${unknown}${rest.replace('{delivery}', deliveryId)}`
    const options = body === undefined ? {} : { body }
    expect((await mine.request(method, path, options)).status).toBe(404)
  }
})

test('a deleted webhook is gone for everything but another DELETE', async () => {
  const { body } = await mine.post<Webhook>('/v2/webhooks', {
    url: 'https://a.example/h',
    events: ['*'],
  })
  const path = `/v2/webhooks/${body.id}`
  expect((await mine.delete(path)).status).toBe(204)
  expect((await mine.delete(path)).status).toBe(204)
  for (const [method, rest, sent] of calls.filter(([each]) => each !== 'DELETE')) {
    const options = sent === undefined ? {} : { body: sent }
    const full = `${path}${rest.replace('{delivery}', deliveryId)}`
    expect((await mine.request(method, full, options)).status).toBe(404)
  }
})

test("another webhook's delivery", async () => {
  const { body } = await mine.post<Webhook>('/v2/webhooks', {
    url: 'https://a.example/h',
    events: ['*'],
  })
  const path = `/v2/webhooks/${body.id}/deliveries/${deliveryId}`
  expect((await mine.get(path)).status).toBe(404)
  expect((await mine.post(`${path}/resend`)).status).toBe(404)
})

test('a key that is bound to a customer has no webhooks', async () => {
  const account = await makeAccount(api.database)
  const customerId = await makeCustomer(api.database, account.accountId)
  const bound = api.client(await makeKey(api.database, account, { customerId }))
  expect((await bound.get<Listed>('/v2/webhooks')).status).toBe(403)
  expect(
    (await bound.post<Webhook>('/v2/webhooks', { url: 'https://a.example/h', events: ['*'] }))
      .status,
  ).toBe(403)
})
