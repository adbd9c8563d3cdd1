import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inTransaction } from '../../../../db/client.ts'
import { emitEvent } from '../../../../db/events.ts'
import { makeAccount } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { serveApi, type ServedApi } from '../../serve.ts'
import type { Listed, Webhook } from './objects.ts'

let api: ServedApi
let client: TestClient
beforeAll(async () => {
  api = await serveApi('webhooks_200')
  client = api.client((await makeAccount(api.database)).key)
})
afterAll(() => api.stop())

const create = async (fields: object = {}) => {
  const { body } = await client.post<Webhook>('/v2/webhooks', {
    url: 'https://your-domain.com/webhook',
    events: ['*'],
    ...fields,
  })
  return body.id
}
describe('updating', () => {
  test.each(['put', 'patch'] as const)('%s merges: what is left out stays', async (method) => {
    const id = await create({
      description: 'shop',
      metadata: { a: 1 },
      throttle: { per_second: 10 },
    })
    const { body } = await client[method](`/v2/webhooks/${id}`, {
      url: 'https://other.example/hook',
      events: ['order.*', 'order.*', 'codes.available'],
      throttle: { in_flight: 3 },
    })
    expect(body).toMatchObject({
      url: 'https://other.example/hook',
      events: ['order.*', 'codes.available'],
      description: 'shop',
      metadata: { a: 1 },
      throttle: { per_second: 10, in_flight: 3 },
      version: 2,
    })
    expect((await client.get(`/v2/webhooks/${id}`)).body).toEqual(body)
  })

  test('switched on again it forgets why it was disabled', async () => {
    const id = await create()
    await api.database.db
      .updateTable('webhooks')
      .set({
        active: false,
        disabled_at: new Date(),
        disabled_reason: 'endpoint_gone',
        exhausted_count: 9,
      })
      .where('id', '=', id)
      .execute()
    expect((await client.get(`/v2/webhooks/${id}`)).body).toMatchObject({
      active: false,
      disabled_reason: 'endpoint_gone',
    })
    const { body } = await client.patch(`/v2/webhooks/${id}`, { active: true })
    expect(body).toMatchObject({ active: true, disabled_at: null, disabled_reason: null })
  })
})

describe('fan-out', () => {
  test('a change makes one delivery for each webhook that wants it, in its own commit', async () => {
    const merchant = await makeAccount(api.database)
    const mine = api.client(merchant.key)
    const add = async (events: string[], active = true) => {
      const { body } = await mine.post<Webhook>('/v2/webhooks', {
        url: 'https://a.example/h',
        events,
        active,
      })
      return body.id
    }
    const wanting = [
      await add(['*']),
      await add(['product.*']),
      await add(['product.created', 'order.*']),
    ]
    await add(['order.*'])
    await add(['product.updated', 'codes.available'])
    await add(['*'], false)
    await mine.delete(`/v2/webhooks/${await add(['*'])}`)
    await mine.post('/v2/products', { name: 'Gift card', price: 10, sku: 'FAN-OUT' })
    const rows = await api.database.db
      .selectFrom('deliveries')
      .selectAll()
      .where('account_id', '=', merchant.accountId)
      .execute()
    expect(rows.map((row) => row.webhook_id).sort()).toEqual(wanting.sort())
    expect(new Set(rows.map((row) => row.event_id)).size).toBe(1)
    const commands = await api.database.db
      .selectFrom('outbox')
      .selectAll()
      .where('account_id', '=', merchant.accountId)
      .execute()
    expect(commands).toHaveLength(3)
  })

  test('an additive event is sent only where it is named', async () => {
    const merchant = await makeAccount(api.database)
    const mine = api.client(merchant.key)
    const { body: all } = await mine.post<Webhook>('/v2/webhooks', {
      url: 'https://a.example/h',
      events: ['*'],
    })
    const { body: named } = await mine.post<Webhook>('/v2/webhooks', {
      url: 'https://a.example/h',
      events: ['webhook.disabled'],
    })
    await inTransaction(api.database.db, (tx) =>
      emitEvent(tx, {
        accountId: merchant.accountId,
        type: 'webhook.disabled',
        objectId: all.id,
        sequence: 1,
        customerId: null,
        facts: { object: { object: 'webhook' } },
      }),
    )
    const deliveries = async (id: unknown) =>
      (await mine.get<Listed>(`/v2/webhooks/${id}/deliveries`)).body.data
    expect(await deliveries(all.id)).toEqual([])
    expect(await deliveries(named.id)).toMatchObject([{ event_type: 'webhook.disabled' }])
  })
})

describe('deliveries', () => {
  test('are filtered by state, type, event and time, newest first, page by page and by cursor', async () => {
    const merchant = await makeAccount(api.database)
    const mine = api.client(merchant.key)
    const { body } = await mine.post<Webhook>('/v2/webhooks', {
      url: 'https://a.example/h',
      events: ['*'],
    })
    const path = `/v2/webhooks/${body.id}/deliveries`
    for (const sku of ['A', 'B', 'C']) {
      await mine.post('/v2/products', { name: sku, price: 1, sku })
    }
    const { body: product } = await mine.get<{ id: string }>('/v2/products/A')
    await mine.patch(`/v2/products/${product.id}`, { name: 'A2' })
    const [first] = await api.database.db
      .selectFrom('deliveries')
      .selectAll()
      .where('account_id', '=', merchant.accountId)
      .orderBy('created_at')
      .execute()
    await api.database.db
      .updateTable('deliveries')
      .set({ state: 'delivered', ended_at: new Date() })
      .where('id', '=', first?.id ?? '')
      .execute()
    const ids = async (query: string) => {
      const { body: list } = await mine.get<Listed>(`${path}?${query}`)
      return list.data.map((each) => each.id)
    }
    const all = await ids('')
    expect(all).toHaveLength(4)
    expect(all.at(-1)).toBe(first?.id)
    expect(await ids('state=delivered')).toEqual([first?.id])
    expect(await ids('state=pending')).toEqual(all.slice(0, 3))
    expect(await ids('event_type=product.updated')).toEqual(all.slice(0, 1))
    expect(await ids(`event_id=${first?.event_id}`)).toEqual([first?.id])
    expect(await ids('created_from=2999-01-01')).toEqual([])
    expect(await ids('created_to=2000-01-01T00:00:00Z')).toEqual([])
    expect(await ids('limit=2&page=2')).toEqual(all.slice(2))
    const { body: walk } = await mine.get<Listed>(`${path}?cursor=&limit=3`)
    const next = walk.pagination.next_cursor ?? ''
    expect(await ids(`limit=3&cursor=${encodeURIComponent(next)}`)).toEqual(all.slice(3))
  })
})

test('lists webhooks newest first, by whether they are on', async () => {
  const merchant = await makeAccount(api.database)
  const mine = api.client(merchant.key)
  const on = await mine.post<Webhook>('/v2/webhooks', { url: 'https://a.example/1', events: ['*'] })
  const off = await mine.post<Webhook>('/v2/webhooks', {
    url: 'https://a.example/2',
    events: ['*'],
    active: false,
  })
  const ids = async (query: string) => {
    const { body } = await mine.get<Listed>(`/v2/webhooks?${query}`)
    return body.data.map((each) => each.id)
  }
  expect(await ids('')).toEqual([off.body.id, on.body.id])
  expect(await ids('active=true')).toEqual([on.body.id])
  expect(await ids('active=false')).toEqual([off.body.id])
})
