import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { invoiceActivities } from '../../activities/invoices.ts'
import { purchaseOrderActivities } from '../../activities/purchase-orders.ts'
import { fulfillTransaction } from '../../db/fulfillment.ts'
import { acceptOrder } from '../../db/order-acceptance.ts'
import { reconcile } from '../../db/reconciliation.ts'
import { newId } from '../../new-id.ts'
import { serveApi, type ServedApi } from '../api/serve.ts'
import { billingDeps } from '../billing.ts'
import type { Calendar } from '../calendar-oracle.ts'
import { importCodes, makeAccount, makeCustomer, makeProduct } from '../factories.ts'
import { CALENDARS, listClockChanges, listYear, type Day } from './days.ts'
import { orderRequest } from '../order-request.ts'

/**
 * Twenty customers in twenty zones: every day is opened by its first order, closed and billed by the
 * very activities that the workflows call, and compared with an independent calendar. The short form
 * plays the days around each clock change, `npm run year` every day of the year.
 */

const WHOLE = process.env['BARK_YEAR'] === 'whole'
const AT_ONCE = 4 // customers that are played at the same time
const LAST_ORDER_SECONDS = 20 // before the end: a slow machine must not reach it

let api: ServedApi
beforeAll(async () => {
  api = await serveApi('year')
})
afterAll(() => api.stop())

type Shop = { accountId: string; customerId: string; sku: string }

async function openShop({ zone, cutOff }: Calendar, days: Day[]): Promise<Shop> {
  const { database } = api
  const account = await makeAccount(database)
  const { accountId } = account
  const customerId = await makeCustomer(database, accountId, { timeZone: zone, cutOff })
  const product = await makeProduct(database, accountId, { priceMinor: 1_003n })
  const own = { productId: product.id }
  await importCodes(database, api.config.keys, account, own, 2 * days.length)
  return { accountId, customerId, sku: product.sku }
}

/** To an instant, or no further where the clock is past it already. */
async function moveClock({ accountId }: Shop, to: string): Promise<void> {
  await sql`update test_clocks set offset_ms = greatest(offset_ms, ceil(extract(epoch from
    ${to}::timestamptz - clock_timestamp()) * 1000)) where account_id = ${accountId}`.execute(
    api.database.db,
  )
}

/** Orders a unit that is delivered at once; answers the purchase order that it belongs to. */
async function order(shop: Shop): Promise<string> {
  const { pool } = api.database
  const { transaction } = await acceptOrder(
    pool,
    orderRequest({
      account_id: shop.accountId,
      customer_id: shop.customerId,
      transaction_id: newId('transaction'),
      items: [{ product_id: null, sku: shop.sku, variant_id: null, quantity: 1, price: null }],
    }),
  )
  await fulfillTransaction(pool, { accountId: shop.accountId, transactionId: transaction.id })
  return transaction.purchase_order.id
}

/** An order at the first instant of a day and one shortly before its end; then the close. */
async function playDay(shop: Shop, day: Day): Promise<void> {
  const deps = billingDeps(api)
  await moveClock(shop, day.start.toString())
  const purchaseOrderId = await order(shop)
  await moveClock(shop, day.end.subtract({ seconds: LAST_ORDER_SECONDS }).toString())
  await order(shop)
  const key = { accountId: shop.accountId, purchaseOrderId }
  await purchaseOrderActivities(deps).stepPurchaseOrder(key) // too early: it only waits
  await moveClock(shop, day.end.toString())
  await purchaseOrderActivities(deps).stepPurchaseOrder(key)
  await invoiceActivities(deps).billPurchaseOrder(key)
}

type Played = {
  date: string
  start: Date
  end: Date
  state: string
  orders: number
  billed: string
  number: string
}

async function readDays({ accountId }: Shop): Promise<Played[]> {
  const { rows } = await sql<Played>`
    select po.business_date::text as date, po.period_start as start, po.period_end as end, po.state,
      (select count(*)::integer from transactions t where t.purchase_order_id = po.id) as orders,
      (select sum(i.total_minor)::text from invoices i where i.purchase_order_id = po.id) as billed,
      (select max(i.number) from invoices i where i.purchase_order_id = po.id) as number
    from purchase_orders po where po.account_id = ${accountId}
    order by po.period_start, po.sequence`.execute(api.database.db)
  return rows
}

test('no day is wrong, whatever the clocks do', async () => {
  const began = performance.now()
  const queue = CALENDARS.map((calendar) => ({
    calendar,
    days: WHOLE ? listYear(calendar) : listClockChanges(calendar),
  }))
  const closes = queue.reduce((sum, { days }) => sum + days.length, 0)
  const wrong: unknown[] = []
  const playNext = async (): Promise<void> => {
    const next = queue.shift()
    if (next === undefined) return
    const shop = await openShop(next.calendar, next.days)
    for (const day of next.days) await playDay(shop, day)
    const played = await readDays(shop)
    wrong.push(...findWrongDays(next.days, played).map((day) => ({ ...next.calendar, ...day })))
    await playNext()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, playNext))
  expect(wrong).toEqual([])
  const differing = (await reconcile(api.database.db, null)).filter(
    ({ differences }) => differences.length > 0,
  )
  expect(differing).toEqual([])
  const seconds = Math.round((performance.now() - began) / 1000)
  process.stdout.write(`${closes} closes in ${CALENDARS.length} zones, 0 wrong, ${seconds} s\n`)
}, 3_600_000)

/** The account is in UTC, and its numbers begin anew with each of its years, whatever date they bill. */
function numbersOf(days: Day[]): string[] {
  const issued = new Map<number, number>()
  return days.map(({ end }) => {
    const { year } = end.toZonedDateTimeISO('UTC')
    const value = (issued.get(year) ?? 0) + 1
    issued.set(year, value)
    return `INV-${year}-${String(value).padStart(6, '0')}`
  })
}

function findWrongDays(days: Day[], played: Played[]): { expected?: Day; played?: Played }[] {
  const length = Math.max(days.length, played.length)
  const numbers = numbersOf(days)
  return Array.from({ length }, (_, index) => ({ expected: days[index], played: played[index] }))
    .filter(({ expected, played: found }, index) => {
      if (expected === undefined || found === undefined) return true
      return !(
        found.date === expected.date &&
        found.start.getTime() === expected.start.epochMilliseconds &&
        found.end.getTime() === expected.end.epochMilliseconds &&
        found.state === 'invoiced' &&
        found.orders === 2 &&
        found.billed === '2006' &&
        found.number === numbers[index]
      )
    })
    .map(({ expected, played: found }) => ({
      ...(expected === undefined ? {} : { expected }),
      ...(found === undefined ? {} : { played: found }),
    }))
}
