import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  importCodes,
  makeAccount,
  makeCustomer,
  makeKey,
  makeProduct,
  makeVariant,
} from '../../../factories.ts'
import { SCOPES } from '../../../../domain/scope.ts'
import { countWritten, openShop, type ErrorBody, type OrderBody, type Shop } from './shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('orders_422')
})
afterAll(() => shop.stop())

const order = (over: object = {}) => ({
  customer_id: shop.customerId,
  items: [{ product_id: shop.product.id, quantity: 1 }],
  ...over,
})
const oneItem = (item: object) =>
  order({ items: [{ product_id: shop.product.id, quantity: 1, ...item }] })

/** Sends it to both routes; nothing may be written. Answers the error of the last. */
async function refuse(body: object, key = shop.account.key): Promise<ErrorBody['error']> {
  const before = await countWritten(shop.database)
  const client = shop.client(key)
  let error: ErrorBody['error'] | undefined
  for (const path of ['/v2/orders', '/v2/transactions']) {
    const answer = await client.post<ErrorBody>(path, body, {
      headers: { 'Idempotency-Key': randomUUID() },
    })
    expect(answer).toMatchObject({ status: 422, body: { error: { code: 'validation_error' } } })
    error = answer.body.error
  }
  expect(await countWritten(shop.database)).toEqual(before)
  if (error === undefined) throw new Error('not reached')
  return error
}

describe('a field that is not as it must be is named', () => {
  const address = { street: '1 Main St', city: 'X', zip: '1', country: 'US' }
  test.for<[string, () => object]>([
    ['body', () => []],
    ['items', () => order({ items: [] })],
    ['items', () => order({ items: 'all' })],
    ['items', () => ({ customer_id: shop.customerId })],
    ['items.0', () => order({ items: [null] })],
    ['items.0', () => order({ items: [{ quantity: 1 }] })],
    ['items.0', () => oneItem({ sku: shop.product.sku })],
    ['items.0.quantity', () => order({ items: [{ product_id: shop.product.id }] })],
    ['items.0.quantity', () => oneItem({ quantity: 0 })],
    ['items.0.quantity', () => oneItem({ quantity: -1 })],
    ['items.0.quantity', () => oneItem({ quantity: 1.5 })],
    ['items.0.quantity', () => oneItem({ quantity: '1' })],
    ['items.0.quantity', () => oneItem({ quantity: 10_001 })],
    ['items.0.quantity', () => oneItem({ quantity: 2 ** 53 })],
    ['items.0.price', () => oneItem({ price: -1 })],
    ['items.0.price', () => oneItem({ price: '49,99' })],
    ['items.0.price', () => oneItem({ price: 1e21 })],
    ['items.0.price', () => oneItem({ price: '1e2' })],
    ['items.0.price', () => oneItem({ price: true })],
    ['items.0.price', () => oneItem({ price: '49.999' })],
    ['items.0.colour', () => oneItem({ colour: 'red' })],
    ['items.0.product_id', () => oneItem({ product_id: 'prod_nobody' })],
    ['items.0.product_id', () => oneItem({ product_id: '' })],
    ['items.0.sku', () => order({ items: [{ sku: 'NO-SUCH', quantity: 1 }] })],
    ['items.0.variant_id', () => oneItem({ variant_id: 'var_nobody' })],
    ['customer_id', () => order({ customer_id: 'cust_nobody' })],
    ['customer_id', () => order({ customer_id: 17 })],
    ['customer_id', () => ({ items: [{ sku: shop.product.sku, quantity: 1 }] })],
    ['client_reference', () => order({ client_reference: '' })],
    ['client_reference', () => order({ client_reference: 'x'.repeat(256) })],
    ['client_reference', () => order({ client_reference: 'line\nbreak' })],
    ['currency', () => order({ currency: 'XXX' })],
    ['currency', () => order({ currency: 'US$' })],
    ['payment_method', () => order({ payment_method: 'cowries' })],
    ['allow_backorder', () => order({ allow_backorder: 'no' })],
    ['deadline', () => order({ deadline: 'tomorrow' })],
    ['deadline', () => order({ deadline: '2026-02-30T00:00:00Z' })],
    ['deadline', () => order({ deadline: '0000-01-01T00:00:00Z' })],
    ['deadline', () => order({ deadline: '2020-01-01T00:00:00Z' })],
    ['deadline', () => order({ deadline: '9999-12-31T23:59:59-23:00' })],
    ['deadline', () => order({ deadline: new Date(Date.now() + 31 * 86_400_000).toISOString() })],
    ['shipping_address.street', () => order({ shipping_address: { ...address, street: 1 } })],
    ['shipping_address.country', () => order({ shipping_address: { ...address, country: 'XX' } })],
    ['billing_address.planet', () => order({ billing_address: { ...address, planet: 'Mars' } })],
    ['metadata.nested', () => order({ metadata: { nested: { deep: true } } })],
    ['metadata', () => order({ metadata: [] })],
    ['shipping_method', () => order({ shipping_method: '' })],
    ['coupon', () => order({ coupon: 'HALF' })],
    ['constructor', () => order({ constructor: 1 })],
  ])('%s', async ([field, body]) => {
    const error = await refuse(body())
    expect(error.details.map((detail) => detail.field)).toContain(field)
  })
})

test('another account’s customer and product do not exist', async () => {
  const other = await makeAccount(shop.database)
  const customer_id = await makeCustomer(shop.database, other.accountId)
  const product = await makeProduct(shop.database, other.accountId)
  expect(await refuse(order({ customer_id }))).toMatchObject({ reason: 'invalid_fields' })
  expect(await refuse(order({ items: [{ sku: product.sku, quantity: 1 }] }))).toMatchObject({
    reason: 'product_unavailable',
    details: [{ field: 'items.0.sku', message: 'No such product' }],
  })
})

test('an inactive customer cannot order', async () => {
  const customer_id = await makeCustomer(shop.database, shop.account.accountId, {
    status: 'inactive',
  })
  expect(await refuse(order({ customer_id }))).toMatchObject({
    details: [{ field: 'customer_id', message: 'No such active customer' }],
  })
})

test('every line that cannot be sold is named', async () => {
  const { accountId } = shop.account
  const make = (over: Parameters<typeof makeProduct>[2]) =>
    makeProduct(shop.database, accountId, over)
  const [draft, archived, goods, euro, foreign] = [
    await make({ status: 'draft' }),
    await make({ status: 'archived' }),
    await make({ fulfillmentType: 'physical' }),
    await make({ currency: 'EUR' }),
    await make({}),
  ]
  const variant = await makeVariant(shop.database, accountId, foreign.id)
  const error = await refuse(
    order({
      currency: 'USD',
      items: [
        { sku: draft.sku, quantity: 1 },
        { sku: shop.product.sku, quantity: 1 },
        { product_id: archived.id, quantity: 1 },
        { sku: goods.sku, quantity: 1 },
        { sku: euro.sku, quantity: 1 },
        { product_id: shop.product.id, variant_id: variant.id, quantity: 1 },
      ],
    }),
  )
  expect(error.reason).toBe('product_unavailable')
  expect(error.details.map((detail) => detail.field)).toEqual([
    'items.0.sku',
    'items.2.product_id',
    'items.3.sku',
    'items.4.sku',
    'items.5.variant_id',
  ])
})

test.for([
  ['physical_unavailable', { fulfillmentType: 'physical' as const }, {}],
  ['mixed_currency', { currency: 'EUR' }, { currency: 'USD' }],
] as const)('%s', async ([reason, product, over]) => {
  const { sku } = await makeProduct(shop.database, shop.account.accountId, product)
  expect(await refuse(order({ ...over, items: [{ sku, quantity: 1 }] }))).toMatchObject({ reason })
})

test('one order has one currency', async () => {
  const euro = await makeProduct(shop.database, shop.account.accountId, { currency: 'EUR' })
  const items = [shop.product, euro].map(({ sku }) => ({ sku, quantity: 1 }))
  expect(await refuse(order({ items }))).toMatchObject({
    reason: 'mixed_currency',
    message: expect.stringContaining('EUR and USD'),
  })
})

test('a submitted price must be the catalogue’s', async () => {
  const scopes = SCOPES.filter((scope) => scope !== 'orders:price_override')
  const key = await makeKey(shop.database, shop.account, { scopes })
  expect(await refuse(oneItem({ price: 49.98 }), key)).toMatchObject({
    reason: 'price_mismatch',
    details: [{ field: 'items.0.price', message: 'The price is 49.99 USD' }],
  })
})

test('an overridden price still has the digits of its currency, and a bound', async () => {
  expect(await refuse(oneItem({ price: '1.001' }))).toMatchObject({ reason: 'invalid_amount' })
  expect(await refuse(oneItem({ price: '1000000000.01' }))).toMatchObject({
    reason: 'invalid_amount',
  })
})

test('credit is counted over orders, and the refusal names the amounts', async () => {
  const customer_id = await makeCustomer(shop.database, shop.account.accountId, {
    creditLimits: { USD: 10_000n },
  })
  const two = order({ customer_id, items: [{ sku: shop.product.sku, quantity: 2 }] })
  const first = await shop.owner.post<OrderBody>('/v2/orders', two)
  expect(first.status).toBe(201)
  expect(await refuse({ ...two, items: [{ sku: shop.product.sku, quantity: 1 }] })).toMatchObject({
    reason: 'credit_exceeded',
    message: 'The order of 49.99 USD exceeds the credit limit: 99.98 of 100.00 USD are used.',
  })
})

test('a live customer without a credit limit has none', async () => {
  const live = await makeAccount(shop.database, { mode: 'live' })
  const customer_id = await makeCustomer(shop.database, live.accountId, { creditLimits: {} })
  const { sku } = await makeProduct(shop.database, live.accountId)
  const error = await refuse({ customer_id, items: [{ sku, quantity: 1 }] }, live.key)
  expect(error).toMatchObject({ reason: 'credit_exceeded' })
})

test('what a customer may owe ends where numbers stop being exact', async () => {
  const { sku } = await makeProduct(shop.database, shop.account.accountId, {
    priceMinor: 100_000_000_000n,
  })
  expect(await refuse(order({ items: [{ sku, quantity: 10_000 }] }))).toMatchObject({
    reason: 'credit_exceeded',
  })
})

test('without backorder every code must be in stock', async () => {
  const { accountId } = shop.account
  const [plenty, scarce] = [
    await makeProduct(shop.database, accountId),
    await makeProduct(shop.database, accountId),
  ]
  const pool = async (productId: string, codes: number) =>
    importCodes(shop.database, shop.config.keys, shop.account, { productId }, codes)
  await pool(plenty.id, 5)
  await pool(scarce.id, 1)
  const items = [
    { sku: plenty.sku, quantity: 5 },
    { sku: scarce.sku, quantity: 1 },
    { sku: scarce.sku, quantity: 1 },
  ]
  expect(await refuse(order({ allow_backorder: false, items }))).toMatchObject({
    reason: 'out_of_stock',
  })
})

test.for<[string, string, string]>([
  ['pm_123', 'USD', 'invalid_fields'],
  ['ach', 'EUR', 'payment_method_unavailable'],
])('%s in %s cannot pay an order: %s', async ([method, currency, reason]) => {
  expect(await refuse(order({ payment_method: method, currency }))).toMatchObject({
    reason,
    details: [{ field: 'payment_method' }],
  })
})

test('a large order is told to split', async () => {
  const { sku } = shop.product
  const lines = Array.from({ length: 1_001 }, () => ({ sku, quantity: 1 }))
  const units = [
    { sku, quantity: 9_999 },
    { sku, quantity: 2 },
  ]
  for (const items of [lines, units]) {
    expect(await refuse(order({ items }))).toMatchObject({
      details: [{ field: 'items' }],
      hint: expect.stringContaining('Split'),
    })
  }
})

test('other content under the same key is refused, through either route', async () => {
  const headers = { 'Idempotency-Key': randomUUID() }
  await shop.owner.post('/v2/orders', order(), { headers })
  for (const path of ['/v2/orders', '/v2/transactions']) {
    const answer = await shop.owner.post<ErrorBody>(path, order({ shipping_method: 'express' }), {
      headers,
    })
    expect(answer).toMatchObject({
      status: 422,
      body: { error: { reason: 'idempotency_key_reuse' } },
    })
  }
})
