import { afterAll, beforeAll, expect, test } from 'vitest'
import { newId } from '../../../../new-id.ts'
import {
  importCodes,
  makeAccount,
  makeCustomer,
  makeKey,
  makeProduct,
  type TestAccount,
} from '../../../factories.ts'
import type { TestClient } from '../../client.ts'
import { openShop, untilApiRuns, type OrderBody, type Shop } from '../orders/shop.ts'

/** Reads that arrive at once share statements, and nothing else. */

let shop: Shop
beforeAll(async () => {
  shop = await openShop('codes_together')
})
afterAll(() => shop.stop())

type CodeList = OrderBody & { codes: { code: string | null }[] }
type Delivered = { account: TestAccount; customerId: string; path: string; codes: string[] }

const NO_LIMIT = 1_000 // requests per second

/** An order of two codes that are there. */
async function deliver(account: TestAccount): Promise<Delivered> {
  const { database, config } = shop
  const product = await makeProduct(database, account.accountId)
  const customerId = await makeCustomer(database, account.accountId)
  const codes = await importCodes(database, config.keys, account, { productId: product.id }, 2)
  const body = { customer_id: customerId, items: [{ sku: product.sku, quantity: 2 }] }
  const client = shop.client(account.key)
  const { id } = (await client.post<OrderBody>('/v2/transactions', body)).body
  await shop.fulfill(id, account.accountId)
  return { account, customerId, path: `/v2/transactions/${id}/codes`, codes }
}

/** A key of its own for the reader, so that the audit names it. */
async function reader(account: TestAccount, customerId?: string) {
  const id = newId('apiKey')
  const options = { id, requestsPerSecond: NO_LIMIT, ...(customerId ? { customerId } : {}) }
  return { id, client: shop.client(await makeKey(shop.database, account, options)) }
}

/** Of an answer without a list, none. */
const textsOf = (list: Partial<CodeList> | undefined) =>
  new Set(list?.codes?.map(({ code }) => code))

test('each reader gets his own list, and the audit says who saw which', async () => {
  const other = await makeAccount(shop.database)
  const orders: Delivered[] = []
  for (let n = 0; n < 6; n++) orders.push(await deliver(n % 3 === 0 ? other : shop.account))
  const [first, bound] = [orders[1], orders[2]]
  if (first === undefined || bound === undefined) throw new Error('no orders')
  const readers = [
    { ...(await reader(shop.account)), sees: (order: Delivered) => order.account !== other },
    { ...(await reader(other)), sees: (order: Delivered) => order.account === other },
    {
      ...(await reader(shop.account, bound.customerId)),
      sees: (each: Delivered) => each === bound,
    },
  ]
  const answers = await Promise.all(
    orders.flatMap((order) =>
      readers.map(async ({ id, client, sees }) => {
        const answer = await client.get<CodeList>(order.path)
        return { order, keyId: id, mayRead: sees(order), answer }
      }),
    ),
  )
  for (const { order, mayRead, answer } of answers) {
    expect(answer.status).toBe(mayRead ? 200 : 404)
    expect(textsOf(answer.body)).toEqual(new Set(mayRead ? order.codes : []))
  }
  const { rows } = await shop.database.pool.query<{ seen: string }>(
    `select concat_ws(' ', r.key_id, r.request_id, r.address, r.transaction_id, (
        select count(*) from units u join codes c on c.unit_id = u.id
        where u.transaction_id = r.transaction_id and c.id = any (r.code_ids)),
        cardinality(r.code_ids)) as seen
      from code_reveals r where r.key_id = any ($1)`,
    [readers.map(({ id }) => id)],
  )
  const due = answers
    .filter(({ mayRead }) => mayRead)
    .map(({ keyId, answer, order }) => {
      const transactionId = order.path.split('/')[3]
      return `${keyId} ${answer.headers.get('x-request-id')} 127.0.0.1 ${transactionId} 2 2`
    })
  expect(rows.map(({ seen }) => seen).toSorted()).toEqual(due.toSorted())
})

test('no code leaves before its audit row is durable', async () => {
  const orders = await Promise.all(Array.from({ length: 4 }, () => deliver(shop.account)))
  const { client } = await reader(shop.account)
  const locker = await shop.database.pool.connect()
  let answered = 0
  await locker.query('begin')
  await locker.query('lock table code_reveals in share mode')
  const reading = orders.map(async ({ path }) => {
    const answer = await client.get<CodeList>(path)
    answered += 1
    return answer
  })
  await untilApiRuns(shop.database, 'insert into code_reveals')
  expect(answered).toBe(0)
  await locker.query('rollback')
  locker.release()
  for (const [index, answer] of (await Promise.all(reading)).entries()) {
    expect(textsOf(answer.body)).toEqual(new Set(orders[index]?.codes))
  }
})

/** Every client at once, so that all of them stand in one statement. */
async function readAll(readers: { client: TestClient; path: string; etag?: string }[]) {
  return Promise.all(
    readers.map(({ client, path, etag }) =>
      client.get<CodeList>(path, { headers: etag === undefined ? {} : { 'If-None-Match': etag } }),
    ),
  )
}

test('who knows his list is told so beside others who do not', async () => {
  const orders = await Promise.all(Array.from({ length: 4 }, () => deliver(shop.account)))
  const { client } = await reader(shop.account)
  const plain = orders.map(({ path }) => ({ client, path }))
  const etags = (await readAll(plain)).map(({ headers }) => String(headers.get('etag')))
  expect(new Set(etags).size).toBe(orders.length)
  const mixed = plain.map((each, index) => ({
    ...each,
    // Every other one sends the ETag of his neighbour, which is none of his own.
    etag: etags[index % 2 === 0 ? index : (index + 1) % etags.length] ?? '',
  }))
  const answers = await readAll(mixed)
  expect(answers.map(({ status }) => status)).toEqual(orders.map((_, n) => (n % 2 ? 200 : 304)))
  expect(answers.map(({ body }) => textsOf(body))).toEqual(
    orders.map(({ codes }, n) => new Set(n % 2 ? codes : [])),
  )
})
