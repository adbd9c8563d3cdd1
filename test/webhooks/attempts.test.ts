import fc from 'fast-check'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claimAttempt, recordAttempt, type AttemptOutcome } from '../../db/attempts.ts'
import { inTransaction, openDatabase, type Database } from '../../db/client.ts'
import { cancelDelivery, hastenDelivery } from '../../db/deliveries.ts'
import { disableWebhook } from '../../db/webhooks.ts'
import { judgeAttempt, WEBHOOK_DELAYS_SECONDS } from '../../domain/webhook-schedule.ts'
import { readEnv, toConfig, type Config } from '../../config.ts'
import { createTestDatabase, type TestDatabase } from '../stack.ts'
import {
  createAccount,
  createWebhook,
  happen,
  latenessMs,
  readAttempts,
  readDeliveries,
} from './world.ts'

let testDatabase: TestDatabase
let database: Database
let config: Config
beforeAll(async () => {
  testDatabase = await createTestDatabase('webhook-attempts')
  config = toConfig(readEnv({ DATABASE_URL: testDatabase.url }))
  database = openDatabase({
    url: testDatabase.url,
    poolSizeMax: 8,
    applicationName: 'test-attempts',
    onError: () => undefined,
  })
})
afterAll(async () => {
  await database.close()
  await testDatabase.drop()
})

async function openDelivery() {
  const { db } = database
  const accountId = await createAccount(db)
  const webhookId = await createWebhook({ database, config }, accountId, {
    url: 'https://a.example/',
  })
  await happen(db, accountId)
  const [delivery] = await readDeliveries(db, accountId)
  const key = { accountId, deliveryId: delivery?.id ?? '' }
  const claim = () => claimAttempt(db, key)
  const record = (number: number, statusCode: number) => {
    const outcome: AttemptOutcome = {
      delivered: statusCode < 300,
      durationMs: 5,
      requestHeaders: {},
      statusCode,
      responseHeaders: {},
      responseBody: `answer ${statusCode}`,
      error: null,
      retryAfter: null,
    }
    const verdict = judgeAttempt(number, { statusCode, complete: true })
    return inTransaction(db, (tx) => recordAttempt(tx, key, number, outcome, verdict))
  }
  const advance = (seconds: number) =>
    sql`update test_clocks set offset_ms = offset_ms + ${seconds * 1_000}::bigint
      where account_id = ${accountId}`.execute(db)
  const delivered = async () => (await readDeliveries(db, accountId))[0]
  return { db, accountId, webhookId, key, claim, record, advance, delivered }
}

describe('claiming', () => {
  test('twenty claimers at once get one number', async () => {
    const { claim, db, accountId } = await openDelivery()
    const claims = await Promise.all(Array.from({ length: 20 }, claim))
    expect(claims.map((each) => (each.outcome === 'send' ? each.number : each.outcome))).toEqual(
      Array(20).fill(1),
    )
    expect(await readAttempts(db, accountId)).toHaveLength(1)
  })

  test('before its time it answers until when, and uses nothing up', async () => {
    const { claim, record, delivered } = await openDelivery()
    await claim()
    const recorded = await record(1, 500)
    expect(await claim()).toMatchObject({
      outcome: 'waiting',
      why: 'schedule',
      due_at: recorded.due_at,
      attempts: 1,
      last_status: 500,
    })
    expect(await delivered()).toMatchObject({ attempt_count: 1, state: 'pending' })
  })

  test('of what is over it answers so', async () => {
    const { claim, record } = await openDelivery()
    await claim()
    await record(1, 204)
    expect(await claim()).toMatchObject({ outcome: 'ended', state: 'delivered', attempts: 1 })
  })
})

describe('recording', () => {
  test('the first outcome of a number stays', async () => {
    const { claim, record, db, accountId, delivered } = await openDelivery()
    await claim()
    const first = await record(1, 500)
    const second = await record(1, 200)
    expect(second).toMatchObject({
      state: 'pending',
      attempts: 1,
      due_at: first.due_at,
      last_status: 500,
    })
    expect(await readAttempts(db, accountId)).toMatchObject([
      { state: 'failed', status_code: 500, response_body: 'answer 500' },
    ])
    expect(await delivered()).toMatchObject({ state: 'pending' })
  })

  test('a number that was never claimed is not recorded', async () => {
    const { claim, record, db, accountId, delivered } = await openDelivery()
    await claim()
    expect(await record(2, 200)).toMatchObject({ state: 'pending', attempts: 1 })
    expect(await readAttempts(db, accountId)).toMatchObject([{ number: 1, state: 'sending' }])
    expect(await delivered()).toMatchObject({ state: 'pending' })
  })

  test('what was cancelled meanwhile stays cancelled, and its attempt is still kept', async () => {
    const { claim, record, key, db, accountId, delivered } = await openDelivery()
    await claim()
    await inTransaction(db, (tx) => cancelDelivery(tx, key))
    expect(await record(1, 200)).toMatchObject({ state: 'cancelled' })
    expect(await delivered()).toMatchObject({ state: 'cancelled', reason: 'cancelled_by_operator' })
    expect(await readAttempts(db, accountId)).toMatchObject([{ state: 'delivered' }])
  })

  test('an attempt whose sender died before its delivery was cancelled ends as interrupted', async () => {
    const { claim, key, db, accountId } = await openDelivery()
    await claim()
    await inTransaction(db, (tx) => cancelDelivery(tx, key))
    expect(await claim()).toMatchObject({ outcome: 'ended', state: 'cancelled' })
    expect(await readAttempts(db, accountId)).toMatchObject([
      { state: 'failed', error: 'interrupted' },
    ])
  })
})

type Act =
  | { act: 'claim' | 'claimTwice' | 'cancel' | 'hasten' | 'disable' }
  | { act: 'record'; statusCode: number; stale: boolean }
  | { act: 'advance'; seconds: number }
  | { act: 'failOnce' }

const often = (weight: number, arbitrary: fc.Arbitrary<Act>) => ({ weight, arbitrary })
const act = (name: 'claim' | 'claimTwice' | 'cancel' | 'hasten' | 'disable') =>
  fc.constant<Act>({ act: name })
const acts = fc.array(
  fc.oneof(
    often(20, fc.constant<Act>({ act: 'failOnce' })),
    often(40, act('claim')),
    often(10, act('claimTwice')),
    often(
      40,
      fc.record({
        act: fc.constant('record' as const),
        statusCode: fc.constantFrom(...Array<number>(30).fill(500), 404, 302, 200, 410),
        stale: fc.boolean(),
      }),
    ),
    often(
      30,
      fc.record({
        act: fc.constant('advance' as const),
        seconds: fc.constantFrom(1, 59, 61, 1_801, 21_601, 21_601),
      }),
    ),
    often(5, act('hasten')),
    often(1, act('cancel')),
    often(1, act('disable')),
  ),
  { minLength: 20, maxLength: 80 },
)

test('whatever happens in whatever order: six numbers at most, in order, on time, one end', async () => {
  let sixes = 0
  await fc.assert(
    fc.asyncProperty(acts, async (steps) => {
      const { db, accountId, webhookId, key, claim, record, advance, delivered } =
        await openDelivery()
      let claimed = 0
      let ended: string | null = null
      let hastened = false
      for (const step of steps) {
        if (step.act === 'failOnce') {
          const got = await claim()
          if (got.outcome === 'send') {
            claimed = Math.max(claimed, got.number)
            await record(got.number, 503)
          }
          await advance(21_601)
        } else if (step.act === 'advance') await advance(step.seconds)
        else if (step.act === 'cancel') await inTransaction(db, (tx) => cancelDelivery(tx, key))
        else if (step.act === 'hasten') {
          hastened = true
          await inTransaction(db, (tx) => hastenDelivery(tx, key))
        } else if (step.act === 'disable') {
          const gone = { accountId, webhookId, reason: 'endpoint_gone' as const }
          await inTransaction(db, (tx) => disableWebhook(tx, gone))
        } else if (step.act === 'record') {
          const number = step.stale ? Math.max(1, claimed - 1) : claimed
          if (number > 0) await record(number, step.statusCode)
        } else {
          const got = await Promise.all(step.act === 'claim' ? [claim()] : [claim(), claim()])
          for (const each of got)
            if (each.outcome === 'send') claimed = Math.max(claimed, each.number)
        }
        const row = await delivered()
        // An end is for good.
        expect(row?.state).toBe(ended ?? row?.state)
        if (row?.state !== 'pending') ended = row?.state ?? null
        expect(row?.attempt_count).toBe(claimed)
      }
      const attempts = await readAttempts(db, accountId)
      expect(attempts.map((each) => each.number)).toEqual(
        Array.from({ length: claimed }, (_, index) => index + 1),
      )
      expect(claimed).toBeLessThanOrEqual(WEBHOOK_DELAYS_SECONDS.length)
      expect(attempts.slice(0, -1).every((each) => each.state === 'failed')).toBe(true)
      const earliestMs = hastened ? 0 : Math.min(0, ...latenessMs(attempts))
      expect(earliestMs).toBe(0)
      if (claimed === 6) sixes += 1
    }),
    { numRuns: 100 },
  )
  expect(sixes).toBeGreaterThan(0)
}, 120_000)
