import { afterAll, beforeAll, expect, test } from 'vitest'
import { advanceTestClocks } from '../../../../db/test-clock.ts'
import { makeAccount, makeCustomer, makeKey, makeProduct } from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { openShop, type ErrorBody, type OrderBody, type Shop } from '../orders/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('test_clock')
})
afterAll(() => shop.stop())

type Clock = { now: string; offset_seconds: number; status: string; waiting_for: string[] }

/** What the worker does, until the clock has arrived; Temporal has got every command. */
async function arrive(client: TestClient): Promise<Clock> {
  for (let step = 0; step < 10; step++) {
    await shop.database.pool.query('delete from outbox')
    await advanceTestClocks(shop.database.db)
    const { body } = await client.get<Clock>('/v2/test_clock')
    if (body.status === 'ready') return body
  }
  throw new Error('The clock does not arrive')
}

/** A test account of its own, because advancing is the whole account's. */
async function account() {
  const made = await makeAccount(shop.database)
  return { ...made, client: shop.client(made.key) }
}

test('a clock that nobody moved is ready and shows real time', async () => {
  const { client } = await account()
  const { body } = await client.get<Clock>('/v2/test_clock')
  expect(body).toMatchObject({
    object: 'test_clock',
    offset_seconds: 0,
    status: 'ready',
    waiting_for: [],
  })
  expect(Math.abs(Date.parse(body.now) - Date.now())).toBeLessThan(5_000)
})

test.for([
  ['advance', 'PT26H', 26 * 3_600],
  ['advance', 'P1DT30M', 88_200],
  ['advance', 'PT0S', 0],
] as const)('%s %s moves it by %i seconds', async ([field, value, seconds]) => {
  const { client } = await account()
  const started = await client.post<Clock>('/v2/test_clock', { [field]: value })
  expect(started).toMatchObject({ status: 201, body: { status: 'advancing', offset_seconds: 0 } })
  const body = await arrive(client)
  // Real time passes between the question and the last stop.
  expect(body.offset_seconds).toBeGreaterThanOrEqual(Math.max(0, seconds - 5))
  expect(body.offset_seconds).toBeLessThanOrEqual(seconds)
  expect(Math.abs(Date.parse(body.now) - Date.now() - seconds * 1_000)).toBeLessThan(6_000)
})

test('to an instant, whatever its offset is written', async () => {
  const { client } = await account()
  const at = new Date(Date.now() + 86_400_000).toISOString()
  const to = at.replace('Z', '+00:00')
  expect((await client.post('/v2/test_clock', { to })).status).toBe(201)
  const body = await arrive(client)
  expect(Date.parse(body.now)).toBeGreaterThanOrEqual(Date.parse(at))
  expect(Date.parse(body.now)).toBeLessThan(Date.parse(at) + 10_000)
})

test('the next order is on the next day’s purchase order', async () => {
  const { client, accountId } = await account()
  const customer_id = await makeCustomer(shop.database, accountId)
  const { sku } = await makeProduct(shop.database, accountId)
  const place = async () =>
    (await client.post<OrderBody>('/v2/orders', { customer_id, items: [{ sku, quantity: 1 }] }))
      .body
  const today = await place()
  await shop.database.pool.query(
    'update transactions set ended_at = now() where customer_id = $1',
    [customer_id],
  )
  await shop.database.pool.query(
    'update purchase_orders set ended_at = now() where customer_id = $1',
    [customer_id],
  )
  await client.post('/v2/test_clock', { advance: 'P1D' })
  await arrive(client)
  const tomorrow = await place()
  const day = (order: OrderBody) => Date.parse(order.purchase_order.business_date)
  expect(day(tomorrow) - day(today)).toBe(86_400_000)
  expect(Date.parse(tomorrow.created_at)).toBeGreaterThan(Date.now() + 86_000_000)
  expect((await client.get(`/v2/purchase-orders/${today.purchase_order.id}`)).body).toMatchObject({
    status: 'settling',
  })
})

test('while it advances it says what it waits for, and is not moved again', async () => {
  const { client, accountId } = await account()
  const customer_id = await makeCustomer(shop.database, accountId)
  const { sku } = await makeProduct(shop.database, accountId)
  const items = [{ sku, quantity: 1 }]
  const order = (await client.post<OrderBody>('/v2/transactions', { customer_id, items })).body
  const started = await client.post<Clock>('/v2/test_clock', { advance: 'PT1H' })
  expect(started.body.waiting_for).toContain(order.id)
  const again = await client.post<ErrorBody>('/v2/test_clock', { advance: 'PT1H' })
  expect(again).toMatchObject({
    status: 409,
    body: { error: { reason: 'clock_already_advancing' } },
  })
})

test('a repeat under the same key moves it once', async () => {
  const { client } = await account()
  const headers = { 'Idempotency-Key': 'once' }
  const first = await client.post<Clock>('/v2/test_clock', { advance: 'PT1H' }, { headers })
  await arrive(client)
  const again = await client.post<Clock>('/v2/test_clock', { advance: 'PT1H' }, { headers })
  expect(again).toMatchObject({ status: 201, body: first.body })
  const { body } = await client.get<Clock>('/v2/test_clock')
  expect(body).toMatchObject({ status: 'ready' })
  expect(body.offset_seconds).toBeLessThanOrEqual(3_600)
})

const BACK = 'clock_backward'
const INVALID = 'invalid_fields'
test.for<[string, object]>([
  [BACK, { to: '2020-01-01T00:00:00Z' }],
  [INVALID, { advance: 'P367D' }],
  [INVALID, { advance: '26 hours' }],
  [INVALID, { advance: '-PT1H' }],
  [INVALID, { advance: 'P1M' }],
  [INVALID, { advance: 26 }],
  [INVALID, { advance: `PT${'9'.repeat(36)}H` }],
  [INVALID, { to: 'tomorrow' }],
  [INVALID, { to: '2026-02-30T00:00:00Z' }],
  [INVALID, { to: '9999-12-31T23:59:59Z' }],
  [BACK, { to: '0000-01-01T00:00:00Z' }],
  [INVALID, {}],
  [INVALID, { advance: 'PT1H', to: '2030-01-01T00:00:00Z' }],
  [INVALID, { advance: 'PT1H', by: 'me' }],
])('%s: %j', async ([reason, body]) => {
  const { client } = await account()
  const answer = await client.post<ErrorBody>('/v2/test_clock', body)
  expect(answer).toMatchObject({ status: 422, body: { error: { reason } } })
  expect((await client.get('/v2/test_clock')).body).toMatchObject({ status: 'ready' })
})

test('a live account’s clock is real', async () => {
  const live = await makeAccount(shop.database, { mode: 'live' })
  const client = shop.client(live.key)
  for (const answer of [
    await client.get<ErrorBody>('/v2/test_clock'),
    await client.post<ErrorBody>('/v2/test_clock', { advance: 'PT1H' }),
  ]) {
    expect(answer).toMatchObject({ status: 403, body: { error: { reason: 'live_account' } } })
  }
})

test('one customer does not move everybody’s clock', async () => {
  const { client, ...made } = await account()
  const customerId = await makeCustomer(shop.database, made.accountId)
  const bound = shop.client(await makeKey(shop.database, made, { customerId }))
  expect((await bound.post('/v2/test_clock', { advance: 'PT1H' })).status).toBe(403)
  expect((await bound.get('/v2/test_clock')).status).toBe(200)
  expect((await client.get('/v2/test_clock')).body).toMatchObject({ status: 'ready' })
})
