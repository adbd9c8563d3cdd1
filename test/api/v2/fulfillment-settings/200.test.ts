import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCustomer, makeKey } from '../../../factories.ts'
import { openShop, type OrderBody, type Shop } from '../orders/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('fulfillment_settings_200')
})
afterAll(() => shop.stop())

const PATH = '/v2/fulfillment-settings'
const DAY_SECONDS = 86_400

test('an order waits a day, or as long as its account says, or as it says itself', async () => {
  const waitsSeconds = async (over: object = {}) => {
    const { body } = await shop.owner.post<OrderBody & { deadline: string; created_at: string }>(
      '/v2/transactions',
      { customer_id: shop.customerId, items: [{ sku: shop.product.sku, quantity: 1 }], ...over },
    )
    return Math.round((Date.parse(body.deadline) - Date.parse(body.created_at)) / 1000)
  }
  const usual = { deadline_seconds: DAY_SECONDS, code_validity_seconds_min: DAY_SECONDS }
  expect((await shop.owner.get(PATH)).body).toEqual({ object: 'fulfillment_settings', ...usual })
  expect(await waitsSeconds()).toBeCloseTo(DAY_SECONDS, -1)
  const changed = { deadline_seconds: 3_600, code_validity_seconds_min: 0 }
  const answer = await shop.owner.put(PATH, changed)
  expect(answer).toMatchObject({ status: 200, body: changed })
  expect((await shop.owner.get(PATH)).body).toEqual(answer.body)
  expect(await waitsSeconds()).toBeCloseTo(3_600, -1)
  const deadline = new Date(Date.now() + 600_000).toISOString()
  expect(await waitsSeconds({ deadline })).toBeCloseTo(600, -1)
})

test('403: a key of one customer, and one that may only read', async () => {
  const { accountId } = shop.account
  const customerId = await makeCustomer(shop.database, accountId)
  const bound = shop.client(await makeKey(shop.database, shop.account, { customerId }))
  const reader = shop.client(
    await makeKey(shop.database, shop.account, { scopes: ['products:read'] }),
  )
  const body = { deadline_seconds: 60, code_validity_seconds_min: 0 }
  for (const answer of [
    await bound.get(PATH),
    await bound.put(PATH, body),
    await reader.put(PATH, body),
  ]) {
    expect(answer.status).toBe(403)
  }
})

test('422: out of bounds, or not everything', async () => {
  for (const body of [
    { deadline_seconds: 59, code_validity_seconds_min: 0 },
    { deadline_seconds: 31 * DAY_SECONDS, code_validity_seconds_min: 0 },
    { deadline_seconds: 60, code_validity_seconds_min: -1 },
    { deadline_seconds: 60 },
  ]) {
    expect((await shop.owner.put(PATH, body)).status).toBe(422)
  }
})
