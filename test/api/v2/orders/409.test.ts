import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { countWritten, openShop, type ErrorBody, type OrderBody, type Shop } from './shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('orders_409')
})
afterAll(() => shop.stop())

const order = (over: object = {}) => ({
  customer_id: shop.customerId,
  items: [{ sku: shop.product.sku, quantity: 1 }],
  ...over,
})

test('a client reference with other content is refused, naming the order that has it', async () => {
  const client_reference = randomUUID()
  const first = await shop.owner.post<OrderBody>('/v2/orders', order({ client_reference }))
  const before = await countWritten(shop.database)
  const plain: Record<string, string> = {}
  for (const headers of [plain, { 'Idempotency-Key': randomUUID() }]) {
    const answer = await shop.owner.post<ErrorBody>(
      '/v2/orders',
      order({ client_reference, metadata: { other: true } }),
      { headers },
    )
    expect(answer).toMatchObject({
      status: 409,
      body: { error: { code: 'conflict', reason: 'client_reference_conflict' } },
    })
    expect(answer.body.error.message).toContain(first.body.transaction_id)
  }
  expect(await countWritten(shop.database)).toEqual(before)
})

test('a key that another process is accepting is asked for again later', async () => {
  const key = randomUUID()
  const holder = await shop.database.pool.connect()
  try {
    await holder.query('begin')
    await holder.query(
      `insert into idempotency_keys (account_id, customer_scope, operation, key, fingerprint)
       values ($1, '', 'createOrder', $2, decode(repeat('00', 32), 'hex'))`,
      [shop.account.accountId, key],
    )
    const answer = await shop.owner.post<ErrorBody>('/v2/orders', order(), {
      headers: { 'Idempotency-Key': key },
    })
    expect(answer).toMatchObject({
      status: 409,
      body: { error: { code: 'conflict', reason: 'idempotency_in_flight' } },
    })
    expect(answer.headers.get('retry-after')).toBe('1')
  } finally {
    await holder.query('rollback')
    holder.release()
  }
  const again = await shop.owner.post('/v2/orders', order(), {
    headers: { 'Idempotency-Key': key },
  })
  expect(again.status).toBe(201)
})
