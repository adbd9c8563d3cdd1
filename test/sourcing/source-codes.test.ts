import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { createSandboxSupplier } from '../../activities/gateways/sandbox-supplier.ts'
import { sourcingActivities } from '../../activities/sourcing.ts'
import { inTransaction } from '../../db/client.ts'
import { hurrySourcing } from '../../db/sourcing-outlook.ts'
import {
  closeBreakers,
  countUnits,
  listAttempts,
  listStoredCodes,
  liveOn,
  makeProduct,
  openWorld,
  passTime,
  placeOrder,
  type World,
} from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld('source_codes')
})
afterEach(async () => {
  world.link.setMode({ kind: 'pass' })
  await closeBreakers(world)
})
afterAll(() => world.close())

/** Every wait is a multiple of it: who looks late, on a busy machine, reads the wait all the same. */
const WAIT_STEP_SECONDS = 5

/** Seconds of business time until the registered wait ends, as it was registered. */
function secondsLeft(waiting: { dueAt: string | null; clockOffsetMs: number } | null): number {
  if (!waiting?.dueAt) throw new Error('nothing is waited for')
  const leftMs = Date.parse(waiting.dueAt) - Date.now() - waiting.clockOffsetMs
  return Math.ceil(leftMs / (WAIT_STEP_SECONDS * 1000)) * WAIT_STEP_SECONDS
}

test('buys what the pool does not have, and buys it once', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 5)
  expect(await world.activities.awaitCodes(order)).toMatchObject({ toSource: true, waiting: null })
  expect(await world.activities.sourceCodes(order)).toMatchObject({ calls: 1, delivered: 5 })
  expect(await world.activities.sourceCodes(order)).toMatchObject({ calls: 0, delivered: 0 })
  expect(await world.activities.awaitCodes(order)).toMatchObject({
    ended: true,
    units: { allocated: 5 },
  })
  const sold = (await world.supplier.ledger()).filter((sale) => sale.sku === 'TEST-INSTANT')
  expect(sold).toHaveLength(5)
})

test('stores half at once and the rest when the supplier has it, and tells both times', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-PARTIAL'), 5)
  expect(await world.activities.sourceCodes(order)).toMatchObject({ delivered: 3, processing: 2 })
  const look = await world.activities.awaitCodes(order)
  expect(look).toMatchObject({ ended: false, toSource: false, open: 2 })
  expect(look.waiting?.reason).toBe('3 of 5 codes: 2 processing at Sandbox')
  expect(look.detail[0]).toContain('asked for 5, delivered 3, processing 2')
  expect(secondsLeft(look.waiting)).toBe(10)

  await passTime(world, 10)
  expect(await world.activities.awaitCodes(order)).toMatchObject({ toSource: true })
  expect(await world.activities.sourceCodes(order)).toMatchObject({ delivered: 2 })
  expect(await countUnits(world, order)).toEqual({ allocated: 5 })

  const { rows: events } = await sql<{ type: string; facts: unknown }>`
    select type, facts from events where object_id = ${order.transactionId} order by sequence`.execute(
    world.database.db,
  )
  expect(events).toEqual([
    { type: 'order.created', facts: { units: { queued: 5 } } },
    {
      type: 'codes.available',
      facts: { units: { allocated: 3, sourcing: 2 }, purchase_order_state: 'open' },
    },
    {
      type: 'codes.available',
      facts: { units: { allocated: 5 }, purchase_order_state: 'open' },
    },
    {
      type: 'order.fulfilled',
      facts: { units: { allocated: 5 }, purchase_order_state: 'open' },
    },
  ])
})

test('asks an empty supplier again by the back-off until the deadline, then gives up', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-OUT-OF-STOCK'), 2)
  const waits: number[] = []
  for (let looks = 0; ; looks++) {
    const look = await world.activities.awaitCodes(order)
    if (look.ended) break
    if (look.toSource) {
      await world.activities.sourceCodes(order)
      continue
    }
    const seconds = secondsLeft(look.waiting)
    waits.push(seconds)
    await passTime(world, seconds + 1)
  }
  expect(waits.slice(0, 10)).toEqual([10, 60, 300, 900, 1800, 3600, 3600, 3600, 7200, 7200])
  expect(waits.reduce((sum, seconds) => sum + seconds, 0)).toBeGreaterThan(86_000)
  expect(await countUnits(world, order)).toEqual({ failed: 2 })
  const { rows } = await sql<{ reason: string; state: string }>`
    select reason, state from units where transaction_id = ${order.transactionId}`.execute(
    world.database.db,
  )
  expect(rows).toEqual([
    { reason: 'deadline_passed', state: 'failed' },
    { reason: 'deadline_passed', state: 'failed' },
  ])
})

test.each([
  ['TEST-DELAYED', 4],
  ['TEST-LATE-STOCK', 3],
  ['TEST-PROCESSING', 2],
  ['TEST-TIMEOUT-THEN-OK', 3],
  ['TEST-DUPLICATE', 6],
])('%s ends with every code there and none paid for in vain', async (sku, quantity) => {
  const order = await placeOrder(world, await makeProduct(world, sku), quantity)
  await liveOn(world, order)
  expect(await countUnits(world, order)).toEqual({ allocated: quantity })
  const sold = (await world.supplier.ledger()).filter((sale) => sale.sku === sku)
  const stored = (await listStoredCodes(world)).map((code) => code.secret.code)
  expect(new Set(stored).size).toBe(stored.length)
  expect(sold.filter((sale) => !stored.includes(sale.code))).toEqual([])
  expect(new Set(sold.map((sale) => sale.code)).size).toBe(quantity)
})

test('TEST-DUPLICATE: a code that is stored already is refused, and another one is bought', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-DUPLICATE'), 2)
  const tally = await world.activities.sourceCodes(order)
  expect(tally).toMatchObject({ delivered: 1, rejected: 1 })
  const units = await world.database.db
    .selectFrom('units')
    .select(['state', 'reason'])
    .where('transaction_id', '=', order.transactionId)
    .orderBy('state')
    .execute()
  expect(units).toEqual([
    { state: 'allocated', reason: null },
    { state: 'backordered', reason: 'supplier_code_unusable' },
  ])
  await liveOn(world, order)
  expect(await countUnits(world, order)).toEqual({ allocated: 2 })
})

test('TEST-SURPLUS: the second code of a reference is kept aside and never issued', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-SURPLUS'), 2)
  expect(await world.activities.sourceCodes(order)).toMatchObject({ delivered: 2, quarantined: 2 })
  const stored = (await listStoredCodes(world)).filter((code) => code.quarantine !== null)
  expect(stored.map((code) => [code.quarantine, code.unitId])).toEqual([
    ['surplus', null],
    ['surplus', null],
  ])
})

test('an order whose reply is lost makes the unit unknown, and nothing is bought again', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT', 'TEST-INSTANT'), 3)
  world.link.setMode({ kind: 'loseReplies' })
  expect(await world.activities.sourceCodes(order)).toMatchObject({ calls: 1, unknown: 3 })
  expect(await countUnits(world, order)).toEqual({ unknown: 3 })
  const before = (await world.supplier.ledger()).length
  const look = await world.activities.awaitCodes(order)
  expect(look.waiting?.reason).toBe('0 of 3 codes: 3 in doubt at Sandbox')
  expect(secondsLeft(look.waiting)).toBe(5)

  await passTime(world, 5)
  expect(await world.activities.sourceCodes(order)).toMatchObject({ calls: 1, unknown: 3 })
  world.link.setMode({ kind: 'pass' })
  await liveOn(world, order)
  expect(await countUnits(world, order)).toEqual({ allocated: 3 })
  expect((await world.supplier.ledger()).length).toBe(before)
  expect((await listAttempts(world, order)).map((attempt) => attempt.group_number)).toEqual([
    1, 1, 1,
  ])
})

test('asks about an unknown unit by the schedule, and after a day a person must find out', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 1)
  world.link.setMode({ kind: 'loseReplies' })
  await world.activities.sourceCodes(order)
  const waits: number[] = []
  for (;;) {
    const look = await world.activities.awaitCodes(order)
    if (!look.toSource && look.waiting?.dueAt === null) break
    if (look.toSource) {
      await world.activities.sourceCodes(order)
      continue
    }
    waits.push(secondsLeft(look.waiting))
    await passTime(world, secondsLeft(look.waiting) + 1)
  }
  expect(waits.slice(0, 7)).toEqual([5, 30, 300, 1800, 7200, 3600, 3600])
  const total = waits.reduce((sum, seconds) => sum + seconds, 0)
  expect(total).toBeGreaterThan(86_300)
  expect(total).toBeLessThanOrEqual(86_400)
  const look = await world.activities.awaitCodes(order)
  expect(look.waiting?.reason).toContain('a person must find out')
  const wait = await world.database.db
    .selectFrom('waits')
    .selectAll()
    .where('story_id', '=', order.transactionId)
    .executeTakeFirstOrThrow()
  expect(wait).toMatchObject({ needs_person: true, due_at: null })

  world.link.setMode({ kind: 'pass' })
  await inTransaction(world.database.db, (tx) => hurrySourcing(tx, order))
  expect(await world.activities.awaitCodes(order)).toMatchObject({ toSource: true })
  await world.activities.sourceCodes(order)
  expect(await countUnits(world, order)).toEqual({ allocated: 1 })
})

test('a supplier that is away is not asked for certain: the same reference is sent later', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 2)
  const away = createSandboxSupplier({ url: 'http://127.0.0.1:1' }) // nothing listens on port 1
  const activities = sourcingActivities({ ...world.deps, suppliers: () => away })
  expect(await activities.sourceCodes(order)).toMatchObject({ calls: 1, not_placed: 2 })
  await away.close()
  expect(await countUnits(world, order)).toEqual({ backordered: 2 })
  const first = await listAttempts(world, order)
  const look = await world.activities.awaitCodes(order)
  expect(look.detail[0]).toContain('no connection (ECONNREFUSED)')
  expect(secondsLeft(look.waiting)).toBe(10)

  await liveOn(world, order)
  expect(await countUnits(world, order)).toEqual({ allocated: 2 })
  const last = await listAttempts(world, order)
  expect(last.map((attempt) => attempt.reference)).toEqual(
    first.map((attempt) => attempt.reference),
  )
})

test('asks the next supplier at once after a definite no', async () => {
  const product = await makeProduct(world, 'TEST-OUT-OF-STOCK', 'TEST-INSTANT')
  const order = await placeOrder(world, product, 3)
  expect(await world.activities.sourceCodes(order)).toMatchObject({
    calls: 2,
    none: 3,
    delivered: 3,
  })
  expect(await countUnits(world, order)).toEqual({ allocated: 3 })
})

test('asks no other supplier while one may have the order', async () => {
  const product = await makeProduct(world, 'TEST-TIMEOUT-THEN-OK', 'TEST-INSTANT')
  const order = await placeOrder(world, product, 2)
  await liveOn(world, order)
  const attempts = await listAttempts(world, order)
  expect(attempts).toHaveLength(2)
  expect(new Set(attempts.map((attempt) => attempt.supplier_id))).toEqual(
    new Set([world.supplierId]),
  )
})

test('a unit that a supplier has is waited for beyond the deadline and delivered', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-PARTIAL', 'TEST-INSTANT'), 2)
  await world.activities.sourceCodes(order)
  expect(await countUnits(world, order)).toEqual({ allocated: 1, sourcing: 1 })
  await passTime(world, 25 * 3600)
  expect(await world.activities.awaitCodes(order)).toMatchObject({ ended: false, toSource: true })
  await world.activities.sourceCodes(order)
  expect(await countUnits(world, order)).toEqual({ allocated: 2 })
})

test('buys nothing after the deadline, also when a doubt turns out to be a no', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-TIMEOUT-THEN-NONE'), 2)
  await world.activities.sourceCodes(order)
  expect(await countUnits(world, order)).toEqual({ unknown: 2 })
  await passTime(world, 25 * 3600)
  expect(await world.activities.sourceCodes(order)).toMatchObject({ calls: 1, not_placed: 2 })
  expect(await countUnits(world, order)).toEqual({ failed: 2 })
})

test('an inactive supplier sells nothing more, and is still asked for what it has', async () => {
  const setActive = (active: boolean) =>
    world.database.db
      .updateTable('suppliers')
      .set({ active })
      .where('id', '=', world.supplierId)
      .execute()
  const product = await makeProduct(world, 'TEST-DELAYED')
  const order = await placeOrder(world, product, 1)
  await world.activities.sourceCodes(order)
  await setActive(false)
  const later = await placeOrder(world, product, 1)
  expect(await world.activities.awaitCodes(later)).toMatchObject({ toSource: false })
  expect(await world.activities.sourceCodes(later)).toMatchObject({ calls: 0 })
  await passTime(world, 10)
  expect(await world.activities.sourceCodes(order)).toMatchObject({ calls: 1, delivered: 1 })
  await setActive(true)
})

test('a transaction that acts does not wait: the test clock must not pass it by', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-DELAYED'), 1)
  await world.activities.sourceCodes(order)
  const countWaits = async () =>
    (
      await world.database.db
        .selectFrom('waits')
        .select('story_id')
        .where('story_id', '=', order.transactionId)
        .execute()
    ).length
  await world.activities.awaitCodes(order)
  expect(await countWaits()).toBe(1)
  await passTime(world, 10)
  await world.activities.awaitCodes(order)
  expect(await countWaits()).toBe(0)
})

test('splits a large order into calls of at most 200 units', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 450)
  expect(await world.activities.sourceCodes(order)).toMatchObject({ calls: 3, delivered: 450 })
})

test('without a supplier the wait lasts until the deadline and names the reason', async () => {
  const order = await placeOrder(world, await makeProduct(world), 2)
  const look = await world.activities.awaitCodes(order)
  expect(look).toMatchObject({ ended: false, toSource: false })
  expect(secondsLeft(look.waiting)).toBe(86_400)
  expect(look.waiting?.reason).toBe('0 of 2 codes: 2 sold by no supplier, waiting for an import')
})

test('no code stands in what an activity answers', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-PARTIAL'), 4)
  const answers = JSON.stringify([
    await world.activities.sourceCodes(order),
    await world.activities.awaitCodes(order),
  ])
  const codes = (await listStoredCodes(world)).map((code) => code.secret.code ?? '')
  expect(codes.length).toBeGreaterThan(0)
  expect(codes.filter((code) => code === '' || answers.includes(code))).toEqual([])
})
