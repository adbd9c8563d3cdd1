import { createHmac } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { webhookWorkflowId } from '../../workflows/contract.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { startStack, type Stack } from '../harness.ts'
import {
  advanceClock,
  createAccount,
  createWebhook,
  deliveriesEnded,
  deliveriesWait,
  happen,
  latenessMs,
  readAttempts,
  readDeliveries,
  SECRET,
} from './world.ts'

let stack: Stack
let receiver: Receiver

beforeAll(async () => {
  receiver = await startReceiver()
  stack = await startStack('deliver-webhook', { api: false })
})
afterAll(async () => {
  await stack.stop()
  await receiver.close()
})

const MINUTE_MS = 60_000
const at = (path: string) => receiver.requests.filter((each) => each.path === path)
/** The recorded history of a delivery's workflow, once that has ended. */
const history = async (deliveryId: string) => {
  const handle = stack.temporal.workflow.getHandle(webhookWorkflowId(deliveryId))
  await handle.result()
  return (await handle.fetchHistory()).events ?? []
}

describe('delivered at once', () => {
  test('one request with both signatures, 11 history events, one attempt kept', async () => {
    const { db } = stack.database
    const account = await createAccount(db)
    receiver.script('/once', { answers: [{ body: 'thanks' }], secret: SECRET })
    await createWebhook(stack, account, { url: `${receiver.url}/once` })
    const eventId = await happen(db, account, { object: { object: 'product', name: 'Größe 🎁' } })

    const [delivery] = await deliveriesEnded(db, account)
    expect(delivery).toMatchObject({ state: 'delivered', reason: null, attempt_count: 1 })
    const [request, ...more] = at('/once')
    expect(more).toEqual([])
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      id: eventId,
      type: 'product.created',
      sequence: 1,
      data: { object: { name: 'Größe 🎁' } },
    })
    expect(request?.signature_ok).toBe(true)
    expect(request?.headers['x-webhook-signature']).toBe(
      createHmac('sha256', SECRET)
        .update(request?.body ?? '')
        .digest('hex'),
    )
    expect(request?.headers['webhook-id']).toBe(eventId)
    const standard = new Webhook(Buffer.from(SECRET).toString('base64'))
    expect(standard.verify(request?.body ?? '', request?.headers ?? {})).toMatchObject({
      id: eventId,
    })

    const [attempt] = await readAttempts(db, account)
    expect(attempt).toMatchObject({
      number: 1,
      state: 'delivered',
      status_code: 200,
      response_body: 'thanks',
      error: null,
      request_headers: {
        'x-webhook-signature': '***',
        'webhook-signature': '***',
        'webhook-id': eventId,
      },
    })
    const events = await history(delivery?.id ?? '')
    expect(events).toHaveLength(11)
    expect(events.filter((event) => event.activityTaskScheduledEventAttributes)).toHaveLength(1)
    expect(
      await db.selectFrom('waits').selectAll().where('account_id', '=', account).execute(),
    ).toEqual([])
  })
})

describe('the schedule', () => {
  test('six failures: the six instants, the end, and nothing for a month afterwards', async () => {
    const { db } = stack.database
    const account = await createAccount(db)
    receiver.script('/never', { answers: [{ status: 503, headers: { 'retry-after': '86400' } }] })
    await createWebhook(stack, account, { url: `${receiver.url}/never` })
    await happen(db, account)
    await deliveriesWait(db, account, 1)

    await advanceClock(db, account, 9 * 60 * MINUTE_MS)
    const [delivery] = await deliveriesEnded(db, account)
    expect(delivery).toMatchObject({
      state: 'failed',
      reason: 'attempts_exhausted',
      attempt_count: 6,
    })
    const attempts = await readAttempts(db, account)
    expect(attempts.map((attempt) => attempt.number)).toEqual([1, 2, 3, 4, 5, 6])
    expect(attempts.map((attempt) => attempt.retry_after)).toEqual(Array(6).fill('86400'))
    const delays = attempts
      .slice(1)
      .map((attempt, index) =>
        Math.round(
          (attempt.started_at.getTime() - (attempts[index]?.finished_at?.getTime() ?? 0)) /
            MINUTE_MS,
        ),
      )
    expect(delays).toEqual([1, 5, 30, 120, 360])
    for (const lateMs of latenessMs(attempts)) {
      expect(lateMs).toBeGreaterThanOrEqual(0)
      expect(lateMs).toBeLessThanOrEqual(5_000)
    }
    expect(new Set(at('/never').map((each) => each.headers['webhook-id'])).size).toBe(1)
    expect(new Set(at('/never').map((each) => each.body)).size).toBe(1)
    expect(at('/never').map((each) => each.headers['x-webhook-attempt'])).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
    ])
    const events = await history(delivery?.id ?? '')
    expect(events.length).toBeLessThanOrEqual(84)
    expect(events.filter((event) => event.activityTaskScheduledEventAttributes)).toHaveLength(6)

    await advanceClock(db, account, 30 * 24 * 60 * MINUTE_MS)
    expect(at('/never')).toHaveLength(6)
    expect(await readDeliveries(db, account)).toHaveLength(1)
  })

  test('a success ends it at any attempt', async () => {
    const { db } = stack.database
    const account = await createAccount(db)
    receiver.script('/third', { answers: [{ instead: 'close' }, { status: 302 }, { status: 201 }] })
    await createWebhook(stack, account, { url: `${receiver.url}/third` })
    await happen(db, account)
    await deliveriesWait(db, account, 1)
    await advanceClock(db, account, 7 * MINUTE_MS)
    const [delivery] = await deliveriesEnded(db, account)
    expect(delivery).toMatchObject({ state: 'delivered', attempt_count: 3 })
    expect((await readAttempts(db, account)).map((each) => each.error)).toEqual([
      'connection_closed',
      'redirect_not_followed',
      null,
    ])
  })

  test('however often the clock is moved, six failures cost at most 84 events', async () => {
    const { db } = stack.database
    const account = await createAccount(db)
    receiver.script('/steps', { answers: [{ status: 500 }] })
    await createWebhook(stack, account, { url: `${receiver.url}/steps` })
    await happen(db, account)
    await deliveriesWait(db, account, 1)
    // Three moves before each attempt that release nothing, and the one that does.
    for (const minutes of [1, 5, 30, 120, 360]) {
      for (const part of [0.2, 0.3, 0.4])
        await advanceClock(db, account, minutes * part * MINUTE_MS)
      await advanceClock(db, account, minutes * 0.1 * MINUTE_MS + 2_000)
    }
    const [delivery] = await deliveriesEnded(db, account)
    expect((await history(delivery?.id ?? '')).length).toBeLessThanOrEqual(84)
    expect(at('/steps')).toHaveLength(6)
    for (const lateMs of latenessMs(await readAttempts(db, account))) {
      expect(lateMs).toBeGreaterThanOrEqual(0)
      expect(lateMs).toBeLessThanOrEqual(5_000)
    }
  })

  test('a clock that was moved to just before an attempt lets it come in real time', async () => {
    const { db } = stack.database
    const account = await createAccount(db)
    receiver.script('/soon', { answers: [{ status: 500 }, {}] })
    await createWebhook(stack, account, { url: `${receiver.url}/soon` })
    await happen(db, account)
    await deliveriesWait(db, account, 1)
    const { due_at: dueAt } = await db
      .selectFrom('waits')
      .select('due_at')
      .where('account_id', '=', account)
      .executeTakeFirstOrThrow()
    const aheadMs = (dueAt?.getTime() ?? 0) - Date.now()
    await advanceClock(db, account, aheadMs - 2_000)
    const [delivery] = await deliveriesEnded(db, account)
    expect(delivery).toMatchObject({ state: 'delivered', attempt_count: 2 })
    const [lateMs = -1] = latenessMs(await readAttempts(db, account))
    expect(lateMs).toBeGreaterThanOrEqual(0)
    expect(lateMs).toBeLessThanOrEqual(5_000)
  })

  test('a clock that moves in many places at once leaves nobody asleep', async () => {
    const { db } = stack.database
    const account = await createAccount(db)
    receiver.script('/busy', { answers: [{ status: 500 }] })
    await createWebhook(stack, account, { url: `${receiver.url}/busy` })
    const happening = Array.from({ length: 6 }, () => happen(db, account))
    // While they begin to wait, the clock moves: either the move sees them, or they see the move.
    for (let move = 0; move < 8; move++) await advanceClock(db, account, 5_000 + 997 * move)
    await Promise.all(happening)
    await advanceClock(db, account, 9 * 60 * MINUTE_MS)
    const ended = await deliveriesEnded(db, account)
    expect(ended.map((row) => [row.state, row.attempt_count])).toEqual(
      Array.from({ length: 6 }, () => ['failed', 6]),
    )
  })
})
