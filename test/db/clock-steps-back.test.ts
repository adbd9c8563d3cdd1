import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { checkDatabase } from '../faults/invariants.ts'
import { openShop, type Shop } from '../api/v2/orders/shop.ts'

/** The database's clock goes back: by a test clock that is forced to, as only an administrator could. */

let shop: Shop
beforeAll(async () => {
  shop = await openShop('clock_steps_back')
})
afterAll(() => shop.stop())

async function setClock(offsetMs: number): Promise<void> {
  await shop.database.db.transaction().execute(async (tx) => {
    await sql`set local session_replication_role = replica`.execute(tx)
    await sql`update test_clocks set offset_ms = ${offsetMs}
      where account_id = ${shop.account.accountId}`.execute(tx)
  })
}

async function order(): Promise<{ id: string; business_date: string; sequence: number }> {
  const { status, body } = await shop.owner.post<{
    purchase_order: { id: string; business_date: string; sequence: number }
  }>('/v2/transactions', {
    customer_id: shop.customerId,
    items: [{ sku: shop.product.sku, quantity: 1 }],
  })
  expect(status).toBe(201)
  return body.purchase_order
}

const close = (id: string) => shop.owner.post(`/v2/purchase-orders/${id}/close`)

const DAY_MS = 86_400_000

test('a day that was closed stays closed, and orders go on in the next sequence of its date', async () => {
  await setClock(2 * DAY_MS)
  const ahead = await order()
  await setClock(2 * DAY_MS - 600_000)
  expect(await order()).toMatchObject({ id: ahead.id }) // it is still the open one
  expect((await close(ahead.id)).status).toBe(201)
  await setClock(0)
  const behind = await order()
  expect(behind).toMatchObject({ business_date: ahead.business_date, sequence: 2 })
  expect((await order()).id).toBe(behind.id)
  expect((await close(behind.id)).status).toBe(201)
  await setClock(2 * DAY_MS)
  expect(await order()).toMatchObject({ business_date: ahead.business_date, sequence: 3 })
  const overlaps = (await checkDatabase(shop.database.db)).filter(({ what }) =>
    /overlap|gaps|one open|after the close/.test(what),
  )
  expect(overlaps).toEqual([])
})
