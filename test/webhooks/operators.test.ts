import { WorkflowUpdateFailedError } from '@temporalio/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endpointLink, listViews } from '../../cli/views.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import * as contract from '../../workflows/contract.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import {
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
  stack = await startStack('webhook-operators', { api: false })
})
afterAll(async () => {
  await stack.stop()
  await receiver.close()
})

/** One delivery of a live account, which has no clock to move, after its first failure. */
async function failedOnce(path: string, answers = [{ status: 500 }]) {
  const { db } = stack.database
  const accountId = await createAccount(db, 'live')
  receiver.script(path, { answers })
  await createWebhook(stack, accountId, { url: `${receiver.url}${path}` })
  await happen(db, accountId)
  await deliveriesWait(db, accountId, 1)
  const [delivery] = await readDeliveries(db, accountId)
  const handle = stack.temporal.workflow.getHandle(contract.webhookWorkflowId(delivery?.id ?? ''))
  await eventually(
    () => handle.query(contract.waitingFor),
    (waiting) => waiting !== null,
  )
  return { db, accountId, handle, deliveryId: delivery?.id ?? '' }
}

test('a waiting delivery tells the operator what it waits for', async () => {
  const { db, accountId, handle } = await failedOnce('/tells')
  const [attempt] = await readAttempts(db, accountId)
  const waiting = await handle.query(contract.waitingFor)
  expect(waiting).toMatchObject({ reason: 'attempt 2 of 6; last answer: HTTP 500' })
  const aheadMs = Date.parse(waiting?.dueAt ?? '') - (attempt?.finished_at?.getTime() ?? 0)
  expect(aheadMs).toBeGreaterThanOrEqual(60_000)
  expect(aheadMs).toBeLessThan(60_010)
  const description = await eventually(
    () => handle.describe(),
    (seen) => seen.typedSearchAttributes.get(contract.barkStage) === 'waiting_to_retry',
  )
  expect(description.typedSearchAttributes.get(contract.barkDueAt)?.toISOString()).toBe(
    waiting?.dueAt,
  )
})

test('the saved list of failing webhooks has it, also by its endpoint', async () => {
  const { db, accountId, deliveryId } = await failedOnce('/listed')
  const [delivery] = await readDeliveries(db, accountId)
  const failing = listViews(new Date()).find(({ name }) => name.startsWith('Webhooks that fail'))
  const link = new URL(endpointLink(stack.config, delivery?.webhook_id ?? ''))
  for (const query of [failing?.query ?? '', link.searchParams.get('query') ?? '']) {
    const listed = await eventually(
      async () => {
        const ids: string[] = []
        for await (const { workflowId } of stack.temporal.workflow.list({ query }))
          ids.push(workflowId)
        return ids
      },
      (ids) => ids.includes(contract.webhookWorkflowId(deliveryId)),
    )
    expect(listed.every((id) => id.startsWith('webhook/'))).toBe(true)
  }
})

test('retryNow makes the next attempt now, counts it, and keeps the decision', async () => {
  const { db, accountId, handle, deliveryId } = await failedOnce('/hurry', [
    { status: 500 },
    { status: 200 },
  ])
  const answer = await handle.executeUpdate(contract.retryNow, {
    args: [{ note: 'they fixed it' }],
    updateId: 'fixed-1',
  })
  expect(answer).toEqual({ accepted: true, effect: 'The next attempt is made now.' })
  expect(await deliveriesEnded(db, accountId)).toMatchObject([
    { state: 'delivered', attempt_count: 2 },
  ])
  const decisions = await db
    .selectFrom('operator_decisions')
    .selectAll()
    .where('story_id', '=', deliveryId)
    .execute()
  expect(decisions).toMatchObject([{ key: 'fixed-1', verb: 'retryNow', note: 'they fixed it' }])
})

test('cancel ends it, with the reason, and nothing more is sent', async () => {
  const { db, accountId, handle } = await failedOnce('/cancel')
  const answer = await handle.executeUpdate(contract.cancel, { args: [{}] })
  expect(answer).toEqual({ accepted: true, effect: 'The delivery ends as cancelled.' })
  expect(await handle.result()).toEqual({
    state: 'cancelled',
    reason: 'cancelled_by_operator',
    attempts: 1,
  })
  expect(await readDeliveries(db, accountId)).toMatchObject([
    { state: 'cancelled', reason: 'cancelled_by_operator' },
  ])
  expect(receiver.requests.filter((each) => each.path === '/cancel')).toHaveLength(1)
})

test('an attempt on its way when it is cancelled is still recorded', async () => {
  const { db } = stack.database
  const accountId = await createAccount(db, 'live')
  receiver.script('/slow', { answers: [{ status: 200, delay_ms: 800 }] })
  await createWebhook(stack, accountId, { url: `${receiver.url}/slow` })
  await happen(db, accountId)
  await eventually(
    async () => receiver.requests.filter((each) => each.path === '/slow').length,
    (count) => count === 1,
  )
  const [delivery] = await readDeliveries(db, accountId)
  const handle = stack.temporal.workflow.getHandle(contract.webhookWorkflowId(delivery?.id ?? ''))
  await expect(handle.executeUpdate(contract.retryNow, { args: [{}] })).rejects.toThrow(
    WorkflowUpdateFailedError,
  )
  await handle.executeUpdate(contract.cancel, { args: [{}] })
  await handle.result()
  expect(await readDeliveries(db, accountId)).toMatchObject([
    { state: 'cancelled', attempt_count: 1 },
  ])
  expect(await readAttempts(db, accountId)).toMatchObject([
    { state: 'delivered', status_code: 200 },
  ])
})

test.each([
  ['a field that it does not know', { notes: 'x' }],
  ['a note that is no text', { note: 7 }],
])('an Update with %s is refused in words and leaves nothing in the history', async (_, bad) => {
  const { handle } = await failedOnce(`/refused-${Object.keys(bad)[0]}`)
  const { length: before } = await eventually(
    async () => (await handle.fetchHistory()).events ?? [],
    (events) => events.some((event) => event.timerStartedEventAttributes),
  )
  for (const update of [contract.retryNow, contract.cancel]) {
    await expect(
      handle.executeUpdate(update, { args: [JSON.parse(JSON.stringify(bad))] }),
    ).rejects.toThrow(WorkflowUpdateFailedError)
  }
  expect((await handle.fetchHistory()).events?.length).toBe(before)
})
