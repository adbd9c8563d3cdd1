import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCustomer } from '../../../factories.ts'
import { eventually } from '../../../harness.ts'
import { countWritten, openShop, untilApiRuns, type ErrorBody, type Shop } from './shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('orders_503', { OUTBOX_ROWS_MAX: '20' })
})
afterAll(() => shop.stop())

const orderOf = (customer_id: string) => ({
  customer_id,
  items: [{ sku: shop.product.sku, quantity: 1 }],
})

test('a customer who is locked is busy, and nobody else is', async () => {
  const before = await countWritten(shop.database)
  const holder = await shop.database.pool.connect()
  try {
    await holder.query('begin')
    await holder.query('select 1 from customers where id = $1 for update', [shop.customerId])
    const headers = { 'Idempotency-Key': randomUUID() }
    const waiting = shop.owner.post<ErrorBody>('/v2/orders', orderOf(shop.customerId), { headers })
    const other = await makeCustomer(shop.database, shop.account.accountId)
    expect((await shop.owner.post('/v2/orders', orderOf(other))).status).toBe(201)
    const answer = await waiting
    expect(answer).toMatchObject({
      status: 503,
      body: { error: { code: 'server_error', reason: 'busy' } },
    })
    expect(answer.headers.get('retry-after')).toBe('1')
  } finally {
    await holder.query('rollback')
    holder.release()
  }
  const after = await countWritten(shop.database)
  expect(after['transactions']).toBe(Number(before['transactions']) + 1)
  expect(after['idempotency_keys']).toBe(before['idempotency_keys'])
})

test('a full outbox refuses orders before anything is written, and takes them again', async () => {
  const fill = `insert into outbox (account_id, verb, workflow, subject)
    select $1, 'start', 'fulfillTransaction', '{}' from generate_series(1, 20)`
  await shop.database.pool.query(fill, [shop.account.accountId])
  const order = () => shop.owner.post<ErrorBody>('/v2/orders', orderOf(shop.customerId))
  const full = await eventually(order, (answer) => answer.status === 503)
  expect(full.body.error).toMatchObject({ code: 'server_error', reason: 'outbox_full' })
  expect(full.headers.get('retry-after')).toBe('5')
  const before = await countWritten(shop.database)
  await order()
  expect(await countWritten(shop.database)).toEqual(before)
  await shop.database.pool.query('delete from outbox')
  expect((await eventually(order, (answer) => answer.status === 201)).status).toBe(201)
})

test('so does one whose oldest row is too old, unless a person has it', async () => {
  const roomy = await openShop('orders_503_age')
  try {
    const age = (parked: boolean) =>
      roomy.database.pool.query(
        `insert into outbox (account_id, verb, workflow, subject, created_at, parked_at)
         values ($1, 'start', 'fulfillTransaction', '{}', now() - interval '16 minutes',
           case when $2 then now() end)`,
        [roomy.account.accountId, parked],
      )
    const items = [{ sku: roomy.product.sku, quantity: 1 }]
    const order = () =>
      roomy.owner.post<ErrorBody>('/v2/orders', { customer_id: roomy.customerId, items })
    await age(true)
    for (let look = 0; look < 2; look++) await untilApiRuns(roomy.database, 'from outbox')
    expect((await order()).status).toBe(201)
    await roomy.database.pool.query('delete from outbox')
    await age(false)
    const full = await eventually(order, (answer) => answer.status === 503)
    expect(full.body.error.reason).toBe('outbox_full')
  } finally {
    await roomy.stop()
  }
})
