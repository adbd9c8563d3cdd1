import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import type { SentTest, Webhook } from './objects.ts'

let api: ServedApi
let client: TestClient
beforeAll(async () => {
  api = await serveApi('webhooks_409')
  client = api.client((await makeAccount(api.database)).key)
})
afterAll(() => api.stop())

const create = async () => {
  const { body } = await client.post<Webhook>('/v2/webhooks', {
    url: 'https://a.example/h',
    events: ['*'],
  })
  return `/v2/webhooks/${body.id}`
}

test('a webhook that is switched off sends nothing by hand either', async () => {
  const path = await create()
  const { body: sent } = await client.post<SentTest>(`${path}/test`)
  await client.patch(path, { active: false })
  const since = new Date(Date.now() - 60_000).toISOString()
  const answers = [
    await client.post<SentTest>(`${path}/test`),
    await client.post(`${path}/deliveries/${sent.delivery_id}/resend`),
    await client.post(`${path}/recover`, { since }),
    await client.post(`${path}/replay_missing`, { since }),
  ]
  for (const answer of answers) {
    expect(answer).toMatchObject({ status: 409, body: { error: { reason: 'webhook_inactive' } } })
  }
})

test('an edit of an older version', async () => {
  const path = await create()
  await client.patch(path, { description: 'one' })
  expect(await client.patch(path, { description: 'two', version: 1 })).toMatchObject({
    status: 409,
    body: { error: { reason: 'version_mismatch' } },
  })
  const stale = await client.patch(
    path,
    { description: 'two' },
    { headers: { 'If-Match': '"1-x"' } },
  )
  expect(stale.status).toBe(412)
  expect((await client.get(path)).body).toMatchObject({ description: 'one', version: 2 })
})
