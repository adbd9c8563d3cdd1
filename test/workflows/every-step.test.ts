import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sql } from 'kysely'
import type { Activities } from '../../activities/index.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { checkDrained } from '../faults/check-drained.ts'
import { checkDatabase } from '../faults/invariants.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'
import { failByAccount, recordCalls, repeatEach, type AccountFailure } from './steps.ts'

let stack: Stack
let receiver: Receiver
let wrap: (activities: Activities) => Activities = (activities) => activities

beforeAll(async () => {
  receiver = await startReceiver()
  stack = await startStack('every_step', { supplier: true, wrap: (all) => wrap(all) })
})
afterAll(async () => {
  await stack.stop()
  await receiver.close()
})

const openStoryShop = () => openShop(stack, { codes: 3 })

/**
 * One story that needs every activity: an order from the pool, one from the supplier, a webhook that
 * fails once, the day closed and its invoice sent.
 */
async function tellStory(shop: OpenShop): Promise<Record<string, unknown>> {
  const path = `/${shop.account.accountId}`
  receiver.script(path, { answers: [{ status: 500 }, { status: 200 }] })
  const webhook = await shop.client.post('/v2/webhooks', {
    url: `${receiver.url}${path}`,
    events: ['order.created'],
  })
  if (webhook.status !== 201) throw new Error(`webhook: ${webhook.status} ${webhook.bytes}`)
  const partial = await shop.supplied('TEST-PARTIAL')
  await shop.order([{ sku: shop.pooled.sku, quantity: 2 }])
  await shop.order([
    { sku: shop.pooled.sku, quantity: 1 },
    { sku: partial.sku, quantity: 3 },
  ])
  await shop.advance('PT30H')
  await eventually(
    () => checkDrained(stack.database.db),
    (left) => left.length === 0,
  )
  return summarise(shop.account.accountId)
}

/** The rows of one account, without ids and instants: equal stories have equal summaries. */
async function summarise(accountId: string): Promise<Record<string, unknown>> {
  const { rows } = await sql<Record<string, unknown>>`
    select
      (select jsonb_object_agg(state, n) from (select state, count(*) n from units
        where account_id = ${accountId} group by 1) u) as units,
      (select count(*) from codes where account_id = ${accountId} and unit_id is not null) as codes_sold,
      (select count(*) from codes where account_id = ${accountId}) as codes,
      (select jsonb_agg(total_minor order by total_minor) from invoices
        where account_id = ${accountId}) as invoices,
      (select jsonb_agg(quantity order by sku, quantity) from invoice_lines
        where account_id = ${accountId}) as invoice_lines,
      (select jsonb_agg(jsonb_build_object('held', held_minor, 'owed', invoiced_minor))
        from customer_balances where account_id = ${accountId} and currency = 'USD') as balances,
      (select jsonb_object_agg(type, n) from (select type, count(*) n from events
        where account_id = ${accountId} and type <> 'codes.available' and type not like 'inventory.%' group by 1) e) as events,
      (select jsonb_agg(state || attempt_count order by state, attempt_count) from deliveries
        where account_id = ${accountId}) as deliveries,
      (select count(*) from mails where account_id = ${accountId} and sent_at is not null) as mails,
      (select jsonb_agg(state order by state) from purchase_orders
        where account_id = ${accountId}) as purchase_orders`.execute(stack.database.db)
  return rows[0] ?? {}
}

const EXPECTED = {
  units: { allocated: 6 },
  codes_sold: 6n,
  codes: 6n,
  invoices: [10_500],
  invoice_lines: [3, 3],
  balances: [{ held: 0, owed: 10_500 }],
  events: { 'order.created': 2, 'order.fulfilled': 2, 'invoice.finalized': 1 },
  deliveries: ['delivered1', 'delivered2'],
  mails: 2n, // to the customer, and the digest to finance
  purchase_orders: ['invoiced'],
}

async function expectInBalance(): Promise<void> {
  expect(await checkDatabase(stack.database.db)).toEqual([])
}

test('the story ends as told, and needs every activity of these workflows', async () => {
  const calls: string[] = []
  wrap = (activities) => recordCalls(activities, calls)
  await stack.restartWorker()
  expect(await tellStory(await openStoryShop())).toEqual(EXPECTED)
  expect(new Set(calls)).toEqual(
    new Set([
      'allocateCodes',
      'awaitCodes',
      'sourceCodes',
      'stepPurchaseOrder',
      'billPurchaseOrder',
      'renderInvoices',
      'sendInvoices',
      'attemptDelivery',
      'stepAccountDay',
      'writeAccountDay',
      'sendAccountDay',
    ]),
  )
  await expectInBalance()
}, 60_000)

test('each activity executed twice ends in the same rows', async () => {
  wrap = repeatEach
  await stack.restartWorker()
  expect(await tellStory(await openStoryShop())).toEqual(EXPECTED)
  await expectInBalance()
}, 60_000)

const STORIES_AT_ONCE = 4
const STORIES_MAX = 40 // far more than the story has executions: a count that never ends is a fault

/**
 * Plants one failure per story, at every execution in turn, until a story has no such execution;
 * answers how many executions were made to fail. Some stories at once, each of an account of its own.
 */
async function failEveryStep(
  way: Omit<AccountFailure, 'nth'>,
  onFailure: (times: number) => Promise<void> = () => Promise.resolve(),
): Promise<number> {
  const failures = new Map<string, AccountFailure>()
  /** What failed in each account's story, and how often. */
  const broken = new Map<string, { name: string; times: number }>()
  wrap = (activities) =>
    failByAccount(activities, failures, async (accountId, name) => {
      const times = (broken.get(accountId)?.times ?? 0) + 1
      broken.set(accountId, { name, times })
      await onFailure(times)
    })
  await stack.restartWorker()

  /** Whether the story had an execution of this number. */
  async function tellBroken(nth: number): Promise<boolean> {
    const shop = await openStoryShop()
    const { accountId } = shop.account
    failures.set(accountId, { nth, ...way })
    const rows = await tellStory(shop)
    const failed = broken.get(accountId)
    expect(rows, `failing at execution ${nth}: ${failed?.name}`).toEqual(EXPECTED)
    return failed !== undefined
  }

  for (let first = 1; first < STORIES_MAX; first += STORIES_AT_ONCE) {
    const numbers = Array.from({ length: STORIES_AT_ONCE }, (_, index) => first + index)
    const failed = await Promise.all(numbers.map(tellBroken))
    await expectInBalance()
    if (failed.includes(false)) return broken.size
  }
  throw new Error(`The story had ${STORIES_MAX} executions and more`)
}

const EXECUTIONS_MIN = 14 // the eleven activities, some of them more than once

describe('every activity that fails', () => {
  test.each([{ when: 'before' as const }, { when: 'after' as const }])(
    'once, $when its effect, ends in the same rows',
    async ({ when }) => {
      const steps = await failEveryStep({ when, times: 1 })
      expect(steps).toBeGreaterThanOrEqual(EXECUTIONS_MIN)
    },
    300_000,
  )

  test('again and again, after its effect, leaves everything in balance until it is mended', async () => {
    const TIMES = 3
    const steps = await failEveryStep({ when: 'after', times: TIMES }, async (times) => {
      if (times < TIMES) return
      // Not every invariant holds in the middle of a step that is tried again and again.
      await eventually(
        () => checkDatabase(stack.database.db),
        (violations) => violations.length === 0,
      )
    })
    expect(steps).toBeGreaterThanOrEqual(EXECUTIONS_MIN)
  }, 400_000)
})
