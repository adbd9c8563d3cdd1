import { WorkflowNotFoundError } from '@temporalio/client'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'
import {
  barkNeedsOperator,
  closeNow,
  hold,
  purchaseOrderWorkflowId,
  release,
  type OperatorRequest,
} from '../../workflows/contract.ts'

/** What an operator may decide about a customer's day: `closeNow`, `hold`, `release`. */

let stack: Stack
beforeAll(async () => {
  stack = await startStack('po_updates')
})
afterAll(() => stack.stop())

type Day = { status: string; sequence: number; business_date: string; invoices: object[] }

/** A day with an order that is delivered, and its workflow. */
async function openDay() {
  const shop = await openShop(stack)
  const { id, day } = await order(shop)
  const handle = stack.temporal.workflow.getHandle(
    purchaseOrderWorkflowId({
      customerId: shop.customerId,
      businessDate: day.business_date,
      currency: 'USD',
      sequence: 1,
    }),
  )
  await eventually(
    () =>
      handle
        .describe()
        .then(() => true)
        .catch(() => false),
    (found) => found,
  )
  await shop.advance('PT1S') // its order is delivered, and it waits for the end of the day
  return { shop, id, handle }
}

async function order(shop: OpenShop): Promise<{ id: string; day: Day }> {
  const txn = await shop.order([{ sku: shop.pooled.sku, quantity: 1 }])
  const { body } = await shop.client.get<{ purchase_order: { id: string } }>(
    `/v2/transactions/${txn}`,
  )
  return { id: body.purchase_order.id, day: await read(shop, body.purchase_order.id) }
}

const read = async (shop: OpenShop, id: string) =>
  (await shop.client.get<Day>(`/v2/purchase-orders/${id}`)).body

const reaches = (shop: OpenShop, id: string, status: string) =>
  eventually(
    () => read(shop, id),
    (day) => day.status === status,
  )

async function decisions(id: string): Promise<string[]> {
  const { rows } = await stack.database.pool.query<{ verb: string; note: string | null }>(
    'select verb, note from operator_decisions where story_id = $1 order by created_at',
    [id],
  )
  return rows.map(({ verb, note }) => `${verb} ${note ?? ''}`.trim())
}

test('closeNow ends the day, once however often it comes; the next order opens the next sequence', async () => {
  const { shop, id, handle } = await openDay()
  const ask = () =>
    handle.executeUpdate(closeNow, { args: [{ note: 'month end' }], updateId: 'the-same' })
  expect(await ask()).toMatchObject({ accepted: true })
  expect((await order(shop)).day).toMatchObject({ sequence: 2, status: 'open' })
  expect((await reaches(shop, id, 'invoiced')).invoices).toHaveLength(1)
  await ask().catch(() => undefined) // its workflow may have ended by now
  expect(await decisions(id)).toEqual(['closeNow month end'])
  await handle.result()
  await expect(handle.executeUpdate(closeNow, { args: [{}] })).rejects.toThrow(
    WorkflowNotFoundError,
  )
}, 180_000)

test('what is held closes and is not invoiced, needs a person, and goes on when it is released', async () => {
  const { shop, id, handle } = await openDay()
  await handle.executeUpdate(hold, { args: [{ note: 'a wrong price' }] })
  await handle.executeUpdate(hold, { args: [{}] })
  await shop.advance('PT50H')
  expect(await read(shop, id)).toMatchObject({ status: 'settling', invoices: [] })
  const needs = async () => (await handle.describe()).typedSearchAttributes.get(barkNeedsOperator)
  await eventually(needs, (value) => value === true)
  await handle.executeUpdate(release, { args: [{}] })
  expect((await reaches(shop, id, 'invoiced')).invoices).toHaveLength(1)
  await handle.result()
  expect(await needs()).toBe(false)
  expect(await decisions(id)).toEqual(['hold a wrong price', 'hold', 'release'])
}, 180_000)

test('what is no request is refused at once, in words, and changes nothing', async () => {
  const { shop, id, handle } = await openDay()
  const bad: [unknown, RegExp][] = [
    [null, /one JSON object/],
    [[], /one JSON object/],
    [{ force: true }, /Unknown field force/],
    [{ note: 7 }, /note is a text/],
    [{ note: 'x'.repeat(501) }, /500 characters/],
  ]
  for (const [request, words] of bad) {
    for (const verb of [closeNow, hold, release]) {
      const refused = await handle
        .executeUpdate(verb, { args: [request as OperatorRequest] }) // what an operator may type
        .then(
          () => 'accepted',
          (error: unknown) =>
            error instanceof Error ? `${error.message} ${String(error.cause)}` : String(error),
        )
      expect(refused).toMatch(words)
    }
  }
  expect(await decisions(id)).toEqual([])
  expect(await read(shop, id)).toMatchObject({ status: 'open' })
}, 180_000)
