import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inTransaction } from '../../db/client.ts'
import { listFailingWebhooks } from '../../db/failing-webhooks.ts'
import { deleteWebhook, lockWebhook, updateWebhook } from '../../db/webhooks.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { startStack, type Stack } from '../harness.ts'
import {
  advanceClock,
  createAccount,
  createWebhook,
  deliveriesEnded,
  deliveriesWait,
  happen,
  readAttempts,
  readDeliveries,
} from './world.ts'

let stack: Stack
let receiver: Receiver

beforeAll(async () => {
  receiver = await startReceiver()
  stack = await startStack('webhook-ends', { api: false })
})
afterAll(async () => {
  await stack.stop()
  await receiver.close()
})

const HOUR_MS = 3_600_000
const at = (path: string) => receiver.requests.filter((each) => each.path === path)

const setActive = (key: { accountId: string; webhookId: string }, active: boolean) =>
  inTransaction(stack.database.db, async (tx) =>
    updateWebhook(tx, await lockWebhook(tx, key), { active }),
  )

/** An endpoint with two deliveries that have failed once and wait. */
async function failingEndpoint(path: string) {
  const { db } = stack.database
  const accountId = await createAccount(db)
  receiver.script(path, { answers: [{ status: 500 }] })
  const webhookId = await createWebhook(stack, accountId, { url: `${receiver.url}${path}` })
  await happen(db, accountId)
  await happen(db, accountId)
  await deliveriesWait(db, accountId, 2)
  return { db, accountId, webhookId, key: { accountId, webhookId } }
}

test('410 disables the endpoint at once and ends everything that waits for it', async () => {
  const { db, accountId, webhookId } = await failingEndpoint('/gone')
  const listenerId = await createWebhook(stack, accountId, {
    url: `${receiver.url}/listener`,
    events: ['webhook.disabled'],
  })
  receiver.script('/gone', { answers: [{ status: 410 }] })
  await happen(db, accountId)

  const ended = await deliveriesEnded(db, accountId)
  const ofGone = ended.filter((row) => row.webhook_id === webhookId)
  expect(ofGone).toHaveLength(3)
  for (const row of ofGone) {
    expect(row).toMatchObject({ state: 'cancelled', reason: 'endpoint_gone', attempt_count: 1 })
  }
  const webhook = await db
    .selectFrom('webhooks')
    .selectAll()
    .where('id', '=', webhookId)
    .executeTakeFirstOrThrow()
  expect(webhook).toMatchObject({ active: false, disabled_reason: 'endpoint_gone' })
  expect(ended.filter((row) => row.webhook_id === listenerId)).toMatchObject([
    { state: 'delivered' },
  ])
  expect(JSON.parse(at('/listener')[0]?.body ?? '')).toMatchObject({
    type: 'webhook.disabled',
    data: { object: { object: 'webhook', id: webhookId, disabled_reason: 'endpoint_gone' } },
  })
  // Nobody asks it again, and it hears of nothing new.
  await happen(db, accountId)
  await advanceClock(db, accountId, 86_400_000)
  expect(at('/gone')).toHaveLength(3)
})

test('a deleted endpoint: its open deliveries end as cancelled', async () => {
  const { db, accountId, key } = await failingEndpoint('/deleted')
  await inTransaction(db, (tx) => deleteWebhook(tx, key))
  for (const row of await deliveriesEnded(db, accountId)) {
    expect(row).toMatchObject({ state: 'cancelled', reason: 'endpoint_deleted', attempt_count: 1 })
  }
  await happen(db, accountId)
  expect(await readDeliveries(db, accountId)).toHaveLength(2)
  expect(at('/deleted')).toHaveLength(2)
})

test('an endpoint that is switched off, and on again', async () => {
  const { db, accountId, key } = await failingEndpoint('/off')
  await setActive(key, false)
  for (const row of await deliveriesEnded(db, accountId)) {
    expect(row).toMatchObject({ state: 'cancelled', reason: 'endpoint_inactive' })
  }
  await happen(db, accountId)
  expect(await readDeliveries(db, accountId)).toHaveLength(2)

  receiver.script('/off', { answers: [{ status: 200 }] })
  await setActive(key, true)
  await happen(db, accountId)
  const states = (await deliveriesEnded(db, accountId)).map((row) => row.state)
  expect(states).toEqual(['cancelled', 'cancelled', 'delivered'])
})

describe('an endpoint that only fails', () => {
  test('is disabled after 120 hours with twenty deliveries used up, not before', async () => {
    const { db } = stack.database
    const accountId = await createAccount(db)
    receiver.script('/hopeless', { answers: [{ status: 500 }] })
    const webhookId = await createWebhook(stack, accountId, {
      url: `${receiver.url}/hopeless`,
      events: ['product.created'],
    })
    const webhook = () =>
      db.selectFrom('webhooks').selectAll().where('id', '=', webhookId).executeTakeFirstOrThrow()

    const exhaust = async () => {
      await happen(db, accountId)
      await deliveriesWait(db, accountId, 1)
      await advanceClock(db, accountId, 9 * HOUR_MS)
      return webhook()
    }
    expect(await listFailingWebhooks(db, { accountId })).toEqual([])
    expect(await exhaust()).toMatchObject({ active: true, exhausted_count: 1 })
    expect(await listFailingWebhooks(db)).toContainEqual(
      expect.objectContaining({
        account_id: accountId,
        id: webhookId,
        exhausted_count: 1,
        failing_seconds: expect.closeTo(9 * 3_600, -2),
        disabled_reason: null,
        pending_count: 0,
        last_answer: 'HTTP 500',
      }),
    )
    // Eighteen more, as if they had been waited for.
    await db
      .updateTable('webhooks')
      .set({ exhausted_count: 19 })
      .where('id', '=', webhookId)
      .execute()
    expect(await exhaust()).toMatchObject({ active: true, exhausted_count: 20 })
    await advanceClock(db, accountId, 102 * HOUR_MS)
    expect(await webhook()).toMatchObject({ active: true, exhausted_count: 20 })
    expect(await exhaust()).toMatchObject({
      active: false,
      exhausted_count: 21,
      disabled_reason: 'only_failures',
    })
    expect(await listFailingWebhooks(db, { accountId })).toMatchObject([
      { id: webhookId, disabled_reason: 'only_failures' },
    ])
    const told = await db
      .selectFrom('events')
      .select(['object_id', 'facts'])
      .where('account_id', '=', accountId)
      .where('type', '=', 'webhook.disabled')
      .execute()
    expect(told).toMatchObject([
      { object_id: webhookId, facts: { object: { disabled_reason: 'only_failures' } } },
    ])
    await happen(db, accountId)
    expect((await readDeliveries(db, accountId)).map((row) => row.state)).toEqual([
      'failed',
      'failed',
      'failed',
    ])
    expect(await readAttempts(db, accountId)).toHaveLength(18)
  })

  test('one success makes it start anew', async () => {
    const { db } = stack.database
    const accountId = await createAccount(db)
    receiver.script('/better', { answers: [{ status: 500 }, { status: 200 }] })
    const webhookId = await createWebhook(stack, accountId, { url: `${receiver.url}/better` })
    await happen(db, accountId)
    await deliveriesWait(db, accountId, 1)
    const failingSince = () =>
      db
        .selectFrom('webhooks')
        .select('failing_since')
        .where('id', '=', webhookId)
        .executeTakeFirstOrThrow()
    expect((await failingSince()).failing_since).toBeInstanceOf(Date)
    expect(await listFailingWebhooks(db, { accountId, secondsMin: 0 })).toMatchObject([
      { id: webhookId, pending_count: 1 },
    ])
    await advanceClock(db, accountId, 61_000)
    await deliveriesEnded(db, accountId)
    expect((await failingSince()).failing_since).toBeNull()
    expect(await listFailingWebhooks(db, { accountId, secondsMin: 0 })).toEqual([])
  })
})
