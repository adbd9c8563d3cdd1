import { randomUUID } from 'node:crypto'
import { Agent, request } from 'undici'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createLog } from '../../../../log.ts'
import { startApi, type RunningApi } from '../../../../server.ts'
import { makeCustomer } from '../../../factories.ts'
import { eventually } from '../../../harness.ts'
import { openShop, type OrderBody, type Shop } from './shop.ts'

/** Over real sockets, because that is where requests overtake each other. */
const CONNECTIONS = 264 // a few more than one process works on: those are told to come back
const TEST_MS_MAX = 90_000 // the machine may be busy

vi.setConfig({ testTimeout: TEST_MS_MAX })

let shop: Shop
/** A second process, as far as the database can tell. */
let second: RunningApi
const agent = new Agent({ connections: CONNECTIONS })

beforeAll(async () => {
  shop = await openShop('orders_concurrency')
  second = await startApi(shop.config, createLog('second', 'silent'))
})
afterAll(async () => {
  await agent.close()
  await second.close()
  await shop.stop()
})

type Placed = { order: OrderBody; replayed: boolean }

/** A client that keeps its key and comes back after each 503, 429 and 409, far too soon. */
async function place(customerId: string, key: string, url = shop.url): Promise<Placed> {
  const answer = await eventually(
    async () => {
      const response = await request(`${url}/v2/transactions`, {
        dispatcher: agent,
        method: 'POST',
        headers: {
          authorization: `Bearer ${shop.account.key}`,
          'content-type': 'application/json',
          'idempotency-key': key,
        },
        body: JSON.stringify({
          customer_id: customerId,
          items: [{ sku: shop.product.sku, quantity: 1 }],
        }),
      })
      return { ...response, text: await response.body.text() }
    },
    ({ statusCode, headers }) => {
      if (![409, 429, 503].includes(statusCode)) return true
      expect(headers['retry-after']).toMatch(/^\d+$/)
      return false
    },
    TEST_MS_MAX,
  )
  if (answer.statusCode !== 201) throw new Error(`${answer.statusCode} ${answer.text}`)
  const replayed = answer.headers['idempotent-replayed'] === 'true'
  return { order: JSON.parse(answer.text), replayed }
}

type Row = {
  id: string
  position: number
  purchase_order_id: string
  business_date: string
  sequence: number
  /** Whether it was accepted in the period of its purchase order. */
  inside: boolean
}

async function readOrders(customerId: string): Promise<Row[]> {
  const { rows } = await shop.database.pool.query<Row>(
    `select t.id, t.position, t.purchase_order_id, po.business_date, po.sequence,
       t.accepted_at >= po.period_start and t.accepted_at < po.period_end as inside
     from transactions t join purchase_orders po on po.id = t.purchase_order_id
     where t.customer_id = $1 order by po.business_date, po.sequence, t.position`,
    [customerId],
  )
  return rows
}

/** What holds for every customer's orders, however many came at once. */
async function expectWhole(customerId: string, answers: OrderBody[]): Promise<Row[]> {
  const rows = await readOrders(customerId)
  expect(rows.map(({ id }) => id).sort()).toEqual(answers.map(({ id }) => id).sort())
  expect(rows.filter(({ inside }) => !inside)).toEqual([])
  const days = Map.groupBy(rows, (row) => row.purchase_order_id)
  for (const day of days.values()) {
    expect(day.map(({ position }) => position)).toEqual(day.map((_, index) => index + 1))
  }
  const answered = new Map(answers.map((order) => [order.id, order.purchase_order.id]))
  expect(rows.filter((row) => answered.get(row.id) !== row.purchase_order_id)).toEqual([])
  return rows
}

test('1,000 orders at once are one purchase order with positions 1 to 1,000', async () => {
  const customerId = await makeCustomer(shop.database, shop.account.accountId)
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, () => place(customerId, randomUUID())),
  )
  const rows = await expectWhole(
    customerId,
    answers.map(({ order }) => order),
  )
  expect(rows).toHaveLength(1_000)
  expect(new Set(rows.map((row) => row.purchase_order_id)).size).toBe(1)
  expect(rows.at(-1)?.position).toBe(1_000)
})

test('the same from two processes, whose queues know nothing of each other', async () => {
  const customerId = await makeCustomer(shop.database, shop.account.accountId)
  const other = `http://127.0.0.1:${second.port}`
  const answers = await Promise.all(
    Array.from({ length: 200 }, (_, n) =>
      place(customerId, randomUUID(), n % 2 === 0 ? shop.url : other),
    ),
  )
  const rows = await expectWhole(
    customerId,
    answers.map(({ order }) => order),
  )
  expect(rows).toHaveLength(200)
})

test('100 requests at once under one key are one order', async () => {
  const customerId = await makeCustomer(shop.database, shop.account.accountId)
  const key = randomUUID()
  const other = `http://127.0.0.1:${second.port}`
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, n) => place(customerId, key, n % 2 === 0 ? shop.url : other)),
  )
  expect(await readOrders(customerId)).toHaveLength(1)
  expect(new Set(answers.map(({ order }) => JSON.stringify(order))).size).toBe(1)
  expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1)
})

test('600 orders at once for 500 codes: 500 are issued once, 100 wait', async () => {
  const codes = await shop.stock(500)
  const customers = await Promise.all(
    Array.from({ length: 6 }, () => makeCustomer(shop.database, shop.account.accountId)),
  )
  const orders = await Promise.all(
    Array.from({ length: 600 }, (_, n) => place(String(customers[n % 6]), randomUUID())),
  )
  const ids = orders.map(({ order }) => order.id)
  // Twice as many at a time as there are connections: who waits for one longer than a second is refused.
  const LANES = 32
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      for (const [n, id] of ids.entries()) if (n % LANES === lane) await shop.fulfill(id)
    }),
  )
  type CodeList = { status: string; codes: { code: string | null }[] }
  const shown: string[] = []
  let waiting = 0
  for (const id of ids) {
    const { body } = await shop.owner.get<CodeList>(`/v2/transactions/${id}/codes`)
    const [first] = body.codes
    if (typeof first?.code === 'string') shown.push(first.code)
    if (body.status === 'processing') waiting += 1
  }
  expect(shown.toSorted()).toEqual(codes.toSorted())
  expect(waiting).toBe(100)
})

/** Orders from 16 clients until told to stop, so that some are always under way. */
function orderUntilStopped(customerId: string): { stop(): Promise<OrderBody[]> } {
  let stopped = false
  const orders: OrderBody[] = []
  const clients = Array.from({ length: 16 }, async () => {
    while (!stopped) orders.push((await place(customerId, randomUUID())).order)
  })
  return {
    async stop() {
      stopped = true
      await Promise.all(clients)
      return orders
    },
  }
}

test('orders across the cut-off are all on the purchase order of their instant', async () => {
  // A cut-off three seconds from now, in a zone where that is not near midnight.
  const hours = new Date().getUTCHours()
  const timeZone = `Etc/GMT${hours >= 12 ? '+' : '-'}${Math.abs(hours - 12)}`
  const { rows } = await shop.database.pool.query<{ cut_off: string }>(
    `select to_char(clock_timestamp() at time zone $1 + interval '3 seconds', 'HH24:MI:SS.MS') as cut_off`,
    [timeZone],
  )
  const cutOff = String(rows[0]?.cut_off)
  const customerId = await makeCustomer(shop.database, shop.account.accountId, { timeZone, cutOff })
  const clients = orderUntilStopped(customerId)
  await eventually(
    () => readOrders(customerId),
    (seen) => {
      const days = Map.groupBy(seen, (row) => row.business_date)
      return days.size === 2 && [...days.values()].every((day) => day.length > 5)
    },
  )
  const orders = await expectWhole(customerId, await clients.stop())
  const days = Map.groupBy(orders, (row) => row.business_date)
  expect([...days.values()].map((day) => day.length > 5)).toEqual([true, true])
  expect(orders.every((row) => row.sequence === 1)).toBe(true)
})

test('orders around early closes are all on exactly one purchase order', async () => {
  const customerId = await makeCustomer(shop.database, shop.account.accountId)
  const clients = orderUntilStopped(customerId)
  const closed: string[] = []
  for (let close = 0; close < 5; close++) {
    type List = { data: { id: string; transaction_count: number }[] }
    const open = await eventually(
      () => shop.owner.get<List>(`/v2/purchase-orders?status=open&customer_id=${customerId}`),
      ({ body }) => (body.data[0]?.transaction_count ?? 0) > 20,
    )
    const id = String(open.body.data[0]?.id)
    const answer = await shop.owner.post(`/v2/purchase-orders/${id}/close`)
    expect(answer).toMatchObject({ status: 201, body: { status: 'settling' } })
    closed.push(id)
  }
  const orders = await expectWhole(customerId, await clients.stop())
  const sequences = [...new Set(orders.map((row) => row.sequence))]
  expect(sequences).toEqual(sequences.map((_, index) => index + 1))
  expect(sequences.length).toBeGreaterThanOrEqual(5)
  for (const id of closed) {
    const counted = orders.filter((row) => row.purchase_order_id === id).length
    expect((await shop.owner.get(`/v2/purchase-orders/${id}`)).body).toMatchObject({
      transaction_count: counted,
      total_minor: counted * 4999,
    })
  }
})
