import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeAccount, type TestAccount, openSealed } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import type { Listed, Rotated, SentTest, Webhook } from './objects.ts'

let api: ServedApi
let account: TestAccount
let client: TestClient
beforeAll(async () => {
  api = await serveApi('webhooks_201')
  account = await makeAccount(api.database)
  client = api.client(account.key)
})
afterAll(() => api.stop())

const plain = {
  url: 'https://your-domain.com/webhook',
  events: ['order.created', 'order.fulfilled'],
}

test('a webhook as the reference shows it, with a name that nobody can look up', async () => {
  const secret = 'your_webhook_secret'
  const { body, headers } = await client.post<Webhook>('/v2/webhooks', {
    ...plain,
    secret,
    active: true,
  })
  expect(body).toMatchObject({
    object: 'webhook',
    ...plain,
    active: true,
    description: '',
    metadata: {},
    disabled_at: null,
    throttle: { per_second: null, in_flight: 16 },
    secret,
    standard_secret: 'whsec_eW91cl93ZWJob29rX3NlY3JldA==',
  })
  expect(body.id).toMatch(/^whk_[0-9a-f]{26}$/)
  expect(headers.get('location')).toBe(`/v2/webhooks/${body.id}`)
})

test('the secret is shown this once, and is kept encrypted for its row', async () => {
  const created = await client.post<Webhook>('/v2/webhooks', plain)
  const secret = created.body.secret
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/)
  expect(created.body.standard_secret).toBe(secret)
  const id = created.body.id
  const answers = [
    await client.get(`/v2/webhooks/${id}`),
    await client.get<Listed>('/v2/webhooks'),
    await client.patch(`/v2/webhooks/${id}`, { description: 'shop' }),
    await client.post<SentTest>(`/v2/webhooks/${id}/test`),
    await client.get('/v2/events'),
  ]
  for (const answer of answers) expect(answer.bytes.toString()).not.toContain(secret)
  const row = await api.database.db
    .selectFrom('webhook_secrets')
    .selectAll()
    .where('webhook_id', '=', id)
    .executeTakeFirstOrThrow()
  expect(row.sealed.includes(Buffer.from(secret))).toBe(false)
  expect(await openSealed(api.database, api.config.keys, row)).toBe(secret)
})

test('a repeat with the same Idempotency-Key answers the same secret and makes one webhook', async () => {
  const headers = { 'Idempotency-Key': 'hook-1' }
  const other = api.client((await makeAccount(api.database)).key)
  const first = await other.post<Webhook>('/v2/webhooks', plain, { headers })
  const second = await other.post<Webhook>('/v2/webhooks', plain, { headers })
  expect(second.body).toEqual(first.body)
  expect(second.headers.get('idempotent-replayed')).toBe('true')
  const { body } = await other.get<Listed>('/v2/webhooks')
  expect(body.data).toHaveLength(1)
})

describe('rotating the secret', () => {
  const live = async (id: string) =>
    api.database.db
      .selectFrom('webhook_secrets')
      .select(['id', 'expires_at'])
      .where('webhook_id', '=', id)
      .orderBy('created_at')
      .execute()

  test('the old one ends after the overlap, 24 hours by default', async () => {
    const created = await client.post<Webhook>('/v2/webhooks', plain)
    const id = created.body.id
    const { body } = await client.post<Rotated>(`/v2/webhooks/${id}/rotate_secret`, {})
    expect(body).toMatchObject({ object: 'webhook_secret', webhook_id: id })
    expect(body.secret).not.toBe(created.body.secret)
    const endsInMs = Date.parse(body.old_secrets_end_at) - Date.now()
    expect(Math.abs(endsInMs - 86_400_000)).toBeLessThan(5_000)
    const [old, current] = await live(id)
    expect(old?.expires_at?.toISOString()).toBe(body.old_secrets_end_at)
    expect(current?.expires_at).toBeNull()
  })

  test('overlap 0 ends every old one now; a shorter overlap is never lengthened', async () => {
    const { body } = await client.post<Webhook>('/v2/webhooks', plain)
    const id = body.id
    const rotate = (overlap_seconds: number) =>
      client.post<Rotated>(`/v2/webhooks/${id}/rotate_secret`, { overlap_seconds })
    await rotate(60)
    await rotate(86_400)
    const [first, second] = await live(id)
    const inMs = (date: Date | null | undefined) => (date?.getTime() ?? 0) - Date.now()
    expect(inMs(first?.expires_at)).toBeLessThanOrEqual(60_000)
    expect(inMs(second?.expires_at)).toBeGreaterThan(80_000_000)
    await rotate(0)
    for (const row of (await live(id)).slice(0, 3))
      expect(inMs(row.expires_at)).toBeLessThanOrEqual(0)
  })
})

describe('sending again', () => {
  test('a test event goes to this webhook only, whatever it is subscribed to', async () => {
    const merchant = await makeAccount(api.database)
    const mine = api.client(merchant.key)
    await mine.post<Webhook>('/v2/webhooks', { ...plain, events: ['*', 'webhook.disabled'] })
    const { body: webhook } = await mine.post<Webhook>('/v2/webhooks', plain)
    const id = webhook.id
    const { status, body, headers } = await mine.post<SentTest>(`/v2/webhooks/${id}/test`)
    expect(status).toBe(202)
    expect(body).toMatchObject({ object: 'webhook_test', webhook_id: id })
    const delivery = await mine.get(String(headers.get('location')))
    expect(delivery.body).toMatchObject({
      cause: 'test',
      event_type: 'webhook.test',
      state: 'pending',
      event: { id: body.event_id, data: { object: { object: 'webhook', id } } },
      attempts: [],
    })
    const rows = await api.database.db
      .selectFrom('outbox')
      .selectAll()
      .where('account_id', '=', merchant.accountId)
      .execute()
    expect(rows).toMatchObject([
      {
        verb: 'start',
        workflow: 'deliverWebhook',
        subject: { delivery_id: body.delivery_id, webhook_id: id, event_type: 'webhook.test' },
      },
    ])
  })

  test('a resent delivery is a new one of the same event', async () => {
    const { body: webhook } = await client.post<Webhook>('/v2/webhooks', plain)
    const id = webhook.id
    const { body: sent } = await client.post<SentTest>(`/v2/webhooks/${id}/test`)
    const { body, headers } = await client.post<Webhook>(
      `/v2/webhooks/${id}/deliveries/${sent.delivery_id}/resend`,
    )
    expect(body).toMatchObject({
      object: 'delivery',
      cause: 'resend',
      copy_of: sent.delivery_id,
      event_id: sent.event_id,
      state: 'pending',
      attempt_count: 0,
    })
    expect(headers.get('location')).toBe(`/v2/webhooks/${id}/deliveries/${body.id}`)
    const { body: list } = await client.get<Listed>(`/v2/webhooks/${id}/deliveries`)
    expect(list.data).toHaveLength(2)
  })
})

describe('catching up', () => {
  const MINUTE_MS = 60_000
  type Made = { created: number; has_more: boolean }

  /** A merchant whose webhook has one delivery in each state, and how it catches up. */
  async function merchantBehind() {
    const merchant = await makeAccount(api.database)
    const mine = api.client(merchant.key)
    const { body: webhook } = await mine.post<Webhook>('/v2/webhooks', {
      ...plain,
      events: ['product.*'],
    })
    const path = `/v2/webhooks/${webhook.id}`
    const ends = [
      ['failed', 'attempts_exhausted'],
      ['cancelled', 'endpoint_gone'],
      ['cancelled', 'cancelled_by_operator'],
      ['delivered', null],
      ['pending', null],
    ] as const
    for (const [index] of ends.entries()) {
      await mine.post('/v2/products', { name: 'P', price: 1, sku: `P${index}` })
    }
    const { db } = api.database
    const deliveries = () =>
      db
        .selectFrom('deliveries')
        .selectAll()
        .where('account_id', '=', merchant.accountId)
        .orderBy('created_at')
        .orderBy('id')
        .execute()
    const ids = (await deliveries()).map((row) => row.id)
    for (const [index, [state, reason]] of ends.entries()) {
      if (state === 'pending') continue
      const end = { state, reason, ended_at: new Date() }
      await db
        .updateTable('deliveries')
        .set(end)
        .where('id', '=', ids[index] ?? '')
        .execute()
    }
    const since = new Date(Date.now() - MINUTE_MS).toISOString()
    const catchUp = async (verb: 'recover' | 'replay_missing', from = since) =>
      (await mine.post<Made>(`${path}/${verb}`, { since: from })).body
    return { mine, path, db, deliveries, ids, catchUp }
  }

  test('recover sends again what failed or lost its endpoint, once', async () => {
    const { catchUp, deliveries, ids } = await merchantBehind()
    expect(await catchUp('recover')).toMatchObject({ created: 2, has_more: false })
    expect(await catchUp('recover')).toMatchObject({ created: 0, has_more: false })
    const made = (await deliveries()).filter((row) => row.cause === 'recovery')
    expect(made.map((row) => row.copy_of)).toEqual(ids.slice(0, 2))
    expect(made.every((row) => row.state === 'pending' && row.attempt_count === 0)).toBe(true)
  })

  test('recover sends an event once, however many of its deliveries failed', async () => {
    const { mine, path, catchUp, ids, db, deliveries } = await merchantBehind()
    await mine.post(`${path}/deliveries/${ids[0] ?? ''}/resend`)
    const resent = (await deliveries()).find((row) => row.cause === 'resend')
    await db
      .updateTable('deliveries')
      .set({ state: 'failed', reason: 'attempts_exhausted', ended_at: new Date() })
      .where('id', '=', resent?.id ?? '')
      .execute()
    expect(await catchUp('recover')).toMatchObject({ created: 2, has_more: false })
    const made = (await deliveries()).filter((row) => row.cause === 'recovery')
    expect(new Set(made.map((row) => row.copy_of))).toEqual(new Set([resent?.id, ids[1]]))
    expect(await catchUp('recover')).toMatchObject({ created: 0, has_more: false })
  })

  test('recover at the same time in two calls makes each once', async () => {
    const { catchUp, deliveries } = await merchantBehind()
    const both = await Promise.all([catchUp('recover'), catchUp('recover')])
    expect(both.map((made) => made.created).sort((a, b) => a - b)).toEqual([0, 2])
    expect((await deliveries()).filter((row) => row.cause === 'recovery')).toHaveLength(2)
  })

  test('recover leaves alone what was resent, what is older, and what a recovery could not deliver', async () => {
    const { mine, path, catchUp, ids, db, deliveries } = await merchantBehind()
    await mine.post(`${path}/deliveries/${ids[0] ?? ''}/resend`)
    expect(await catchUp('recover', new Date().toISOString())).toMatchObject({ created: 0 })
    expect(await catchUp('recover')).toMatchObject({ created: 1 })
    // The recovery itself fails: it can be recovered in its turn, the first one not again.
    const recovery = (await deliveries()).find((row) => row.cause === 'recovery')
    await db
      .updateTable('deliveries')
      .set({ state: 'failed', reason: 'attempts_exhausted', ended_at: new Date() })
      .where('id', '=', recovery?.id ?? '')
      .execute()
    expect(await catchUp('recover')).toMatchObject({ created: 1 })
    const [, , ...later] = (await deliveries()).filter((row) => row.copy_of !== null)
    expect(later.map((row) => row.copy_of)).toEqual([recovery?.id])
  })

  test('replay_missing delivers what was never attempted, and what is subscribed to only', async () => {
    const { mine, path, catchUp, deliveries } = await merchantBehind()
    await mine.patch(path, { active: false })
    const { body: product } = await mine.post('/v2/products', { name: 'Off', price: 1, sku: 'OFF' })
    await mine.post('/v2/customers', { email: 'off@example.com' })
    await mine.patch(path, { active: true })
    expect(await catchUp('replay_missing')).toMatchObject({ created: 1, has_more: false })
    expect(await catchUp('replay_missing')).toMatchObject({ created: 0, has_more: false })
    const replayed = (await deliveries()).find((row) => row.cause === 'replay')
    const event = await mine.get(`/v2/events/${replayed?.event_id ?? ''}`)
    expect(event.body).toMatchObject({ type: 'product.created', data: { object: product } })
    const started = await api.database.db
      .selectFrom('outbox')
      .selectAll()
      .where('verb', '=', 'start')
      .execute()
    expect(
      started.filter((row) => JSON.stringify(row.subject).includes(replayed?.id ?? '-')),
    ).toHaveLength(1)
  })
})
