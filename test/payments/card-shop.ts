import { sql } from 'kysely'
import { expect } from 'vitest'
import { reconcile } from '../../db/reconciliation.ts'
import type { renderOrder } from '../../wire/order.ts'
import { eventually, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'
import type { Payment, Refund } from './world.ts'

export type Order = ReturnType<typeof renderOrder>

/** A shop whose orders are paid by card, and what both sides know of the money. */
export async function openCardShop(stack: Stack) {
  const shop = await openShop(stack)
  const connected = shop.account.accountId.replace(/^acc_/, 'acct_')
  const { client, customerId } = shop
  const read = async (id: string) => (await client.get<Order>(`/v2/orders/${id}`)).body
  const list = async <Shape>(path: string) => (await client.get<{ data: Shape[] }>(path)).body.data
  return {
    ...shop,
    read,
    async buy(payment_method: string, quantity = 2, change: Record<string, unknown> = {}) {
      const items = [{ sku: shop.pooled.sku, quantity }]
      const body = { customer_id: customerId, items, payment_method, ...change }
      const answer = await client.post<Order>('/v2/orders', body)
      if (answer.status !== 201) throw new Error(`${answer.status} ${answer.bytes}`)
      return answer.body
    },
    until: (id: string, done: (order: Order) => boolean) => eventually(() => read(id), done),
    pay: (orderId: string, amount: number, token = 'pm_card_visa', change = {}) =>
      client.post<Payment>('/v2/payments/intents', {
        amount,
        currency: 'usd',
        payment_method: token,
        order_id: orderId,
        ...change,
      }),
    payments: (orderId: string) => list<Payment>(`/v2/payments/intents?order_id=${orderId}`),
    refunds: () => list<Refund>('/v2/refunds'),
    cancel: (id: string, body: Record<string, unknown> = {}) =>
      client.post<Order>(`/v2/orders/${id}/cancel`, body),
    async events() {
      const { rows } = await sql<{ type: string }>`select type from events
        where account_id = ${shop.account.accountId} order by xid, sequence`.execute(
        stack.database.db,
      )
      return rows.map(({ type }) => type)
    },
    /** What the payment service holds for this account, after refunds. */
    async kept() {
      const entries = await stack.psp().ledger(connected)
      return entries.reduce((sum, { amount }) => sum + amount, 0)
    },
    async freeCodes() {
      const { rows } = await sql<{ n: number }>`select count(*)::integer as n from codes
        where account_id = ${shop.account.accountId} and unit_id is null
          and reserved_for is null`.execute(stack.database.db)
      return rows[0]?.n
    },
  }
}

export async function expectBalanced(stack: Stack, { account }: OpenShop): Promise<void> {
  const identities = await reconcile(stack.database.db, account.accountId)
  expect(identities.filter(({ differences }) => differences.length > 0)).toEqual([])
}
