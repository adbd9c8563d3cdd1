import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CodeSupplier } from '../../activities/gateways/code-supplier.ts'
import { createSandboxSupplier } from '../../activities/gateways/sandbox-supplier.ts'
import { sourcingActivities } from '../../activities/sourcing.ts'
import { readCodeLists } from '../../db/codes.ts'
import { pause } from '../faults/mortal.ts'
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

/**
 * Random orders from suppliers that misbehave, against the supplier's own ledger.
 * `BARK_PROVE_SUPPLIERS=2000` for as many as are promised.
 */
const RUNS = Number(process.env['BARK_PROVE_SUPPLIERS'] ?? '100')
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

/** What a supplier's front door says to an order before anybody looked at it. */
const REFUSALS = [400, 429, 500, 503] as const
const SLOW_MS_MAX = 60 // long enough for another caller to ask and record meanwhile

type Supplier = ReturnType<typeof createSandboxSupplier>
let world: World
/** The supplier itself; behind a link that loses replies; away; behind a door that refuses. */
let ways: { good: Supplier; lost: Supplier; away: Supplier; refusing: Supplier }
let refusals = 0
const door = createServer((_request, response) => {
  const status = REFUSALS[refusals % REFUSALS.length] ?? 503
  refusals += 1
  response.writeHead(status, status === 429 ? { 'Retry-After': '1' } : {}).end('no')
})

beforeAll(async () => {
  world = await openWorld('sourcing_random')
  world.link.setMode({ kind: 'loseReplies' })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  const at = (port: number) => createSandboxSupplier({ url: `http://127.0.0.1:${port}` })
  ways = {
    good: createSandboxSupplier({ url: world.supplier.url }),
    lost: at(world.link.port),
    away: at(1), // nothing listens on port 1
    refusing: at((door.address() as AddressInfo).port),
  }
})
afterAll(async () => {
  for (const way of Object.values(ways)) await way.close()
  door.close()
  await world.close()
})

/** A supplier whose replies get lost, late or refused, or whose caller dies, as chance has it. */
function faultySupplier(random: Random): CodeSupplier {
  const { good, lost, away, refusing } = ways
  const call = async <T>(of: (supplier: CodeSupplier) => Promise<T>): Promise<T> => {
    switch (random.integer(11)) {
      case 0:
        throw new Error('killed before the call')
      case 1:
        await of(good)
        throw new Error('killed after the call')
      case 2:
        return of(lost)
      case 3:
        return of(away)
      case 4:
        return of(refusing)
      case 5: {
        const answer = await of(good)
        await pause(random.integer(SLOW_MS_MAX))
        return answer
      }
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

/** What get-codes shows of an order: the code of each unit that has one. */
async function listShown(transactionId: string): Promise<Map<string, string>> {
  const owner = { accountId: world.accountId, customerId: null }
  const question = { owner, transactionId, knownTag: null }
  const [list] = await readCodeLists(world.database.pool, [question])
  if (!list) throw new Error(`${transactionId} is not there`)
  return new Map(
    (list.units ?? []).flatMap(({ unit_id, code_id }) =>
      code_id === null ? [] : [[unit_id, code_id] as const],
    ),
  )
}

test(
  `what was sold is what is stored, in ${RUNS} random runs (seed ${SEED})`,
  async () => {
    const healthy = sourcingActivities({ ...world.deps, suppliers: () => ways.good })
    const ended: { transactionId: string; quantity: number }[] = []
    for (let run = 0; run < RUNS; run++) {
      const random = seededRandom(SEED + run)
      const faulty = faultySupplier(random)
      const activities = sourcingActivities({ ...world.deps, suppliers: () => faulty })
      const skus = Array.from({ length: 1 + random.integer(2) }, () => random.pick(SKUS))
      const quantity = 1 + random.integer(4)
      const order = await placeOrder(world, await makeProduct(world, ...skus), quantity, 900)
      let shown = new Map<string, string>()
      for (let step = 0; step < 4 + random.integer(6); step++) {
        const calls = Promise.allSettled(
          Array.from({ length: 1 + random.integer(3) }, () => activities.sourceCodes(order)),
        )
        // As when a worker is believed dead while its call is still under way.
        if (random.integer(3) === 0) await endLeases(world)
        await calls
        if (random.integer(2) === 0) await endLeases(world)
        const now = await listShown(order.transactionId)
        expect([...now]).toEqual(expect.arrayContaining([...shown]))
        shown = now
        await passTime(world, random.pick([1, 10, 40, 600]))
      }
      await endLeases(world)
      await liveOn({ ...world, activities: healthy }, order)
      expect([...(await listShown(order.transactionId))]).toEqual(
        expect.arrayContaining([...shown]),
      )
      ended.push({ transactionId: order.transactionId, quantity })
    }

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
  },
  60_000 + RUNS * 1_000,
)
