import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkDrained } from '../faults/check-drained.ts'
import { checkDatabase } from '../faults/invariants.ts'
import { reconcile } from '../../db/reconciliation.ts'
import { importCodes } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop } from '../shop.ts'

let stack: Stack
beforeAll(async () => {
  stack = await startStack('billed_on_acceptance', { supplier: true })
})
afterAll(() => stack.stop())

type Invoice = { id: string; total_minor: number; amount_credited_minor: number }

test('what was ordered is billed at the close; codes follow, and what never comes is credited', async () => {
  const shop = await openShop(stack, { codes: 1 })
  const { client } = shop
  await client.put('/v2/billing-settings', {
    time_zone: 'UTC',
    cut_off: '24:00',
    bill_on: 'acceptance',
  })
  const order = await shop.order([{ sku: shop.pooled.sku, quantity: 3 }])
  const codesOf = async () =>
    (await client.get<{ delivered: number; failed: number }>(`/v2/transactions/${order}/codes`))
      .body
  await eventually(codesOf, ({ delivered }) => delivered === 1)
  const { body } = await client.get<{ purchase_order: { id: string } }>(`/v2/transactions/${order}`)
  const day = `/v2/purchase-orders/${body.purchase_order.id}`
  await client.post(`${day}/close`)
  // Nothing waits for the settle window: the clock stands still.
  const { invoices } = await eventually(
    async () => (await client.get<{ invoices: { id: string }[] }>(day)).body,
    (found) => found.invoices.length === 1,
  )
  const path = `/v2/invoices/${invoices[0]?.id}`
  const invoice = await client.get<Invoice & { notes?: string[] }>(path)
  expect(invoice.body).toMatchObject({ total_minor: 3_000, amount_credited_minor: 0 })
  expect(await balances(shop.account.accountId)).toMatchObject({
    deferred_revenue: -2_000n,
    revenue: -1_000n,
    receivable: 3_000n,
  })

  // One of the two comes after the invoice; the other one is given up.
  const product = { productId: shop.pooled.id }
  await importCodes(stack.database, stack.config.keys, shop.account, product, 1)
  await shop.advance('PT25H')
  expect(await codesOf()).toMatchObject({ delivered: 2, failed: 1 })
  const notes = await eventually(
    async () => (await client.get<{ data: { status: string }[] }>('/v2/credit-notes')).body.data,
    (found) => found.length === 1 && found[0]?.status === 'issued',
  )
  expect(notes).toMatchObject([
    { total_minor: 1_000, reason: 'Not delivered', invoice_id: invoices[0]?.id },
  ])
  expect((await client.get<Invoice>(path)).body).toMatchObject({
    total_minor: 3_000,
    amount_credited_minor: 1_000,
  })
  const { deferred_revenue, ...rest } = await balances(shop.account.accountId)
  expect(deferred_revenue ?? 0n).toBe(0n)
  expect(rest).toMatchObject({ revenue: -2_000n, receivable: 2_000n })
  await eventually(
    () => checkDrained(stack.database.db),
    (left) => left.length === 0,
  )
  expect(await checkDatabase(stack.database.db)).toEqual([])
  const results = await reconcile(stack.database.db, null)
  expect(results.filter(({ differences }) => differences.length > 0)).toEqual([])
}, 60_000)

/** Of ledger accounts by kind; a credit is negative. */
async function balances(accountId: string): Promise<Record<string, bigint>> {
  const { rows } = await sql<{ kind: string; minor: bigint }>`
    select a.kind, sum(e.amount_minor)::bigint as minor from entries e
    join ledger_accounts a on a.id = e.ledger_account_id
    where a.account_id = ${accountId} group by a.kind`.execute(stack.database.db)
  return Object.fromEntries(rows.map(({ kind, minor }) => [kind, minor]))
}
