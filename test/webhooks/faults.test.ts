import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Activities } from '../../activities/index.ts'
import { claimAttempt } from '../../db/attempts.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { openKeys } from '../../cli/open-keys.ts'
import * as contract from '../../workflows/contract.ts'
import { bundleWorkflows, eventually, startStack, type Stack } from '../harness.ts'
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
  stack = await startStack('webhook-faults', { api: false })
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
  const webhookId = await createWebhook(stack, accountId, { url: `${receiver.url}${path}` })
  return { db, accountId, webhookId }
}

/** Every activity runs twice: what it did must stand once. */
const twice = (activities: Activities): Activities => ({
  ...activities,
  async attemptDelivery(input) {
    await activities.attemptDelivery(input)
    return activities.attemptDelivery(input)
  },
  async decideDelivery(input) {
    await activities.decideDelivery(input)
    return activities.decideDelivery(input)
  },
  async parkDelivery(input) {
    await activities.parkDelivery(input)
    return activities.parkDelivery(input)
  },
})

/** The answers of a first and of a sixth attempt are lost, as when the worker dies just after it. */
const losingAnswers = (activities: Activities): Activities => {
  const lost = new Set<string>()
  return {
    ...activities,
    async attemptDelivery(input) {
      const step = await activities.attemptDelivery(input)
      const call = `${input.deliveryId} ${step.attempts}`
      if (lost.has(call) || ![1, 6].includes(step.attempts)) return step
      lost.add(call)
      throw new Error('the answer was lost')
    },
  }
}

describe('each step twice, each answer lost', () => {
  test.each([
    ['twice', twice],
    ['lost', losingAnswers],
  ])(
    '%s: six requests for six attempts, one for a success',
    async (name, wrap) => {
      await stack.restartWorker(wrap)
      try {
        const failing = await endpoint(`/${name}/fails`, [{ status: 500 }])
        const fine = await endpoint(`/${name}/fine`, [{ status: 200 }])
        await happen(failing.db, failing.accountId)
        await happen(fine.db, fine.accountId)
        await deliveriesEnded(fine.db, fine.accountId)
        await deliveriesWait(failing.db, failing.accountId, 1)
        await advanceClock(failing.db, failing.accountId, 9 * HOUR_MS)
        expect(await deliveriesEnded(failing.db, failing.accountId)).toMatchObject([
          { state: 'failed', attempt_count: 6 },
        ])
        expect(at(`/${name}/fails`)).toHaveLength(6)
        const attempts = await readAttempts(failing.db, failing.accountId)
        expect(Math.min(...latenessMs(attempts))).toBeGreaterThanOrEqual(0)
        expect(at(`/${name}/fine`)).toHaveLength(1)
      } finally {
        await stack.restartWorker()
      }
    },
    60_000,
  )
})

test('an attempt that was claimed by somebody who then died is sent under the same number', async () => {
  const { db, accountId } = await endpoint('/claimed', [{ status: 200 }])
  await stack.stopWorker()
  await happen(db, accountId)
  const [delivery] = await readDeliveries(db, accountId)
  const key = { accountId, deliveryId: delivery?.id ?? '' }
  const claim = await claimAttempt(db, key)
  expect(claim).toMatchObject({ outcome: 'send', number: 1 })
  await stack.restartWorker()
  expect(await deliveriesEnded(db, accountId)).toMatchObject([
    { state: 'delivered', attempt_count: 1 },
  ])
  expect(await readAttempts(db, accountId)).toMatchObject([{ number: 1, state: 'delivered' }])
  expect(at('/claimed').map((each) => each.headers['x-webhook-attempt'])).toEqual(['1'])
})

test('an outcome that cannot be recorded at once is not sent again', async () => {
  const { db, accountId } = await endpoint('/locked', [{ status: 200, delay_ms: 300 }])
  await happen(db, accountId)
  await eventually(
    async () => at('/locked').length,
    (count) => count === 1,
  )
  // Longer than the lock time-out, so that the first try to record fails.
  await db.transaction().execute(async (tx) => {
    await sql`select 1 from deliveries where account_id = ${accountId} for update`.execute(tx)
    await sql`select pg_sleep(3.2)`.execute(tx)
  })
  expect(await deliveriesEnded(db, accountId)).toMatchObject([
    { state: 'delivered', attempt_count: 1 },
  ])
  expect(at('/locked')).toHaveLength(1)
})

test('what a repeat cannot mend waits for a person and goes on under the same number', async () => {
  const { db, accountId, webhookId } = await endpoint('/stuck', [{ status: 200 }])
  const keys = await openKeys({ db }, stack.config).ring.forSealing(accountId)
  const resealed = (secret: string, rowId: string) => keys.seal(rowId, secret).sealed
  const { id: secretId } = await db
    .selectFrom('webhook_secrets')
    .select('id')
    .where('webhook_id', '=', webhookId)
    .executeTakeFirstOrThrow()
  const setSealed = (sealed: Buffer) =>
    db.updateTable('webhook_secrets').set({ sealed }).where('id', '=', secretId).execute()
  await setSealed(resealed(SECRET, 'whs_another_row'))
  await happen(db, accountId)
  const [delivery] = await readDeliveries(db, accountId)
  const handle = stack.temporal.workflow.getHandle(contract.webhookWorkflowId(delivery?.id ?? ''))
  await deliveriesWait(db, accountId, 1)
  const seen = await eventually(
    () => handle.describe(),
    (description) => description.typedSearchAttributes.get(contract.barkNeedsOperator) === true,
  )
  expect(seen.typedSearchAttributes.get(contract.barkStuckReason)).toMatch(/cannot be made/)
  expect(at('/stuck')).toEqual([])
  await setSealed(resealed(SECRET, secretId))
  await handle.executeUpdate(contract.retryNow, { args: [{}] })
  expect(await deliveriesEnded(db, accountId)).toMatchObject([
    { state: 'delivered', attempt_count: 1 },
  ])
  await handle.result()
  const after = await handle.describe()
  expect(after.typedSearchAttributes.get(contract.barkNeedsOperator)).toBe(false)
})

test('kill -9 of the worker while twelve requests are on their way: nothing lost, one more each at most', async () => {
  const { db, accountId } = await endpoint('/killed', [{ status: 200, delay_ms: 1_500 }])
  await stack.stopWorker()
  let victim: ChildProcess | null = await startWorkerProcess()
  try {
    for (let count = 0; count < 12; count++) await happen(db, accountId)
    await eventually(
      async () => at('/killed').length,
      (count) => count === 12,
      60_000, // a process starts, and the machine may be busy
    )
    victim.kill('SIGKILL')
    await once(victim, 'exit')
    victim = null
    receiver.script('/killed', { answers: [{ status: 200 }] })
    await stack.restartWorker()
    // The dead worker's activities come back when nobody has said for ten seconds that it lives.
    for (const delivery of await deliveriesEnded(db, accountId, 60_000)) {
      expect(delivery).toMatchObject({ state: 'delivered', attempt_count: 1 })
    }
    const numbers = at('/killed').map((each) => each.headers['x-webhook-attempt'])
    expect(new Set(numbers)).toEqual(new Set(['1']))
    const requests = Map.groupBy(at('/killed'), (each) => each.headers['webhook-id'])
    expect(requests.size).toBe(12)
    for (const [, sent] of requests) expect(sent.length).toBeLessThanOrEqual(2)
    expect(await readAttempts(db, accountId)).toHaveLength(12)
  } finally {
    victim?.kill('SIGKILL')
  }
}, 150_000)

async function startWorkerProcess(): Promise<ChildProcess> {
  const { database, temporal } = stack.config
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../../worker.ts', import.meta.url))],
    {
      env: {
        ...process.env,
        DATABASE_URL: database.url,
        TEMPORAL_ADDRESS: temporal.address,
        TEMPORAL_NAMESPACE: temporal.namespace,
        TEMPORAL_TASK_QUEUE: temporal.taskQueue,
        TEMPORAL_SCHEDULES: 'false',
        WORKFLOW_BUNDLE_PATH: await bundleWorkflows(),
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  return child
}
