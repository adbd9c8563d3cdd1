import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimAttempt } from '../../db/attempts.ts'
import { inTransaction } from '../../db/client.ts'
import { lockWebhook, updateWebhook } from '../../db/webhooks.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import {
  busiestSecond,
  createAccount,
  createWebhook,
  deliveriesEnded,
  happen,
  readAttempts,
  readDeliveries,
} from './world.ts'

let stack: Stack
let receiver: Receiver

beforeAll(async () => {
  receiver = await startReceiver()
  stack = await startStack('webhook-throttle', { api: false })
})
afterAll(async () => {
  await receiver.close() // first, so that nothing hangs any longer
  await stack.stop()
})

const at = (path: string) => receiver.requests.filter((each) => each.path === path)

async function endpoint(path: string, limits: { perSecondMax?: number; inFlightMax?: number }) {
  const { db } = stack.database
  const accountId = await createAccount(db, 'live')
  const url = `${receiver.url}${path}`
  const webhookId = await createWebhook(stack, accountId, { url, ...limits })
  return { db, accountId, webhookId }
}

test('10 per second: never more than 11 in a second, also when the process stands still', async () => {
  const { db, accountId } = await endpoint('/ten', { perSecondMax: 10 })
  const count = 45
  for (let n = 0; n < count; n++) await happen(db, accountId)
  // What became due meanwhile must not leave at once afterwards.
  for (const atRequests of [5, 15, 25]) {
    await eventually(
      async () => at('/ten').length,
      (arrived) => arrived >= atRequests,
      30_000,
    )
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 450)
  }
  for (const delivery of await deliveriesEnded(db, accountId, 40_000)) {
    expect(delivery).toMatchObject({ state: 'delivered', attempt_count: 1 })
  }
  expect(at('/ten')).toHaveLength(count)
  const busiest = busiestSecond(at('/ten').map((each) => Date.parse(each.received_at)))
  expect(busiest).toBeLessThanOrEqual(11)
  expect(busiest).toBeGreaterThanOrEqual(5)
  expect(await readAttempts(db, accountId)).toHaveLength(count)
}, 90_000)

test('the limit holds for those, too, that are sent again because their sender died', async () => {
  const { db, accountId, webhookId } = await endpoint('/again', { inFlightMax: 100 })
  await stack.stopWorker()
  for (let count = 0; count < 25; count++) await happen(db, accountId)
  for (const { id: deliveryId } of await readDeliveries(db, accountId)) {
    expect(await claimAttempt(db, { accountId, deliveryId })).toMatchObject({ outcome: 'send' })
  }
  const slow = { per_second_max: 10 }
  await db.updateTable('webhooks').set(slow).where('id', '=', webhookId).execute()
  await stack.restartWorker()
  for (const delivery of await deliveriesEnded(db, accountId, 60_000)) {
    expect(delivery).toMatchObject({ state: 'delivered', attempt_count: 1 })
  }
  expect(at('/again')).toHaveLength(25)
  const arrivals = at('/again').map((each) => Date.parse(each.received_at))
  expect(busiestSecond(arrivals)).toBeLessThanOrEqual(11)
}, 90_000)

test('a rate that is raised holds at once, also for those who wait because of the old one', async () => {
  const { db, accountId, webhookId } = await endpoint('/raised', { perSecondMax: 1 })
  for (let count = 0; count < 60; count++) await happen(db, accountId)
  await eventually(
    () => readDeliveries(db, accountId),
    (rows) => rows.filter((row) => row.throttled_until !== null).length >= 10,
    30_000,
  )
  await inTransaction(db, async (tx) =>
    updateWebhook(tx, await lockWebhook(tx, { accountId, webhookId }), { perSecondMax: 100 }),
  )
  // By the old rate the last one would have been sent after a minute.
  const ended = await deliveriesEnded(db, accountId, 50_000)
  expect(ended.map((row) => row.state)).toEqual(Array(60).fill('delivered'))
  expect(at('/raised')).toHaveLength(60)
}, 90_000)

test('3 at the same time: never a fourth, and the rest follows', async () => {
  let running = 0
  let most = 0
  const { db, accountId } = await endpoint('/three', { inFlightMax: 3 })
  receiver.script('/three', { answers: [{ delay_ms: 250 }] })
  const watch = setInterval(() => {
    running = at('/three').filter((each) => Date.now() - Date.parse(each.received_at) < 240).length
    most = Math.max(most, running)
  }, 5)
  for (let count = 0; count < 15; count++) await happen(db, accountId)
  const ended = await deliveriesEnded(db, accountId, 30_000)
  clearInterval(watch)
  expect(ended.map((row) => row.state)).toEqual(Array(15).fill('delivered'))
  expect(most).toBe(3)
  expect(at('/three')).toHaveLength(15)
}, 40_000)

test('an endpoint that hangs holds up nobody else', async () => {
  const slow = await endpoint('/hangs', {})
  const fine = await endpoint('/fine', {})
  receiver.script('/hangs', { answers: [{ instead: 'hang' }] })
  for (let count = 0; count < 80; count++) await happen(slow.db, slow.accountId)
  // As many as the worker can have in its hands: they hang, or have been told to wait.
  await eventually(
    () => readDeliveries(slow.db, slow.accountId),
    (rows) => rows.filter((row) => row.sending_since ?? row.throttled_until).length >= 60,
    14_000,
  )
  await happen(fine.db, fine.accountId)
  for (let count = 0; count < 10; count++) await happen(fine.db, fine.accountId)
  // Less than the fifteen seconds after which the first hanging request would make room. Ten of the
  // eleven, because a busy machine may lose a workflow task, which comes back after ten seconds.
  await eventually(
    async () => at('/fine').length,
    (count) => count >= 10,
    12_000,
  )
  const ended = await deliveriesEnded(fine.db, fine.accountId, 30_000)
  expect(ended.map((row) => row.state)).toEqual(Array(11).fill('delivered'))
  expect(at('/hangs').length).toBeLessThanOrEqual(32) // two rounds of sixteen at most
}, 60_000)
