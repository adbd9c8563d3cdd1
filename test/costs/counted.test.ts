import { afterAll, beforeAll, expect, test } from 'vitest'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { startPspProcess, type PspProcess } from '../sandbox/psp-process.ts'
import { openShop, type OpenShop } from '../shop.ts'

/** What an order, a delivery and a day cost, counted in their recorded histories (docs/promises.md, 6). */

let stack: Stack
let receiver: Receiver
let psp: PspProcess
let shop: OpenShop

beforeAll(async () => {
  receiver = await startReceiver()
  psp = await startPspProcess() // it tells nobody: what is told costs a look each
  stack = await startStack('counted', { supplier: true, env: { SANDBOX_PSP_URL: psp.url } })
  shop = await openShop(stack, { codes: 60 })
})
afterAll(async () => {
  await stack.stop()
  await psp.kill()
  await receiver.close()
})

/** Billable: the start, activities, timers, signals and updates. */
const BILLABLE = new Set([
  'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED',
  'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED',
  'EVENT_TYPE_MARKER_RECORDED',
  'EVENT_TYPE_TIMER_STARTED',
  'EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED',
  'EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED',
])

async function countHistory(workflowId: string): Promise<{ events: number; actions: number }> {
  const handle = stack.temporal.workflow.getHandle(workflowId)
  // The dispatcher starts it a moment after the order was answered.
  await eventually(
    () =>
      handle.describe().then(
        ({ status }) => status.name,
        () => 'NOT_FOUND' as const,
      ),
    (status) => status === 'COMPLETED',
  )
  const { events } = await handle.fetchHistory()
  const types = (events ?? []).map(
    ({ eventType }) => EVENT_NAMES[Number(eventType)] ?? String(eventType),
  )
  return { events: types.length, actions: types.filter((type) => BILLABLE.has(type)).length }
}

/** The numbers of temporal.api.enums.v1.EventType that are billable. */
const EVENT_NAMES: Record<number, string> = {
  1: 'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED',
  10: 'EVENT_TYPE_ACTIVITY_TASK_SCHEDULED',
  17: 'EVENT_TYPE_TIMER_STARTED',
  25: 'EVENT_TYPE_MARKER_RECORDED',
  26: 'EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED',
  41: 'EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED',
}

test('an order in stock takes 6 events and 2 actions, however many units', async () => {
  for (const quantity of [1, 5, 20]) {
    const id = await shop.order([{ sku: shop.pooled.sku, quantity }])
    expect(await countHistory(`transaction/${id}`)).toEqual({ events: 6, actions: 2 })
  }
})

test('a webhook delivered at once takes 11 events and 2 actions; six failures at most 84', async () => {
  receiver.script('/fails', { answers: [{ status: 500 }] })
  for (const path of ['/ok', '/fails']) {
    await shop.client.post('/v2/webhooks', {
      url: `${receiver.url}${path}`,
      events: ['order.created'],
    })
  }
  await shop.order([{ sku: shop.pooled.sku, quantity: 1 }])
  const delivery = async (path: string) => {
    const { rows } = await stack.database.pool.query<{ id: string; attempt_count: number }>(
      `select d.id, d.attempt_count from deliveries d join webhooks w on w.id = d.webhook_id
       where w.account_id = $1 and w.url = $2`,
      [shop.account.accountId, `${receiver.url}${path}`],
    )
    return rows[0] ?? { id: '', attempt_count: 0 }
  }
  const ok = await eventually(
    () => delivery('/ok'),
    ({ attempt_count }) => attempt_count === 1,
  )
  expect(await countHistory(`webhook/${ok.id}`)).toEqual({ events: 11, actions: 2 })
  await shop.advance('PT9H')
  const failed = await delivery('/fails')
  expect(failed.attempt_count).toBe(6)
  expect((await countHistory(`webhook/${failed.id}`)).events).toBeLessThanOrEqual(84)
}, 60_000)

test('a payment takes 11 events and 2 actions, and so does its refund', async () => {
  const { client } = shop
  const create = { amount: 900, currency: 'usd', payment_method: 'pm_card_visa' }
  const path = '/v2/payments/intents'
  const made = await client.post<{ id: string }>(path, create)
  const { id } = made.body
  expect(await countHistory(`payment/${id}`)).toEqual({ events: 11, actions: 2 })
  const refund = await client.post<{ id: string }>(`/v2/payments/${id}/refund`, { amount: 100 })
  expect(await countHistory(`refund/${refund.body.id}`)).toEqual({ events: 11, actions: 2 })
})

test('a purchase-order day takes at most 60 events, however many transactions', async () => {
  const counted: number[] = []
  for (const orders of [1, 12]) {
    const own = await openShop(stack, { codes: orders })
    const ids = await Promise.all(
      Array.from({ length: orders }, () => own.order([{ sku: own.pooled.sku, quantity: 1 }])),
    )
    const transaction = await own.client.get<{ purchase_order: { business_date: string } }>(
      `/v2/transactions/${ids[0]}`,
    )
    await own.advance('PT30H')
    const { business_date } = transaction.body.purchase_order
    const day = `purchase-order/${own.customerId}/${business_date}/USD`
    counted.push((await countHistory(day)).events)
  }
  const [one = 0, many = 0] = counted
  expect(many).toBe(one)
  expect(many).toBeLessThanOrEqual(60)
}, 60_000)
