import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  barkNeedsOperator,
  barkStuckReason,
  purchaseOrderWorkflowId,
  release,
} from '../../workflows/contract.ts'
import { makeProduct, importCodes } from '../factories.ts'
import { checkDrained } from '../faults/check-drained.ts'
import { checkDatabase } from '../faults/invariants.ts'
import { run as runStuck } from '../../cli/stuck.ts'
import { commandContext } from '../cli/context.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'

/** What is billed after the first invoice of a day, or before its codes are there, or not at all. */

let stack: Stack
beforeAll(async () => {
  stack = await startStack('later_runs', { supplier: true })
})
afterAll(() => stack.stop())

type Invoice = {
  id: string
  number: string
  run: number
  total_minor: bigint
  credited_minor: bigint
  state: string
  notes: string[]
}

async function invoicesOf(shop: OpenShop): Promise<Invoice[]> {
  const { rows } = await sql<Invoice>`
    select id, number, run, total_minor, credited_minor, state, snapshot -> 'notes' as notes
    from invoices where account_id = ${shop.account.accountId}
    order by number`.execute(stack.database.db)
  return rows
}

async function dayOf(shop: OpenShop, transactionId: string) {
  const { body } = await shop.client.get<{
    purchase_order: { id: string; business_date: string; sequence: number }
  }>(`/v2/transactions/${transactionId}`)
  const { id, business_date, sequence } = body.purchase_order
  const workflowId = purchaseOrderWorkflowId({
    customerId: shop.customerId,
    businessDate: business_date,
    currency: 'USD',
    sequence,
  })
  return { id, workflowId }
}

async function expectInBalance(): Promise<void> {
  await eventually(
    () => checkDrained(stack.database.db),
    (left) => left.length === 0,
  )
  expect(await checkDatabase(stack.database.db)).toEqual([])
}

test('what is delivered after the invoice is billed at the next cut-off, on an invoice of its own', async () => {
  const shop = await openShop(stack, { codes: 1, timeZone: 'Asia/Tokyo' })
  const late = await shop.supplied('TEST-PARTIAL')
  await shop.order([{ sku: shop.pooled.sku, quantity: 1 }])
  await sql`update accounts set settle_window_seconds = 5
    where id = ${shop.account.accountId}`.execute(stack.database.db)
  const order = await shop.order([{ sku: late.sku, quantity: 2 }])
  const day = await dayOf(shop, order)
  await eventually(
    () => shop.client.get<{ delivered: number }>(`/v2/transactions/${order}/codes`),
    (answer) => answer.body.delivered === 1,
  )
  await shop.client.post(`/v2/purchase-orders/${day.id}/close`)
  await shop.advance('PT6S')
  expect(await invoicesOf(shop)).toMatchObject([{ run: 1, notes: [] }])
  await shop.advance('PT1M')
  const codes = await shop.client.get<{ delivered: number }>(`/v2/transactions/${order}/codes`)
  expect(codes.body.delivered).toBe(2)
  // Delivered, and the day is not over yet: nothing more is billed before the cut-off.
  expect(await invoicesOf(shop)).toHaveLength(1)
  await shop.advance('PT25H')
  const [first, second, ...more] = await invoicesOf(shop)
  expect(more).toEqual([])
  expect(second).toMatchObject({ run: 2, notes: [expect.stringContaining('Supplementary')] })
  expect(Number(second?.number.slice(-6))).toBe(Number(first?.number.slice(-6)) + 1)
  const { body } = await shop.client.get<{ invoices: unknown[] }>(`/v2/purchase-orders/${day.id}`)
  expect(body.invoices).toHaveLength(2)
  await expectInBalance()
}, 180_000)

test('a seller without a tax id who must charge VAT is a case for a person, and then goes on', async () => {
  const shop = await openShop(stack, { codes: 0 })
  const { accountId } = shop.account
  const fee = await makeProduct(stack.database, accountId, { taxClass: 'fee' })
  const product = { productId: fee.id }
  await importCodes(stack.database, stack.config.keys, shop.account, product, 1)
  await sql`update accounts set tax_id = null where id = ${accountId}`.execute(stack.database.db)
  const day = await dayOf(shop, await shop.order([{ sku: fee.sku, quantity: 1 }]))
  await shop.client.post(`/v2/purchase-orders/${day.id}/close`)
  const readWait = async () =>
    (
      await sql<{ reason: string; needs_person: boolean }>`select reason, needs_person from waits
        where story_id = ${day.id} and needs_person`.execute(stack.database.db)
    ).rows[0]
  expect(await eventually(readWait, (wait) => wait !== undefined)).toMatchObject({
    reason: expect.stringContaining('no tax id'),
  })
  const counters = await sql`select 1 from counters where account_id = ${accountId}
    and value > 0`.execute(stack.database.db)
  expect(counters.rows).toEqual([])
  // A unit that was delivered meanwhile may have woken it: then it looks again, and waits again.
  const told = await eventually(
    async () => {
      const { context, out } = commandContext(stack.config)
      await runStuck([], context)
      return out.find((text) => text.startsWith(day.id))
    },
    (text) => text !== undefined,
  )
  expect(told).toContain('no tax id')
  expect(told).toContain(`--workflow-id '${day.workflowId}' --name release`)
  const shown = await eventually(
    async () =>
      (await stack.temporal.workflow.getHandle(day.workflowId).describe()).typedSearchAttributes,
    (attributes) => attributes.get(barkNeedsOperator) === true,
  )
  expect(shown.get(barkStuckReason)).toContain('no tax id')
  await sql`update accounts set tax_id = 'DE123456789' where id = ${accountId}`.execute(
    stack.database.db,
  )
  const handle = stack.temporal.workflow.getHandle(day.workflowId)
  await handle.executeUpdate(release, { args: [{ note: 'completed' }] })
  await eventually(
    () => invoicesOf(shop),
    (found) => found.length === 1,
  )
  await expectInBalance()
}, 180_000)

test('a day without anything to bill issues nothing and burns no number', async () => {
  const shop = await openShop(stack, { codes: 0 })
  const never = await shop.supplied('TEST-OUT-OF-STOCK')
  await shop.order([{ sku: never.sku, quantity: 1 }])
  await shop.advance('PT50H')
  expect(await invoicesOf(shop)).toEqual([])
  const counters = await sql`select 1 from counters where account_id = ${shop.account.accountId}
    and value > 0`.execute(stack.database.db)
  expect(counters.rows).toEqual([])
  await expectInBalance()
}, 180_000)
