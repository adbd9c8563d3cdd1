import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ApplicationFailure } from '@temporalio/common'
import type { Activities } from '../../../activities/index.ts'
import { eventually, startStack, type Stack } from '../../harness.ts'
import { openShop, type OpenShop } from '../../shop.ts'
import { checkDatabase } from '../invariants.ts'

/** What nobody can carry out, before and among others: the others do not notice. */

const ORDERS = 10
const FAILURES_MIN = 3
const REFUSALS_MAX = 5 // of the dispatcher: then a command is parked
const ENDED_MS_MAX = 60_000 // on a busy machine
const NO_ID = 'x'.repeat(1_500) // longer than Temporal lets a workflow's id be

let stack: Stack
/** Of this account the first order fails at each of its activities. */
const poison: { accountId: string | null; transactionId: string | null; failures: number } = {
  accountId: null,
  transactionId: null,
  failures: 0,
}

function poisoned(activities: Activities): Activities {
  const refuse = (input: { accountId: string; transactionId: string }): void => {
    if (input.accountId !== poison.accountId) return
    poison.transactionId ??= input.transactionId
    if (input.transactionId !== poison.transactionId) return
    poison.failures += 1
    throw ApplicationFailure.create({ message: 'poison', nextRetryDelay: '50ms' })
  }
  return {
    ...activities,
    async allocateCodes(input) {
      refuse(input)
      return activities.allocateCodes(input)
    },
    async awaitCodes(input) {
      refuse(input)
      return activities.awaitCodes(input)
    },
  }
}

beforeAll(async () => {
  stack = await startStack('matrix_poison', { wrap: poisoned })
})
afterAll(() => stack.stop())

/** Its orders, one after the other, each with its code. */
async function orderAndReceive(shop: OpenShop): Promise<void> {
  const orders: string[] = []
  while (orders.length < ORDERS) {
    orders.push(await shop.order([{ sku: shop.pooled.sku, quantity: 1 }]))
  }
  const read = () =>
    stack.database.db.selectFrom('transactions').select('id').where('id', 'in', orders)
  await eventually(
    () => read().where('ended_at', 'is not', null).execute(),
    (ended) => ended.length === ORDERS,
    ENDED_MS_MAX,
  )
}

test("an order whose activities always fail is in nobody's way, and goes on when they do not", async () => {
  const shop = await openShop(stack, { codes: ORDERS + 1 })
  const neighbour = await openShop(stack, { codes: ORDERS })
  poison.accountId = shop.account.accountId
  const bad = await shop.order([{ sku: shop.pooled.sku, quantity: 1 }])
  await eventually(
    async () => poison.failures,
    (failures) => failures >= FAILURES_MIN,
  )
  await Promise.all([orderAndReceive(shop), orderAndReceive(neighbour)])
  const codes = await shop.client.get<{ final: boolean; status: string }>(
    `/v2/transactions/${bad}/codes`,
  )
  expect(codes.body).toMatchObject({ final: false, status: 'processing' })
  expect(await checkDatabase(stack.database.db)).toEqual([])
  poison.accountId = null
  await eventually(
    () => shop.client.get<{ status: string }>(`/v2/transactions/${bad}/codes`),
    ({ body }) => body.status === 'complete',
    ENDED_MS_MAX,
  )
  expect(await checkDatabase(stack.database.db)).toEqual([])
}, 180_000)

test('a command that Temporal refuses is parked after five tries; those behind it are given', async () => {
  const { db } = stack.database
  const shop = await openShop(stack, { codes: ORDERS })
  const { accountId } = shop.account
  const facts = { transaction_id: NO_ID, customer_id: shop.customerId, customer_name: 'x' }
  const subject = { ...facts, purchase_order_id: NO_ID, lines: 1, units: 1, total_minor: 1 }
  await sql`insert into outbox (account_id, verb, workflow, subject, priority)
    values (${accountId}, 'start', 'fulfillTransaction',
      ${JSON.stringify({ ...subject, currency: 'USD' })}::jsonb, 2)`.execute(db)
  await orderAndReceive(shop)
  const [parked] = await eventually(
    () => db.selectFrom('outbox').selectAll().where('account_id', '=', accountId).execute(),
    (rows) => rows.length === 1 && rows[0]?.parked_at !== null,
    30_000,
  )
  expect(parked).toMatchObject({ attempts: REFUSALS_MAX })
  expect(parked?.last_error).not.toBe('')
  await orderAndReceive(await openShop(stack, { codes: ORDERS }))
  expect((await db.selectFrom('outbox').selectAll().execute()).length).toBe(1)
}, 180_000)
