import { afterAll, beforeAll, expect, test } from 'vitest'
import { importCodes, makeAccount, makeProduct } from '../../../factories.ts'
import { openShop, type OrderBody, type Shop } from '../orders/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('unit_cancellations_201')
})
afterAll(() => shop.stop())

type Units = { units: { unit_id: string; state: string; reason: string | null }[] }
type Codes = { status: string; final: boolean; codes: { unit_id: string; state: string }[] }

/** An order of a product that has so many codes, looked at once. */
async function orderOf(quantity: number, codes: number) {
  const product = await makeProduct(shop.database, shop.account.accountId, { priceMinor: 1000n })
  await importCodes(shop.database, shop.config.keys, shop.account, { productId: product.id }, codes)
  const { body } = await shop.owner.post<OrderBody>('/v2/transactions', {
    customer_id: shop.customerId,
    items: [{ sku: product.sku, quantity }],
  })
  await shop.fulfill(body.id)
  const path = `/v2/transactions/${body.id}`
  const read = async () => (await shop.owner.get<Codes>(`${path}/codes`)).body
  const waiting = (await read()).codes.filter(({ state }) => state === 'processing')
  return { product, path, read, waiting: waiting.map(({ unit_id }) => unit_id) }
}

/** What the customer's orders hold of the credit, in minor units. */
async function held(): Promise<number> {
  const { rows } = await shop.database.pool.query<{ held: string }>(
    `select sum(held_minor)::text as held from customer_balances where customer_id = $1`,
    [shop.customerId],
  )
  return Number(rows[0]?.held)
}

test('what nobody was asked for is cancelled at once, its hold released, and given nothing later', async () => {
  const order = await orderOf(4, 1)
  const [first, second, third] = order.waiting
  const heldBefore = await held()
  const once = { headers: { 'Idempotency-Key': 'the same' } }
  const ask = () =>
    shop.owner.post<Units>(`${order.path}/units/cancel`, { unit_ids: [first, second] }, once)
  const answer = await ask()
  expect(answer).toMatchObject({
    status: 201,
    body: {
      object: 'unit_cancellation',
      units: [
        { unit_id: first, state: 'cancelled', reason: 'cancelled_by_request' },
        { unit_id: second, state: 'cancelled', reason: 'cancelled_by_request' },
      ],
    },
  })
  expect((await ask()).body).toEqual(answer.body)
  expect(await held()).toBe(heldBefore - 2000)
  expect(await order.read()).toMatchObject({ status: 'partial', final: false })
  await shop.fulfill(order.path.split('/').at(-1) ?? '')
  const { rows: told } = await shop.database.pool.query<{ type: string; facts: object }>(
    `select type, facts from events where object_id = $1 order by sequence desc limit 2`,
    [order.path.split('/').at(-1)],
  )
  // Told once, however often it is asked for and looked at.
  expect(told).toMatchObject([
    { type: 'order.updated', facts: { units: { cancelled: 2 } } },
    { type: 'codes.available' },
  ])

  const { id: productId } = order.product
  await importCodes(shop.database, shop.config.keys, shop.account, { productId }, 3)
  await shop.fulfill(order.path.split('/').at(-1) ?? '')
  const codes = await order.read()
  expect(codes).toMatchObject({ status: 'complete', final: true })
  expect(codes.codes.find(({ unit_id }) => unit_id === third)).toMatchObject({ state: 'available' })
  expect(codes.codes.filter(({ state }) => state === 'cancelled')).toHaveLength(2)
})

test('the last open units end the order, and its workflow is woken', async () => {
  const order = await orderOf(2, 0)
  await shop.owner.post(`${order.path.replace('transactions/txn', 'orders/ord')}/units/cancel`, {
    unit_ids: order.waiting,
  })
  expect(await order.read()).toMatchObject({ status: 'failed', final: true })
  const id = order.path.split('/').at(-1)
  const { rows } = await shop.database.pool.query<{ type: string }>(
    `select type from events where object_id = $1 order by sequence`,
    [id],
  )
  expect(rows.map(({ type }) => type)).toEqual(['order.created', 'order.cancelled'])
  const woken = await shop.database.pool.query(
    `select 1 from outbox where verb = 'signal' and subject ->> 'transaction_id' = $1`,
    [id],
  )
  expect(woken.rows).toHaveLength(1)
})

test('409: a unit that has its code, and then nothing of the call is done', async () => {
  const order = await orderOf(2, 1)
  const all = (await order.read()).codes.map(({ unit_id }) => unit_id)
  expect(await shop.owner.post(`${order.path}/units/cancel`, { unit_ids: all })).toMatchObject({
    status: 409,
    body: { error: { reason: 'unit_not_cancellable', details: [{ message: 'Is allocated' }] } },
  })
  expect(await order.read()).toMatchObject({ status: 'partial', final: false })
})

test("404: somebody else's order, another order's unit, and none", async () => {
  const [mine, another] = [await orderOf(1, 0), await orderOf(1, 0)]
  const stranger = shop.client((await makeAccount(shop.database)).key)
  for (const answer of [
    await stranger.post(`${mine.path}/units/cancel`, { unit_ids: mine.waiting }),
    await shop.owner.post(`${mine.path}/units/cancel`, { unit_ids: another.waiting }),
    await shop.owner.post(`${mine.path}/units/cancel`, { unit_ids: ['nothing'] }),
  ]) {
    expect(answer.status).toBe(404)
  }
  expect(await mine.read()).toMatchObject({ status: 'processing' })
})

test('422: no units, and one twice', async () => {
  const order = await orderOf(1, 0)
  for (const unit_ids of [[], [...order.waiting, ...order.waiting], 'all']) {
    expect((await shop.owner.post(`${order.path}/units/cancel`, { unit_ids })).status).toBe(422)
  }
})
