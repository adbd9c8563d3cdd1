import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CodeSupplier } from '../../activities/gateways/code-supplier.ts'
import { createSandboxSupplier } from '../../activities/gateways/sandbox-supplier.ts'
import { sourcingActivities } from '../../activities/sourcing.ts'
import { seededRandom, seedOfRun, type Random } from '../faults/random.ts'
import {
  countUnits,
  endLeases,
  listStoredCodes,
  liveOn,
  makeProduct,
  openWorld,
  passTime,
  placeOrder,
  type World,
} from './world.ts'

const RUNS = Number(process.env['BARK_TEST_SOURCING_RUNS'] ?? '200')
const SEED = seedOfRun()

const SKUS = [
  'TEST-INSTANT',
  'TEST-PARTIAL',
  'TEST-DELAYED',
  'TEST-LATE-STOCK',
  'TEST-PROCESSING',
  'TEST-TIMEOUT-THEN-OK',
  'TEST-TIMEOUT-THEN-NONE',
  'TEST-DUPLICATE',
  'TEST-SURPLUS',
  'TEST-OUT-OF-STOCK',
] as const

let world: World
let lost: ReturnType<typeof createSandboxSupplier>
let away: ReturnType<typeof createSandboxSupplier>
beforeAll(async () => {
  world = await openWorld('sourcing_random')
  world.link.setMode({ kind: 'loseReplies' })
  lost = createSandboxSupplier({ url: `http://127.0.0.1:${world.link.port}` })
  away = createSandboxSupplier({ url: 'http://127.0.0.1:1' }) // nothing listens on port 1
})
afterAll(async () => {
  await lost.close()
  await away.close()
  await world.close()
})

/** A supplier whose replies get lost, that is away, or whose caller dies, as chance has it. */
function faultySupplier(random: Random, good: CodeSupplier): CodeSupplier {
  const call = async <T>(of: (supplier: CodeSupplier) => Promise<T>): Promise<T> => {
    switch (random.integer(8)) {
      case 0:
        throw new Error('killed before the call')
      case 1:
        await of(good)
        throw new Error('killed after the call')
      case 2:
        return of(lost)
      case 3:
        return of(away)
      default:
        return of(good)
    }
  }
  return {
    order: (items, context) => call((supplier) => supplier.order(items, context)),
    status: (references, context) => call((supplier) => supplier.status(references, context)),
    quote: (skus, context) => good.quote(skus, context),
    cancel: (references, context) => call((supplier) => supplier.cancel(references, context)),
    claim: (claim, context) => good.claim(claim, context),
  }
}

test(`what was sold is what is stored, in ${RUNS} random runs (seed ${SEED})`, async () => {
  const good = createSandboxSupplier({ url: world.supplier.url })
  const healthy = sourcingActivities({ ...world.deps, suppliers: () => good })
  const ended: { transactionId: string; quantity: number }[] = []
  for (let run = 0; run < RUNS; run++) {
    const random = seededRandom(SEED + run)
    const faulty = faultySupplier(random, good)
    const activities = sourcingActivities({ ...world.deps, suppliers: () => faulty })
    const skus = Array.from({ length: 1 + random.integer(2) }, () => random.pick(SKUS))
    const quantity = 1 + random.integer(4)
    const order = await placeOrder(world, await makeProduct(world, ...skus), quantity, 900)
    for (let step = 0; step < 4 + random.integer(6); step++) {
      const calls = Array.from({ length: 1 + random.integer(3) }, () =>
        activities.sourceCodes(order),
      )
      await Promise.allSettled(calls)
      if (random.integer(2) === 0) await endLeases(world)
      await passTime(world, random.pick([1, 10, 40, 600]))
    }
    await endLeases(world)
    await liveOn({ ...world, activities: healthy }, order)
    ended.push({ transactionId: order.transactionId, quantity })
  }
  await good.close()

  for (const { transactionId, quantity } of ended) {
    const units = await countUnits(world, { transactionId })
    expect((units['allocated'] ?? 0) + (units['failed'] ?? 0)).toBe(quantity)
  }
  const sold = await world.supplier.ledger()
  const stored = await listStoredCodes(world)
  const storedCodes = stored.map((code) => code.secret.code)
  expect(sold.length).toBeGreaterThan(RUNS / 2)
  expect(new Set(storedCodes)).toEqual(new Set(sold.map((sale) => sale.code)))
  expect(storedCodes).toHaveLength(new Set(storedCodes).size)

  // A unit is paid for once: only a supplier's own faults (a repeated or a second code) cost more.
  const perUnit = new Map<string, number>()
  for (const sale of sold) {
    if (sale.sku === 'TEST-DUPLICATE' || sale.sku === 'TEST-SURPLUS') continue
    const unit = sale.reference.slice(0, sale.reference.lastIndexOf('-'))
    perUnit.set(unit, (perUnit.get(unit) ?? 0) + 1)
  }
  expect([...perUnit].filter(([, count]) => count > 1)).toEqual([])
  const issued = stored.filter((code) => code.unitId !== null)
  expect(issued.filter((code) => !code.reference.startsWith(`${code.unitId}-`))).toEqual([])
  expect(stored.filter((code) => code.quarantine === 'late')).toEqual([])

  const { rows: broken } = await sql`
    select u.id from units u left join codes c on c.unit_id = u.id
    where (u.state = 'allocated') <> (c.id is not null)`.execute(world.database.db)
  expect(broken).toEqual([])
}, 600_000)
