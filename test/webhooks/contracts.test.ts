import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { EVENT_TYPES } from '../../domain/event-type.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'

let stack: Stack
let receiver: Receiver
let shop: OpenShop
beforeAll(async () => {
  receiver = await startReceiver()
  stack = await startStack('webhook-contracts', {
    env: { WEBHOOK_ALLOWED_PRIVATE_HOSTS: '127.0.0.1' },
  })
  shop = await openShop(stack)
  await shop.client.post('/v2/webhooks', {
    url: `${receiver.url}/all`,
    events: ['*', 'codes.available', 'invoice.finalized', 'webhook.disabled'],
  })
})
afterAll(async () => {
  await stack.stop()
  await receiver.close()
})

type Sent = {
  id: string
  type: string
  sequence: number
  created_at: string
  data: { object: Record<string, unknown> & { id: string; links?: Record<string, unknown> } }
}

/** The event of a type about an object, as the endpoint got it. */
async function sent(type: string, objectId: string): Promise<Sent> {
  const seen = await eventually(
    async () => receiver.requests.map((each): Sent => JSON.parse(each.body)),
    (events) => events.some((event) => event.type === type && event.data.object.id === objectId),
  )
  const matching = seen.filter((event) => event.type === type && event.data.object.id === objectId)
  expect(matching).toHaveLength(1)
  return matching[0] as Sent
}

/** The object without the link that only the account's own operators can follow. */
const shown = ({ links, ...object }: Sent['data']['object']) => ({
  ...object,
  ...(links === undefined ? {} : { links: { ...links, workflow: null } }),
})

test('product events carry what GET answers', async () => {
  const { client } = shop
  const created = await client.post<{ id: string }>('/v2/products', {
    name: 'A',
    price: 5,
    sku: 'EV-A',
  })
  const path = `/v2/products/${created.body.id}`
  expect((await sent('product.created', created.body.id)).data.object).toEqual(created.body)
  const updated = await client.patch(path, { name: 'B' })
  expect((await sent('product.updated', created.body.id)).data.object).toEqual(updated.body)
  await client.delete(path)
  const { body: last } = await client.get(path)
  expect((await sent('product.deleted', created.body.id)).data.object).toEqual(last)
})

test('customer events carry what GET answers', async () => {
  const { client } = shop
  const created = await client.post<{ id: string }>('/v2/customers', { email: 'event@example.com' })
  expect((await sent('customer.created', created.body.id)).data.object).toEqual(created.body)
  const updated = await client.patch(`/v2/customers/${created.body.id}`, { company: 'New Ltd' })
  expect((await sent('customer.updated', created.body.id)).data.object).toEqual(updated.body)
})

test('an order that is fulfilled: created, codes available, fulfilled, each as it was then', async () => {
  const { client } = shop
  const order = await client.post<Sent['data']['object']>('/v2/orders', {
    customer_id: shop.customerId,
    items: [{ sku: shop.pooled.sku, quantity: 2 }],
  })
  const id = order.body.id
  expect(shown((await sent('order.created', id)).data.object)).toEqual(shown(order.body))
  const fulfilled = await sent('order.fulfilled', id)
  const { body: now } = await client.get<Sent['data']['object']>(`/v2/orders/${id}`)
  expect(shown(fulfilled.data.object)).toEqual(shown(now))
  expect(now).toMatchObject({ fulfillment_status: 'fulfilled' })
  const available = await sent('codes.available', id.replace('ord_', 'txn_'))
  const { body: transaction } = await client.get<Sent['data']['object']>(
    `/v2/transactions/${id.replace('ord_', 'txn_')}`,
  )
  expect(shown(available.data.object)).toEqual(shown(transaction))
  const sequences = receiver.requests
    .map((each): Sent => JSON.parse(each.body))
    .filter((event) => event.data.object.id.slice(4) === id.slice(4))
    .map((event) => event.sequence)
  expect(sequences.toSorted((a, b) => a - b)).toEqual([1, 2, 3])
  for (const code of shop.codes) {
    expect(JSON.stringify(receiver.requests)).not.toContain(code)
  }
})

test('an order that gets nothing is cancelled; the day ends with its invoice', async () => {
  const { client } = shop
  const empty = await client.post<{ sku: string }>('/v2/products', {
    name: 'Nobody sells it',
    price: 5,
    sku: 'EV-NONE',
    fulfillment_type: 'digital_code',
  })
  const order = await client.post<{ id: string }>('/v2/orders', {
    customer_id: shop.customerId,
    items: [{ sku: empty.body.sku, quantity: 1 }],
  })
  await shop.advance('PT26H')
  const cancelled = await sent('order.cancelled', order.body.id)
  const { body: now } = await client.get<Sent['data']['object']>(`/v2/orders/${order.body.id}`)
  expect(now).toMatchObject({ status: 'cancelled' })
  expect(cancelled.data.object['status']).toBe(now['status'])
  const { body: invoices } = await client.get<{ data: { id: string }[] }>('/v2/invoices')
  const [invoice] = invoices.data
  const finalized = await sent('invoice.finalized', invoice?.id ?? '')
  expect(finalized.data.object).toMatchObject({ object: 'invoice', id: invoice?.id })
})

test('the types here are those that SQL knows', async () => {
  const { rows } = await sql<{ type: string }>`select type from event_types`.execute(
    stack.database.db,
  )
  expect(rows.map((row) => row.type).sort()).toEqual([...EVENT_TYPES].sort())
})
