import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import * as contract from '../../workflows/contract.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
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
} from './world.ts'

/** The buttons of the web UI that begin something anew: SQL counts the attempts, not Temporal. */

let stack: Stack
let receiver: Receiver

beforeAll(async () => {
  receiver = await startReceiver()
  stack = await startStack('webhook-resets', { api: false })
})
afterAll(async () => {
  await stack.stop()
  await receiver.close()
})

const HOUR_MS = 3_600_000
const at = (path: string) => receiver.requests.filter((each) => each.path === path)

async function endpoint(path: string, answers: Parameters<Receiver['script']>[1]['answers']) {
  const { db } = stack.database
  const accountId = await createAccount(db)
  receiver.script(path, { answers })
  await createWebhook(stack, accountId, { url: `${receiver.url}${path}` })
  return { db, accountId }
}

test("an operator's reset of the workflow makes no seventh attempt", async () => {
  const { db, accountId } = await endpoint('/reset', [{ status: 500 }])
  await happen(db, accountId)
  await deliveriesWait(db, accountId, 1)
  await advanceClock(db, accountId, 7 * 60_000)
  const [delivery] = await readDeliveries(db, accountId)
  expect(delivery?.attempt_count).toBe(3)
  const workflowId = contract.webhookWorkflowId(delivery?.id ?? '')
  const reset = async () => {
    const handle = stack.temporal.workflow.getHandle(workflowId)
    const { events } = await handle.fetchHistory()
    const task = events?.find((event) => event.workflowTaskCompletedEventAttributes)
    await stack.temporal.workflowService.resetWorkflowExecution({
      namespace: stack.config.temporal.namespace,
      workflowExecution: { workflowId, runId: (await handle.describe()).runId },
      reason: 'a test',
      workflowTaskFinishEventId: task?.eventId ?? null,
      requestId: randomUUID(),
    })
  }
  await reset()
  await advanceClock(db, accountId, 9 * HOUR_MS)
  expect(await deliveriesEnded(db, accountId)).toMatchObject([
    { state: 'failed', attempt_count: 6 },
  ])
  expect(Math.min(...latenessMs(await readAttempts(db, accountId)))).toBeGreaterThanOrEqual(0)
  await reset()
  const handle = stack.temporal.workflow.getHandle(workflowId)
  expect(await handle.result()).toMatchObject({ state: 'failed', attempts: 6 })
  expect(at('/reset').map((each) => each.headers['x-webhook-attempt'])).toEqual([...'123456'])
})

/** Resets what the web UI shows under Pending Activities; answers how many it was. */
async function resetActivities(workflowId: string): Promise<number> {
  const handle = stack.temporal.workflow.getHandle(workflowId)
  const description = await handle.describe().catch(() => null) // not started yet
  const pending = description?.raw.pendingActivities ?? []
  const { namespace } = stack.config.temporal
  const done = await Promise.allSettled(
    pending.map(({ activityId: id }) =>
      stack.temporal.workflowService.resetActivity({
        namespace,
        execution: { workflowId },
        id: id ?? null,
      }),
    ),
  )
  // One that ended since it was listed cannot be reset any more.
  return done.filter(({ status }) => status === 'fulfilled').length
}

test("an operator's reset of the activity, again and again, makes no seventh attempt", async () => {
  // Every second call loses its answer, so that the activity is often in its back-off.
  let calls = 0
  await stack.restartWorker((activities) => ({
    ...activities,
    async attemptDelivery(input) {
      const step = await activities.attemptDelivery(input)
      calls += 1
      if (calls % 2 === 1) throw new Error('the answer was lost')
      return step
    },
  }))
  try {
    const { db, accountId } = await endpoint('/reset-activity', [{ status: 500, delay_ms: 200 }])
    await happen(db, accountId)
    const [delivery] = await readDeliveries(db, accountId)
    const workflowId = contract.webhookWorkflowId(delivery?.id ?? '')
    let resets = 0
    let ended = false
    const resetting = eventually(
      async () => {
        resets += await resetActivities(workflowId)
        return ended
      },
      (isOver) => isOver,
      60_000,
    )
    await deliveriesWait(db, accountId, 1)
    await advanceClock(db, accountId, 9 * HOUR_MS)
    expect(await deliveriesEnded(db, accountId)).toMatchObject([
      { state: 'failed', attempt_count: 6 },
    ])
    ended = true
    await resetting
    expect(resets).toBeGreaterThan(5)
    const numbers = at('/reset-activity').map((each) => each.headers['x-webhook-attempt'])
    expect(numbers).toEqual([...'123456'])
  } finally {
    await stack.restartWorker()
  }
}, 60_000)
