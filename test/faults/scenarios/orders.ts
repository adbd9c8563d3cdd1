import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { closePurchaseOrder } from '../../../db/purchase-orders.ts'
import { inTransaction } from '../../../db/client.ts'
import { DomainError } from '../../../domain/error.ts'
import type { AcceptedOrder } from '../../../db/order-acceptance.ts'
import { fulfillTransaction } from '../../../db/fulfillment.ts'
import { openHistory } from '../history.ts'
import { checkDatabase, type Violation } from '../invariants.ts'
import { fieldsOf } from '../json.ts'
import type { World } from '../world.ts'
import { openShop } from './shop.ts'

/** As many at once as the pool of the world has connections, but for one. */
const CLIENTS = 7

/** 100 requests at once under one key: one order, and everybody is told the same or "later". */
export async function duplicateRequests(world: World): Promise<Violation[]> {
  const REQUESTS = 100
  const shop = await openShop(world, { codes: 1 })
  const key = randomUUID()
  const body = { customer_id: shop.customerId, items: [{ sku: shop.sku, quantity: 1 }] }
  const asking = { name: 'the same order', method: 'POST' as const, path: '/v2/transactions' }
  const answers = await Promise.all(
    Array.from({ length: REQUESTS }, () => shop.client.ask({ ...asking, key, body })),
  )
  const again = await shop.client.insist({ ...asking, name: 'the same again', key, body })
  const violations: Violation[] = []
  const accepted = [...answers, again].filter(({ status }) => status === 201)
  const ids = new Set(accepted.map((answer) => fieldsOf(answer.body)['id']))
  const fresh = accepted.filter(({ replayed }) => !replayed)
  if (ids.size !== 1 || fresh.length !== 1) {
    const what = `${fresh.length} fresh answers name ${ids.size} orders`
    violations.push({ invariant: 'I2', what, rows: [...ids] })
  }
  // On a busy machine 503 and no answer in time are "later" too.
  const later = [409, 503, null]
  const others = answers.filter(({ status }) => status !== 201 && !later.includes(status))
  if (others.length > 0) {
    const rows = others.map(({ status, error }) => ({ status, error }))
    violations.push({ invariant: 'I3', what: 'neither the answer nor "later"', rows })
  }
  const { rows } = await sql<{ id: string }>`
    select id from transactions where account_id = ${shop.accountId}`.execute(world.database.db)
  if (rows.length !== 1) {
    violations.push({ invariant: 'I2', what: `one key made ${rows.length} orders`, rows })
  }
  return [...violations, ...(await checkDatabase(world.database.db))]
}

/** Seven clients order while the day is closed again and again: each order is on one day, the open one. */
export async function ordersAtTheClose(world: World): Promise<Violation[]> {
  const ORDERS_EACH = 12
  const CLOSES = 8
  const shop = await openShop(world)
  const { db } = world.database
  const accepted: string[] = []
  let ordering = true
  const closeOne = async (): Promise<void> => {
    const { rows } = await sql<{ id: string }>`
      select id from purchase_orders where account_id = ${shop.accountId} and state = 'open'`.execute(
      db,
    )
    const [open] = rows
    if (open === undefined) return
    const key = { accountId: shop.accountId, purchaseOrderId: open.id }
    await patiently(() =>
      inTransaction(db, (tx) => closePurchaseOrder(tx, { ...key, early: true })),
    )
  }
  const closer = async (): Promise<void> => {
    for (let closes = 0; closes < CLOSES && ordering; closes++) await closeOne()
  }
  const client = async (): Promise<void> => {
    for (let orders = 0; orders < ORDERS_EACH; orders++) {
      accepted.push((await patiently(() => shop.accept(1))).transaction.id)
    }
  }
  const clients = Promise.all(Array.from({ length: CLIENTS }, client)).finally(() => {
    ordering = false
  })
  await Promise.all([clients, closer()])
  // However fast the clients were: at least one day follows another that was closed.
  await closeOne()
  accepted.push((await shop.accept(1)).transaction.id)

  const violations = await checkDatabase(db)
  const { rows } = await sql<{ id: string }>`
    select id from transactions where account_id = ${shop.accountId}`.execute(db)
  const found = new Set(rows.map(({ id }) => id))
  const lost = accepted.filter((id) => !found.has(id))
  if (lost.length > 0 || found.size !== accepted.length) {
    const what = `${accepted.length} accepted, ${found.size} there`
    violations.push({ invariant: 'I1', what, rows: lost })
  }
  return violations
}

/** More units than codes, given out by everybody at once and twice: no code for two, none wasted. */
export async function raceForCodes(world: World): Promise<Violation[]> {
  const ORDERS = 20
  const UNITS_EACH = 3
  const CODES = 40
  const shop = await openShop(world, { codes: CODES })
  const { accountId } = shop
  const orders: AcceptedOrder[] = []
  await inLanes(Array.from({ length: ORDERS }), async () => {
    orders.push(await patiently(() => shop.accept(UNITS_EACH)))
  })
  const failures: string[] = []
  await inLanes([...orders, ...orders], async ({ transaction: { id } }) => {
    const key = { accountId, transactionId: id }
    await fulfillTransaction(world.database.pool, key).catch((error: unknown) => {
      failures.push(String(error))
    })
  })
  const violations = await checkDatabase(world.database.db)
  if (failures.length > 0) {
    violations.push({ invariant: 'I7', what: 'giving out codes failed', rows: failures })
  }
  const { rows } = await sql<{ sold: bigint }>`
    select count(*) as sold from codes where account_id = ${accountId} and unit_id is not null`.execute(
    world.database.db,
  )
  if (rows[0]?.sold !== BigInt(CODES)) {
    violations.push({ invariant: 'I7', what: `not all of ${CODES} codes were given out`, rows })
  }
  return violations
}

/** A refused order leaves nothing behind, and its key is free for an order that can be accepted. */
export async function refusedOrder(world: World): Promise<Violation[]> {
  const shop = await openShop(world)
  const key = randomUUID()
  const asking = { name: 'too much', method: 'POST' as const, path: '/v2/transactions', key }
  const items = [{ sku: shop.sku, quantity: 1 }]
  const strict = { customer_id: shop.customerId, items, allow_backorder: false }
  const refused = await shop.client.insist({ ...asking, body: strict })
  const violations: Violation[] = []
  if (refused.status !== 422) {
    violations.push({
      invariant: 'I3',
      what: `out of stock was answered ${refused.status}`,
      rows: [],
    })
  }
  // A history of its own: to the checker the same key with another body would be a reuse.
  const client = openHistory(world.apiUrl, shop.apiKey)
  const body = { customer_id: shop.customerId, items }
  const accepted = await client.insist({ ...asking, name: 'enough', body })
  if (accepted.status !== 201) {
    const what = `only 2xx may be kept under a key: ${accepted.status}`
    violations.push({ invariant: 'I3', what, rows: [accepted.body] })
  }
  return [...violations, ...(await checkDatabase(world.database.db))]
}

/** The database ends every connection of the API just after an order was answered. */
export async function connectionsEndAfterTheAnswer(world: World): Promise<Violation[]> {
  const ORDERS = 12
  const shop = await openShop(world)
  const acknowledged: string[] = []
  for (let orders = 0; orders < ORDERS; orders++) {
    acknowledged.push(await shop.order(1))
    await world.database.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and application_name = 'bark-api'`,
    )
  }
  const { rows } = await sql<{ id: string }>`
    select id from transactions where account_id = ${shop.accountId}`.execute(world.database.db)
  const found = new Set(rows.map(({ id }) => id))
  const lost = acknowledged.filter((id) => !found.has(id))
  const violations = await checkDatabase(world.database.db)
  if (lost.length > 0) {
    violations.push({ invariant: 'I1', what: 'an acknowledged order is not there', rows: lost })
  }
  return violations
}

/** Takes the items in turn, as many at once as there are clients. */
async function inLanes<T>(items: T[], step: (item: T) => Promise<void>): Promise<void> {
  const left = [...items.entries()]
  const lane = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) await step(next[1])
  }
  await Promise.all(Array.from({ length: CLIENTS }, lane))
}

const PATIENCE_TRIES = 6

/** Tries again what found a lock or every connection taken for too long: it has written nothing. */
async function patiently<T>(step: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await step()
    } catch (error) {
      if (!isBusy(error) || tries === PATIENCE_TRIES) throw error
    }
  }
}

function isBusy(error: unknown): boolean {
  if (error instanceof DomainError) return error.reason === 'busy'
  return error instanceof Error && error.message.includes('timeout')
}
