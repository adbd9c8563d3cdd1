import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeProduct, importCodes } from '../../../factories.ts'
import { openShop, untilApiRuns, type OrderBody, type Shop } from '../orders/shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('codes_304')
})
afterAll(() => shop.stop())

async function order(quantity = 1) {
  const product = await makeProduct(shop.database, shop.account.accountId)
  const body = { customer_id: shop.customerId, items: [{ sku: product.sku, quantity }] }
  const { id } = (await shop.owner.post<OrderBody>('/v2/transactions', body)).body
  const path = `/v2/transactions/${id}/codes`
  return {
    path,
    deliver: async (codes: number) => {
      await importCodes(
        shop.database,
        shop.config.keys,
        shop.account,
        { productId: product.id },
        codes,
      )
      await shop.fulfill(id)
    },
    read: (headers: Record<string, string> = {}) => shop.owner.get<OrderBody>(path, { headers }),
    /** As a supplier's answer would move it. */
    move: (state: string) =>
      shop.database.pool.query('update units set state = $2 where transaction_id = $1', [
        id,
        state,
      ]),
  }
}

/** From now on the API has looked for who waits: whoever asked before is waiting. */
const untilWatched = () => untilApiRuns(shop.database, 'jsonb_object_agg(state, n) as units')

const milliseconds = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return performance.now() - start
}

test('an unchanged list is not sent again, a changed one at once', async () => {
  const { read, deliver, move } = await order(2)
  const known = async () => ({ 'If-None-Match': String((await read()).headers.get('etag')) })
  const fresh = await known()
  expect((await read(fresh)).status).toBe(304)
  await move('sourcing')
  expect((await read(fresh)).status).toBe(200)
  await move('backordered')
  const backordered = await known()
  expect((await read(backordered)).status).toBe(304)
  await deliver(1)
  expect(await read(backordered)).toMatchObject({ status: 200, body: { delivered: 1 } })
  const partial = await known()
  await deliver(1)
  expect(await read(partial)).toMatchObject({ status: 200, body: { status: 'complete' } })
})

test('who prefers to wait gets the codes when they come', async () => {
  const { read, deliver } = await order()
  const etag = String((await read()).headers.get('etag'))
  const waiting = ['', etag].map((tag) =>
    read({ Prefer: 'wait=20', ...(tag === '' ? {} : { 'If-None-Match': tag }) }),
  )
  await untilWatched()
  await deliver(1)
  for (const answer of await Promise.all(waiting)) {
    expect(answer).toMatchObject({ status: 200, body: { status: 'complete', delivered: 1 } })
    expect(answer.headers.get('preference-applied')).toBe('wait=20')
  }
}, 10_000)

test('what has not changed in that time is not sent', async () => {
  const { read, move } = await order()
  const etag = String((await read()).headers.get('etag'))
  const headers = { Prefer: 'wait=1', 'If-None-Match': etag }
  let status = 0
  const took = await milliseconds(async () => {
    status = (await read(headers)).status
  })
  expect(status).toBe(304)
  expect(took).toBeGreaterThan(900)
  expect(took).toBeLessThan(3_000)
  // That somebody is being asked is no code yet: it ends no wait, and is told after it.
  const waiting = milliseconds(async () => {
    status = (await read(headers)).status
  })
  await untilWatched()
  await move('sourcing')
  expect(await waiting).toBeGreaterThan(900)
  expect(status).toBe(200)
})

test('nobody waits for what is final, or for news that are there already', async () => {
  const { read, deliver } = await order(2)
  const old = String((await read()).headers.get('etag'))
  await deliver(1)
  const headers = { Prefer: 'wait=20', 'If-None-Match': old }
  expect(await milliseconds(() => read(headers))).toBeLessThan(3_000)
  await deliver(1)
  expect(await milliseconds(() => read({ Prefer: 'wait=20' }))).toBeLessThan(3_000)
})

test('many who wait for different orders are served by one poller', async () => {
  const orders = await Promise.all(Array.from({ length: 20 }, () => order()))
  const waiting = orders.map(({ read }) => read({ Prefer: 'wait=20' }))
  await untilWatched()
  for (const { deliver } of orders) await deliver(1)
  const answers = await Promise.all(waiting)
  expect(answers.map(({ body }) => body.delivered)).toEqual(Array(20).fill(1))
}, 15_000)
