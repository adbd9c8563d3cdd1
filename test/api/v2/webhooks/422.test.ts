import { afterAll, beforeAll, expect, test } from 'vitest'
import { WEBHOOKS_PER_ACCOUNT_MAX } from '../../../../db/webhooks.ts'
import { makeAccount } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import type { Refusal, Rotated, Webhook } from './objects.ts'

let api: ServedApi
let client: TestClient
beforeAll(async () => {
  // As in production: nothing private is allowed.
  api = await serveApi('webhooks_422', { WEBHOOK_ALLOWED_PRIVATE_HOSTS: 'allowed.internal' })
  client = api.client((await makeAccount(api.database)).key)
})
afterAll(() => api.stop())

const plain = { url: 'https://your-domain.com/webhook', events: ['order.created'] }

test.each([
  ['an unknown type', { events: ['order.exploded'] }, 'events.0'],
  ['an unknown type among known ones', { events: ['order.created', 'order'] }, 'events.1'],
  ['a wildcard of an unknown noun', { events: ['invoice.*'] }, 'events.0'],
  ['no events', { events: [] }, 'events'],
  ['events that are no list', { events: 'order.created' }, 'events'],
  ['no url', { url: undefined }, 'url'],
  ['a short secret', { secret: 'x'.repeat(15) }, 'secret'],
  ['a long secret', { secret: 'x'.repeat(65) }, 'secret'],
  ['a secret with a line break', { secret: 'x'.repeat(20) + '\n' }, 'secret'],
  ['a field that nobody knows', { colour: 'red' }, 'colour'],
  ['a throttle of nothing', { throttle: { per_second: 0 } }, 'throttle.per_second'],
  ['too many at the same time', { throttle: { in_flight: 101 } }, 'throttle.in_flight'],
  ['an active that is a text', { active: 'yes' }, 'active'],
])('%s is refused naming the field', async (_, change, field) => {
  const { status, body } = await client.post<Refusal>('/v2/webhooks', { ...plain, ...change })
  expect(status).toBe(422)
  expect(body.error.reason).toBe('invalid_fields')
  expect(body.error.details.map((detail) => detail.field)).toContain(field)
})

test.each([
  'http://your-domain.com/webhook',
  'https://127.0.0.1/webhook',
  'https://2130706433/webhook',
  'https://[::ffff:10.0.0.1]/webhook',
  'https://169.254.169.254/latest/meta-data',
  'https://localhost/webhook',
  'https://your-domain.com:8080/webhook',
  'https://user:secret@your-domain.com/webhook',
  'not a url',
])('the URL %s is refused, at creation and at every change', async (url) => {
  const created = await client.post<Refusal>('/v2/webhooks', { ...plain, url })
  expect(created).toMatchObject({ status: 422, body: { error: { reason: 'webhook_url_refused' } } })
  expect(created.body.error.details).toMatchObject([{ field: 'url' }])
  const { body } = await client.post<Webhook>('/v2/webhooks', plain)
  const changed = await client.patch<Refusal>(`/v2/webhooks/${body.id}`, { url })
  expect(changed).toMatchObject({ status: 422, body: { error: { reason: 'webhook_url_refused' } } })
  await client.delete(`/v2/webhooks/${body.id}`)
})

test('a host of the allow-list may be private and plain http', async () => {
  const url = 'http://allowed.internal:9000/webhook'
  expect((await client.post<Webhook>('/v2/webhooks', { ...plain, url })).status).toBe(201)
})

test('the secret changes by rotation only', async () => {
  const { body } = await client.post<Webhook>('/v2/webhooks', plain)
  const answer = await client.patch<Refusal>(`/v2/webhooks/${body.id}`, {
    secret: 'x'.repeat(20),
  })
  expect(answer).toMatchObject({ status: 422, body: { error: { details: [{ field: 'secret' }] } } })
})

test.each([
  ['a negative overlap', { overlap_seconds: -1 }],
  ['an overlap of more than seven days', { overlap_seconds: 604_801 }],
  ['half a second', { overlap_seconds: 0.5 }],
  ['an unknown side', { sign_with: 'both' }],
])('a rotation with %s is refused', async (_, change) => {
  const { body } = await client.post<Webhook>('/v2/webhooks', plain)
  const path = `/v2/webhooks/${body.id}/rotate_secret`
  expect(await client.post<Refusal>(path, change)).toMatchObject({
    status: 422,
    body: { error: { details: [{ field: Object.keys(change)[0] }] } },
  })
})

test('a sixth live secret is refused and changes nothing', async () => {
  const { body } = await client.post<Webhook>('/v2/webhooks', plain)
  const path = `/v2/webhooks/${body.id}/rotate_secret`
  for (let count = 2; count <= 5; count++) {
    expect((await client.post<Rotated>(path, { overlap_seconds: 600 + count })).status).toBe(201)
  }
  const before = await secrets(body.id)
  expect(await client.post<Refusal>(path, {})).toMatchObject({
    status: 422,
    body: { error: { details: [{ field: 'overlap_seconds' }] } },
  })
  expect(await secrets(body.id)).toEqual(before)
  expect((await client.post<Rotated>(path, { overlap_seconds: 0 })).status).toBe(201)
})

test.each([
  ['more than thirty days ago', -31],
  ['to come', 1],
])('a recovery from an instant %s is refused', async (_, days) => {
  const { body } = await client.post<Webhook>('/v2/webhooks', plain)
  const since = new Date(Date.now() + days * 86_400_000).toISOString()
  for (const verb of ['recover', 'replay_missing']) {
    expect(await client.post<Refusal>(`/v2/webhooks/${body.id}/${verb}`, { since })).toMatchObject({
      status: 422,
      body: { error: { details: [{ field: 'since' }] } },
    })
  }
})

test('one webhook more than an account may have', async () => {
  const merchant = await makeAccount(api.database)
  await api.database.db
    .insertInto('webhooks')
    .values(
      Array.from({ length: WEBHOOKS_PER_ACCOUNT_MAX }, (_, index) => ({
        id: `whk_${merchant.accountId.slice(4, 28)}${index}`,
        account_id: merchant.accountId,
        url: plain.url,
        events: plain.events,
      })),
    )
    .execute()
  const mine = api.client(merchant.key)
  expect(await mine.post<Refusal>('/v2/webhooks', plain)).toMatchObject({
    status: 422,
    body: { error: { reason: 'invalid_fields' } },
  })
})

async function secrets(webhookId: string) {
  return api.database.db
    .selectFrom('webhook_secrets')
    .select(['id', 'expires_at'])
    .where('webhook_id', '=', webhookId)
    .orderBy('id')
    .execute()
}
