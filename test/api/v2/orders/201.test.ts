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
import { countWritten, openShop, type OrderBody, type Shop } from './shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('orders_201')
})
afterAll(() => shop.stop())

const order = (over: object = {}) => ({
  customer_id: shop.customerId,
  items: [{ product_id: shop.product.id, quantity: 3 }],
  ...over,
})

test('an order is answered with its view, its place and its links', async () => {
  const address = { street: '1 Main St', city: 'Springfield', zip: '12345', country: 'us' }
  const answer = await shop.owner.post<OrderBody>(
    '/v2/orders',
    order({
      items: [{ product_id: shop.product.id, quantity: 3, price: 49.99 }],
      shipping_address: address,
      billing_address: { ...address, name: 'Jane Doe' },
      payment_method: 'credit',
      shipping_method: 'standard',
      client_reference: 'PO-4711',
      metadata: { channel: 'web', copies: 2 },
    }),
  )
  expect(answer.status).toBe(201)
  expect(answer.headers.get('location')).toBe(`/v2/orders/${answer.body.id}`)
  expect(answer.headers.get('idempotent-replayed')).toBeNull()
  expect(answer.body).toMatchObject({
    object: 'order',
    transaction_id: answer.body.id.replace('ord_', 'txn_'),
    customer_id: shop.customerId,
    client_reference: 'PO-4711',
    status: 'pending',
    payment_status: 'pending',
    fulfillment_status: 'unfulfilled',
    final: false,
    requested: 3,
    delivered: 0,
    remaining: 3,
    items: [
      { sku: shop.product.sku, quantity: 3, price: 49.99, total: 149.97, total_minor: 14997 },
    ],
    total: 149.97,
    total_minor: 14997,
    currency: 'USD',
    payment_method: 'credit',
    shipping_method: 'standard',
    shipping_address: { ...address, country: 'US' },
    billing_address: { ...address, country: 'US', name: 'Jane Doe' },
    metadata: { channel: 'web', copies: 2 },
    purchase_order: { sequence: 1, status: 'open' },
    links: {
      transaction: `/v2/transactions/${answer.body.transaction_id}`,
      codes: `/v2/orders/${answer.body.id}/codes`,
    },
  })
  expect(answer.body.links['workflow']).toMatch(
    new RegExp(`/namespaces/default/workflows/transaction%2F${answer.body.transaction_id}$`),
  )
  expect(answer.body.purchase_order.number).toBe(
    `PO-${answer.body.purchase_order.business_date}-USD-1-${shop.customerId.slice(-6)}`,
  )
})

test('orders of one day are appended to one purchase order', async () => {
  const customer_id = await makeCustomer(shop.database, shop.account.accountId)
  const answers = []
  for (let n = 0; n < 3; n++) {
    answers.push(await shop.owner.post<OrderBody>('/v2/orders', order({ customer_id })))
  }
  expect(new Set(answers.map((answer) => answer.body.purchase_order.id)).size).toBe(1)
  const path = `/v2/purchase-orders/${answers[0]?.body.purchase_order.id}`
  expect((await shop.owner.get(path)).body).toMatchObject({
    transaction_count: 3,
    total: 449.91,
    total_minor: 44991,
  })
})

test('a line is named by product, by SKU or by the SKU of a variant, and priced by the server', async () => {
  const { accountId } = shop.account
  const product = await makeProduct(shop.database, accountId, { priceMinor: 1000n })
  const variant = await makeVariant(shop.database, accountId, product.id, { priceMinor: 1250n })
  const answer = await shop.owner.post<OrderBody>(
    '/v2/orders',
    order({
      currency: 'usd',
      items: [
        { product_id: product.id, quantity: 1 },
        { sku: product.sku, quantity: 1, price: '10.00' },
        { sku: variant.sku, quantity: 2, price: '12.5' },
        { product_id: product.id, variant_id: variant.id, quantity: 1 },
      ],
    }),
  )
  expect(answer.body).toMatchObject({
    items: [
      { variant_id: null, sku: product.sku, price: 10 },
      { variant_id: null, sku: product.sku, price: 10 },
      { variant_id: variant.id, sku: variant.sku, price: 12.5, total_minor: 2500 },
      { variant_id: variant.id, sku: variant.sku, price: 12.5 },
    ],
    requested: 5,
    total_minor: 5750,
  })
})

test('a key that may override prices sets them', async () => {
  const items = [{ product_id: shop.product.id, quantity: 2, price: '1.25' }]
  const answer = await shop.owner.post<OrderBody>('/v2/orders', order({ items }))
  expect(answer.body).toMatchObject({ total_minor: 250, items: [{ price: 1.25 }] })
})

test('a bound key orders for its customer without naming it', async () => {
  const key = await makeKey(shop.database, shop.account, { customerId: shop.customerId })
  const answer = await shop.client(key).post<OrderBody>('/v2/orders', {
    items: [{ sku: shop.product.sku, quantity: 1 }],
  })
  expect(answer).toMatchObject({ status: 201, body: { customer_id: shop.customerId } })
})

test('Prefer: respond-async is answered 202', async () => {
  const answer = await shop.owner.post<OrderBody>('/v2/orders', order(), {
    headers: { Prefer: 'respond-async' },
  })
  expect(answer.status).toBe(202)
  expect(answer.headers.get('preference-applied')).toBe('respond-async')
})

describe('a repeat under the same key', () => {
  test('gets the answer of the first, also when the order has moved on since', async () => {
    await shop.stock(3)
    const headers = { 'Idempotency-Key': randomUUID() }
    const first = await shop.owner.post<OrderBody>('/v2/orders', order(), { headers })
    await shop.fulfill(String(first.body.transaction_id))
    const before = await countWritten(shop.database)
    const again = await shop.owner.post<OrderBody>('/v2/orders', order(), { headers })
    expect(again).toMatchObject({ status: 201, body: first.body })
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(again.headers.get('location')).toBe(first.headers.get('location'))
    expect(await countWritten(shop.database)).toEqual(before)
  })

  test('is the same act through /v2/transactions, with the content written differently', async () => {
    const headers = { 'Idempotency-Key': randomUUID() }
    const deadline = new Date(Date.now() + 3_600_000).toISOString()
    const first = await shop.owner.post<OrderBody>(
      '/v2/orders',
      order({ items: [{ sku: shop.product.sku, quantity: 1, price: 49.99 }], deadline }),
      { headers },
    )
    const again = await shop.owner.post<OrderBody>(
      '/v2/transactions',
      {
        metadata: {},
        deadline: deadline.replace('Z', '+00:00'),
        items: [{ price: '49.990', quantity: 1, sku: shop.product.sku, variant_id: null }],
        customer_id: shop.customerId,
      },
      { headers },
    )
    expect(again.status).toBe(201)
    expect(again.body).toMatchObject({ object: 'transaction', id: first.body.transaction_id })
    expect(again.headers.get('idempotent-replayed')).toBe('true')
  })

  test('is another order for another account and for another bound key', async () => {
    const headers = { 'Idempotency-Key': randomUUID() }
    const other = await makeAccount(shop.database)
    const otherCustomer = await makeCustomer(shop.database, other.accountId)
    const otherProduct = await makeProduct(shop.database, other.accountId)
    const bound = await makeKey(shop.database, shop.account, { customerId: shop.customerId })
    const ids = [
      await shop.owner.post<OrderBody>('/v2/orders', order(), { headers }),
      await shop.client(bound).post<OrderBody>('/v2/orders', order(), { headers }),
      await shop.client(other.key).post<OrderBody>(
        '/v2/orders',
        {
          customer_id: otherCustomer,
          items: [{ product_id: otherProduct.id, quantity: 1 }],
        },
        { headers },
      ),
    ].map((answer) => answer.body.id)
    expect(new Set(ids).size).toBe(3)
  })

  test('is free again after a refusal', async () => {
    const headers = { 'Idempotency-Key': randomUUID() }
    const refused = await shop.owner.post('/v2/orders', order({ customer_id: 'cust_nobody' }), {
      headers,
    })
    expect(refused.status).toBe(422)
    const answer = await shop.owner.post('/v2/orders', order(), { headers })
    expect(answer.status).toBe(201)
    expect(answer.headers.get('idempotent-replayed')).toBeNull()
  })
})

test('the same client reference with the same content is a replay, with or without a key', async () => {
  const client_reference = randomUUID()
  const first = await shop.owner.post<OrderBody>('/v2/orders', order({ client_reference }))
  const plain = await shop.owner.post<OrderBody>('/v2/orders', order({ client_reference }))
  const headers = { 'Idempotency-Key': randomUUID() }
  const keyed = await shop.owner.post<OrderBody>('/v2/orders', order({ client_reference }), {
    headers,
  })
  const again = await shop.owner.post<OrderBody>('/v2/orders', order({ client_reference }), {
    headers,
  })
  for (const replay of [plain, keyed, again]) {
    expect(replay).toMatchObject({ status: 201, body: first.body })
    expect(replay.headers.get('idempotent-replayed')).toBe('true')
  }
})

test('a client reference belongs to its customer only', async () => {
  const client_reference = randomUUID()
  const other = await makeCustomer(shop.database, shop.account.accountId)
  const first = await shop.owner.post<OrderBody>('/v2/orders', order({ client_reference }))
  const second = await shop.owner.post<OrderBody>(
    '/v2/orders',
    order({ client_reference, customer_id: other }),
  )
  expect(second.status).toBe(201)
  expect(second.body.id).not.toBe(first.body.id)
})

test('without backorder the codes are there at once', async () => {
  const product = await makeProduct(shop.database, shop.account.accountId)
  await importCodes(shop.database, shop.config.keys, shop.account, { productId: product.id }, 2)
  const answer = await shop.owner.post<OrderBody>(
    '/v2/orders',
    order({ allow_backorder: false, items: [{ product_id: product.id, quantity: 2 }] }),
  )
  expect(answer.body).toMatchObject({ allow_backorder: false, delivered: 0 })
  const now = await shop.owner.get<OrderBody>(`/v2/orders/${answer.body.id}`)
  expect(now.body).toMatchObject({ delivered: 2, remaining: 0 })
})

test('an order is due 24 hours after its acceptance unless it says otherwise', async () => {
  type Dated = OrderBody & { deadline: string }
  const plain = await shop.owner.post<Dated>('/v2/orders', order())
  expect(Date.parse(plain.body.deadline) - Date.parse(plain.body.created_at)).toBe(86_400_000)
  const deadline = new Date(Date.now() + 5_000_000).toISOString()
  const dated = await shop.owner.post<Dated>('/v2/orders', order({ deadline }))
  expect(dated.body.deadline).toBe(deadline)
})

test('the largest order there may be is accepted', async () => {
  const items = Array.from({ length: 1_000 }, () => ({ sku: shop.product.sku, quantity: 10 }))
  const answer = await shop.owner.post<OrderBody>('/v2/orders', order({ items }))
  expect(answer).toMatchObject({
    status: 201,
    body: { requested: 10_000, total_minor: 49_990_000 },
  })
})
