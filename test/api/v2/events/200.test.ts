import { afterAll, beforeAll, expect, test } from 'vitest'
import { inTransaction } from '../../../../db/client.ts'
import { emitEvent } from '../../../../db/events.ts'
import { makeAccount, makeCustomer, makeKey } from '../../../factories.ts'
import { eventually } from '../../../harness.ts'
import { serveApi, type ServedApi } from '../../serve.ts'

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('events_200')
})
afterAll(() => api.stop())

type Listed = {
  data: { id: string; type: string; sequence: number; data: { object: { id: string } } }[]
  pagination: { next_cursor: string | null; has_more: boolean }
}

/** An account with a way to make events and to walk over them. */
async function poller() {
  const account = await makeAccount(api.database)
  const client = api.client(account.key)
  const makeProduct = async (sku: string) => {
    const { body } = await client.post<{ id: string }>('/v2/products', { name: sku, price: 1, sku })
    return body.id
  }
  const walk = async (cursor: string | null, query = '') =>
    (await client.get<Listed>(`/v2/events?cursor=${encodeURIComponent(cursor ?? '')}${query}`)).body
  /** Until so many are listed: whatever any process of the server writes holds back what came after. */
  const listed = (count: number) =>
    eventually(
      async () => (await client.get<Listed>('/v2/events')).body.data,
      (events) => events.length === count,
    )
  return { account, client, makeProduct, walk, listed }
}

test('an event is the object as GET answered it then', async () => {
  const { client, makeProduct, listed } = await poller()
  const id = await makeProduct('SAME')
  const { body: product } = await client.get(`/v2/products/${id}`)
  await client.patch(`/v2/products/${id}`, { name: 'Other' })
  const events = await listed(2)
  expect(events).toMatchObject([
    { type: 'product.created', sequence: 1, data: { object: product } },
    { type: 'product.updated', sequence: 2, data: { object: { name: 'Other', version: 2 } } },
  ])
  const [first] = events
  expect((await client.get(`/v2/events/${first?.id}`)).body).toEqual(first)
})

test('a walk goes on where it ended, also at the end', async () => {
  const { makeProduct, walk, listed } = await poller()
  const empty = await walk(null)
  expect(empty).toEqual({ data: [], pagination: { next_cursor: null, has_more: false } })
  const made = [await makeProduct('W1'), await makeProduct('W2'), await makeProduct('W3')]
  await listed(3)
  const one = await walk(null, '&limit=2')
  expect(one.pagination.has_more).toBe(true)
  const two = await walk(one.pagination.next_cursor, '&limit=2')
  expect(two.pagination.has_more).toBe(false)
  expect([...one.data, ...two.data].map((each) => each.data.object.id)).toEqual(made)
  const three = await walk(two.pagination.next_cursor)
  expect(three.data).toEqual([])
  const fresh = await makeProduct('W4')
  await listed(4)
  const four = await walk(three.pagination.next_cursor)
  expect(four.data.map((each) => each.data.object.id)).toEqual([fresh])
})

/** An event that is written and not committed yet. */
async function holdEvent(accountId: string, objectId: string) {
  const [written, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const ended = inTransaction(api.database.db, async (tx) => {
    const facts = { object: { id: 'late' } }
    const event = { type: 'customer.updated' as const, objectId, sequence: 1, facts }
    await emitEvent(tx, { ...event, accountId, customerId: null })
    written.resolve()
    await held.promise
  })
  await Promise.race([written.promise, ended])
  return {
    commit: () => {
      held.resolve()
      return ended
    },
  }
}

test('what commits late is not skipped: it holds back what came after it', async () => {
  const { account, makeProduct, walk, listed } = await poller()
  const late = await holdEvent(account.accountId, 'cust_late')
  const after = await makeProduct('AFTER')
  const before = await walk(null)
  expect(before.data).toEqual([])
  await late.commit()
  await listed(2)
  const both = await walk(before.pagination.next_cursor)
  expect(both.data.map((each) => each.data.object.id)).toEqual(['late', after])
})

test('cursor=latest starts with what comes from now on, also what commits late', async () => {
  const { account, client, makeProduct, listed } = await poller()
  await makeProduct('OLD')
  await listed(1)
  const late = await holdEvent(account.accountId, 'cust_open')
  const { body: start } = await client.get<Listed>('/v2/events?cursor=latest&limit=5')
  expect(start.data).toEqual([])
  await late.commit()
  const fresh = await makeProduct('FRESH')
  await listed(3)
  const cursor = encodeURIComponent(start.pagination.next_cursor ?? '')
  const { body: next } = await client.get<Listed>(`/v2/events?cursor=${cursor}`)
  expect(next.data.map((each) => each.data.object.id)).toEqual(['late', fresh])
  expect((await client.get('/v2/events?cursor=latest&page=2')).status).toBe(400)
  expect((await client.get('/v2/products?cursor=latest')).status).toBe(400)
})

test('filters by type and by object', async () => {
  const { client, makeProduct, listed } = await poller()
  const [one, two] = [await makeProduct('F1'), await makeProduct('F2')]
  await client.patch(`/v2/products/${one}`, { name: 'F1b' })
  await listed(3)
  const types = async (query: string) =>
    (await client.get<Listed>(`/v2/events?${query}`)).body.data.map((each) => each.type)
  expect(await types('type=product.updated')).toEqual(['product.updated'])
  expect(await types(`object_id=${two}`)).toEqual(['product.created'])
  expect(await types(`object_id=${one}&type=product.created`)).toEqual(['product.created'])
  expect(await types('type=order.created')).toEqual([])
})

test("a bound key sees its customer's events only, and nobody sees another account's", async () => {
  const { account, client, makeProduct, listed } = await poller()
  await makeProduct('B1')
  const mine = await makeCustomer(api.database, account.accountId)
  const theirs = await makeCustomer(api.database, account.accountId)
  for (const id of [mine, theirs]) await client.patch(`/v2/customers/${id}`, { company: 'New Ltd' })
  const all = await listed(3)
  const bound = api.client(await makeKey(api.database, account, { customerId: mine }))
  const { body: seen } = await bound.get<Listed>('/v2/events')
  expect(seen.data.map((each) => each.data.object.id)).toEqual([mine])
  const hidden = all.filter((each) => each.data.object.id !== mine)
  const stranger = api.client((await makeAccount(api.database)).key)
  for (const event of hidden) {
    expect((await bound.get(`/v2/events/${event.id}`)).status).toBe(404)
    expect((await stranger.get(`/v2/events/${event.id}`)).status).toBe(404)
  }
  expect((await stranger.get<Listed>('/v2/events')).body.data).toEqual([])
})

test('a cursor of another filter or another key is refused', async () => {
  const { client, makeProduct, walk, listed } = await poller()
  await makeProduct('C1')
  await listed(1)
  const { pagination } = await walk(null)
  const cursor = encodeURIComponent(pagination.next_cursor ?? '')
  expect((await client.get(`/v2/events?cursor=${cursor}&type=order.created`)).status).toBe(400)
  const { client: other } = await poller()
  expect((await other.get(`/v2/events?cursor=${cursor}`)).status).toBe(400)
})
