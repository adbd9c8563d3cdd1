import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { CodeSupplier } from '../../activities/gateways/code-supplier.ts'
import { createSandboxSupplier } from '../../activities/gateways/sandbox-supplier.ts'
import { sourcingActivities } from '../../activities/sourcing.ts'
import { inTransaction, openDatabase } from '../../db/client.ts'
import { endSupplierCall, takeSupplierCall } from '../../db/supplier-calls.ts'
import {
  closeBreakers,
  countUnits,
  endLeases,
  listAttempts,
  makeProduct,
  makeSupplier,
  openWorld,
  passTime,
  placeOrder,
  type World,
} from './world.ts'

/** How fast a supplier is asked, whether it is asked at all, and what its codes cost. */
let world: World
let away: ReturnType<typeof createSandboxSupplier>
beforeAll(async () => {
  world = await openWorld('sourcing_limits')
  away = createSandboxSupplier({ url: 'http://127.0.0.1:1' }) // nothing listens on port 1
})
afterEach(async () => {
  await closeBreakers(world)
  await endLeases(world)
  await limit({ per_second_max: null, in_flight_max: 16 })
})
afterAll(async () => {
  await away.close()
  await world.close()
})

const limit = (limits: { per_second_max?: number | null; in_flight_max?: number }) =>
  world.database.db
    .updateTable('suppliers')
    .set({ ...limits, next_call_at: null, queue_ends_at: null })
    .where('id', '=', world.supplierId)
    .execute()

const key = () => ({ accountId: world.accountId, supplierId: world.supplierId })
const take = (leaseSeconds = 20) =>
  inTransaction(world.database.db, (tx) => takeSupplierCall(tx, key(), leaseSeconds))
const end = (id: string, reached: boolean) =>
  inTransaction(world.database.db, (tx) =>
    endSupplierCall(tx, key(), { id, reached, said: 'no answer in 10 s' }),
  )

test('lets as many calls fly as the supplier allows, over several workers at once', async () => {
  await limit({ in_flight_max: 5 })
  const workers = Array.from({ length: 4 }, (_, n) =>
    openDatabase({
      url: world.databaseUrl,
      poolSizeMax: 4,
      applicationName: `worker-${n}`,
      onError: () => undefined,
    }),
  )
  const leaves = await Promise.all(
    workers.flatMap(({ db }) =>
      Array.from({ length: 10 }, () => inTransaction(db, (tx) => takeSupplierCall(tx, key(), 20))),
    ),
  )
  const granted = leaves.flatMap((leave) => ('callId' in leave ? leave.callId : []))
  expect(granted).toHaveLength(5)
  const held = leaves.flatMap((leave) => ('callId' in leave ? [] : leave))
  expect(held.every(({ why, holdSeconds }) => why === 'limit' && holdSeconds > 0)).toBe(true)
  await end(granted[0] ?? '', true)
  expect(await take()).toHaveProperty('callId')
  expect(await take()).toHaveProperty('why', 'limit')
  await Promise.all(workers.map((worker) => worker.close()))
})

test('a place that a dead process took is free when its lease ends', async () => {
  await limit({ in_flight_max: 1 })
  await take(0)
  expect(await take()).toHaveProperty('callId')
})

test('calls keep the distance that the supplier asks for', async () => {
  await limit({ per_second_max: 2 })
  const startedMs = performance.now()
  const leaves = await Promise.all(Array.from({ length: 6 }, () => take()))
  const takenSeconds = (performance.now() - startedMs) / 1_000
  const taken = leaves.filter((leave) => 'callId' in leave).length
  expect(taken).toBeGreaterThan(0)
  expect(taken).toBeLessThanOrEqual(1 + 2 * takenSeconds)
  // Real seconds from each answer on, so a slow machine sees a little less, and never more.
  const seconds = leaves.flatMap((leave) => ('why' in leave ? leave.holdSeconds : []))
  const inOrder = seconds.toSorted((a, b) => a - b)
  const excess = inOrder.filter((one, index) => one > (index + taken) / 2 + 0.01)
  expect(excess).toEqual([])
  expect(inOrder.at(-1) ?? 2.5).toBeGreaterThan(2.5 - takenSeconds - 0.1)
})

test('a transaction that is held back fails for now, says why, and loses nothing', async () => {
  await limit({ in_flight_max: 1 })
  const leave = await take()
  const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 2)
  await expect(world.activities.sourceCodes(order)).rejects.toThrow(
    /^Sandbox is asked as fast as its limits allow; asked again in \d+ ms$/,
  )
  expect(await countUnits(world, order)).toEqual({ queued: 2 })
  expect(await listAttempts(world, order)).toEqual([])
  await end('callId' in leave ? leave.callId : '', true)
  expect(await world.activities.sourceCodes(order)).toMatchObject({ ended: true, delivered: 2 })
})

/** An order of two codes of each of two suppliers, and sourcing with `order` for both. */
async function fromTwoSuppliers(order: CodeSupplier['order']) {
  const good = world.deps.suppliers
  const other = await makeSupplier(world.database, world.accountId)
  const products = [
    await makeProduct(world, 'TEST-INSTANT'),
    await makeProduct({ ...world, supplierId: other }, 'TEST-INSTANT'),
  ]
  const suppliers: typeof good = async (connection) => ({ ...(await good(connection)), order })
  return {
    placed: await placeOrder(world, products, 2),
    run: sourcingActivities({ ...world.deps, suppliers }),
  }
}

test('suppliers of one order are asked side by side', async () => {
  const sandbox = createSandboxSupplier({ url: world.supplier.url })
  const both = Promise.withResolvers<void>()
  let asked = 0
  const { placed, run } = await fromTwoSuppliers(async (items, context) => {
    asked += 1
    if (asked === 2) both.resolve()
    await both.promise
    return sandbox.order(items, context)
  })
  expect(await run.sourceCodes(placed)).toMatchObject({ calls: 2, delivered: 4, ended: true })
  await sandbox.close()
})

test('what one supplier answered is kept when the call to another one dies', async () => {
  const sandbox = createSandboxSupplier({ url: world.supplier.url })
  const dead = Promise.withResolvers<never>()
  let asked = 0
  const { placed, run } = await fromTwoSuppliers(async (items, context) => {
    asked += 1
    if (asked === 1) return dead.promise
    const answer = await sandbox.order(items, context)
    dead.reject(new Error('killed'))
    return answer
  })
  await expect(run.sourceCodes(placed)).rejects.toThrow('killed')
  expect(await countUnits(world, placed)).toEqual({ allocated: 2, sourcing: 2 })
  await sandbox.close()
})

/** Sourcing against a supplier that counts how often it was asked. */
function counted(of: CodeSupplier): { calls: () => number; run: World['activities'] } {
  let calls = 0
  const order: CodeSupplier['order'] = (items, context) => {
    calls += 1
    return of.order(items, context)
  }
  const suppliers = () => ({ ...of, order })
  return { calls: () => calls, run: sourcingActivities({ ...world.deps, suppliers }) }
}

test('after five calls without an answer nobody asks, no unit fails by it, and one call tries again', async () => {
  const { calls, run } = counted(away)
  const orders = []
  for (let n = 0; n < 5; n++) {
    const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 1)
    orders.push(order)
    await run.sourceCodes(order)
  }
  expect(calls()).toBe(5)
  const late = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 1)
  const look = await run.sourceCodes(late)
  expect(look).toMatchObject({ calls: 0, toSource: false, units: { queued: 1 } })
  expect(calls()).toBe(5)
  expect(await listAttempts(world, late)).toEqual([])

  // Half-open: whoever is first tries, the others wait for what it hears.
  await passTime(world, 10)
  const tries = await Promise.allSettled([late, ...orders].map((one) => run.sourceCodes(one)))
  expect(tries.length).toBe(6)
  expect(calls()).toBe(6)
  await passTime(world, 10)
  await run.sourceCodes(late).catch(() => undefined)
  expect(calls()).toBe(6)

  // It answers again: the breaker closes, and everybody is served under the same references.
  await passTime(world, 20)
  const first = await world.activities.sourceCodes(late)
  expect(first).toMatchObject({ delivered: 1 })
  const row = await world.database.db
    .selectFrom('suppliers')
    .select(['breaker_failures', 'breaker_opened_at', 'breaker_reason'])
    .where('id', '=', world.supplierId)
    .executeTakeFirstOrThrow()
  expect(row).toEqual({ breaker_failures: 0, breaker_opened_at: null, breaker_reason: null })
  await passTime(world, 60)
  for (const order of orders) {
    await world.activities.sourceCodes(order)
    expect(await countUnits(world, order)).toEqual({ allocated: 1 })
    expect(await listAttempts(world, order)).toHaveLength(1)
  }
})

test('while the first supplier does not answer, the next one is asked at once', async () => {
  for (let n = 0; n < 5; n++) {
    const leave = await take()
    await end('callId' in leave ? leave.callId : '', false)
  }
  const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT', 'TEST-INSTANT'), 1)
  expect(await world.activities.sourceCodes(order)).toMatchObject({ calls: 1, delivered: 1 })
  const [attempt] = await listAttempts(world, order)
  expect(attempt?.supplier_id).not.toBe(world.supplierId)
})

test('one question probes an open breaker, and its answer is recorded', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-DELAYED'), 1)
  await world.activities.sourceCodes(order)
  for (let n = 0; n < 5; n++) {
    const leave = await take()
    await end('callId' in leave ? leave.callId : '', false)
  }
  await passTime(world, 11)
  expect(await world.activities.sourceCodes(order)).toMatchObject({ calls: 1, delivered: 1 })
})

test('each code keeps what it cost: as the list says, unless the supplier says otherwise', async () => {
  const order = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 1)
  const gateway = await world.deps.suppliers({ adapter: 'sandbox' })
  const dearer = sourcingActivities({
    ...world.deps,
    suppliers: () => ({
      ...gateway,
      async order(items, context) {
        const answer = await gateway.order(items, context)
        const results = answer.results.map((result) =>
          result.state === 'delivered'
            ? { ...result, code: { ...result.code, cost: { minor: 1_234n, currency: 'EUR' } } }
            : result,
        )
        return { ...answer, results }
      },
    }),
  })
  await dearer.sourceCodes(order)
  const other = await placeOrder(world, await makeProduct(world, 'TEST-INSTANT'), 1)
  await world.activities.sourceCodes(other)
  const costOf = (transactionId: string) =>
    world.database.db
      .selectFrom('codes')
      .innerJoin('units', 'units.id', 'codes.unit_id')
      .select(['codes.cost_minor', 'codes.cost_currency'])
      .where('units.transaction_id', '=', transactionId)
      .execute()
  expect(await costOf(order.transactionId)).toEqual([{ cost_minor: 1_234n, cost_currency: 'EUR' }])
  expect(await costOf(other.transactionId)).toEqual([{ cost_minor: 900n, cost_currency: 'USD' }])
})
