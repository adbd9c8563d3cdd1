import { afterAll, beforeAll, expect, test } from 'vitest'
import { listClearingBalances, listClearingLines } from '../../db/clearing.ts'
import { reconcile } from '../../db/reconciliation.ts'
import type { renderReconciliation } from '../../wire/payment-difference.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openTill, type Refund, type Till } from './world.ts'

type Reconciliation = ReturnType<typeof renderReconciliation>

let stack: Stack
beforeAll(async () => {
  stack = await startStack('clearing', { psp: true })
})
afterAll(() => stack.stop())

/** What the account has at the provider goes to its bank. */
async function payOut(till: Till, amount: number): Promise<void> {
  const answer = await fetch(`${stack.psp().url}/v1/payouts`, {
    method: 'POST',
    headers: { Authorization: 'Bearer sk_test_sandbox', 'Stripe-Account': till.connected },
    body: new URLSearchParams({ amount: String(amount), currency: 'usd' }),
  })
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`)
}

async function compareToday(till: Till): Promise<Reconciliation> {
  const date = new Date().toISOString().slice(0, 10)
  await till.client.post('/v2/payments/reconciliations', { date })
  const { body } = await eventually(
    () => till.client.get<{ data: Reconciliation[] }>('/v2/payments/reconciliations'),
    (seen) => seen.body.data[0]?.status === 'done',
  )
  const [done] = body.data
  if (done === undefined) throw new Error('no reconciliation')
  return done
}

async function brokenIdentities(till: Till): Promise<string[]> {
  const results = await reconcile(stack.database.db, till.account.accountId)
  return results.filter(({ differences }) => differences.length > 0).map(({ name }) => name)
}

test('the clearing account returns to zero after captures, fees, refunds, a dispute and the payout', async () => {
  const till = await openTill(stack)
  const owner = { accountId: till.account.accountId, currency: 'USD' }
  const { id } = await till.create({ customer_id: till.customerId })
  await till.post<Refund>(`/v2/payments/${id}/refund`, { amount: 5_000 }, 10)
  await till.create({ capture_method: 'manual' })
  const disputed = await till.create({ payment_method: 'pm_card_createDispute' })
  await eventually(
    () => till.payment(disputed.id),
    ({ amount_disputed }) => amount_disputed === 19_999,
  )
  await till.create()
  // Three captures and their fees, a refund, a dispute and its fee.
  const owed = 3 * (19_999 - 610) - 5_000 - 19_999 - 1_500
  expect(await listClearingBalances(stack.database.db, owner.accountId)).toMatchObject([
    { currency: 'USD', captured_minor: 59_997n, fees_minor: -1_830n, balance_minor: BigInt(owed) },
  ])
  expect(await brokenIdentities(till)).toEqual([])

  await payOut(till, owed)
  expect(await compareToday(till)).toMatchObject({ open_differences: 0, payments_compared: 4 })
  const [balance] = await listClearingBalances(stack.database.db, owner.accountId)
  expect(balance).toMatchObject({ paid_out_minor: BigInt(-owed), balance_minor: 0n })
  const page = { kind: 'page', page: 1, limit: 50 } as const
  const { rows: lines } = await listClearingLines(stack.database.db, owner, page)
  expect(lines[0]).toMatchObject({ balance_minor: 0n })
  // The provider tells whole seconds: what happened within one may stand after the payout.
  expect(lines.filter(({ kind }) => kind === 'psp_paid_out')).toHaveLength(1)
  expect(await brokenIdentities(till)).toEqual([])
})

test('a dispute that nobody told us of is found by comparing, and gets its story', async () => {
  const till = await openTill(stack)
  const payment = await till.create({ payment_method: 'pm_card_createDispute' })
  await eventually(
    () => till.payment(payment.id),
    ({ amount_disputed }) => amount_disputed > 0,
  )
  await stack.database.pool.query(
    `update disputes set provider_id = 'dp_elsewhere' where payment_id = $1`,
    [payment.id],
  )
  expect((await compareToday(till)).open_differences).toBe(1)
  await eventually(
    () => till.client.get<{ data: unknown[] }>(`/v2/payments/disputes?payment_id=${payment.id}`),
    ({ body }) => body.data.length === 2,
  )
})
