import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'undici'
import { checkDatabase } from '../test/faults/invariants.ts'
import { openLoad } from './load.ts'
import type { Servers } from './servers.ts'
import { openBenchShop, type BenchShop } from './shop.ts'
import { quantile } from './windows.ts'

/** `POST /v2/orders` from a tenth of what the machine carries to ten times as much, in an open loop. */

export const FACTORS = [0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 5, 10] as const
const CONNECTIONS = 512
const WARM_SECONDS = 3

export type CurvePoint = {
  /** Of the most that was accepted with every connection always busy. */
  factor: number
  offeredPerSecond: number
  acceptedPerSecond: number
  /** 503 with `Retry-After`. */
  refusedPerSecond: number
  acceptedMs: { p50: number; p99: number } | null
  refusedMs: { p50: number; p99: number } | null
}

/** Throws when anything but 201 and 503 is answered, or an invariant broke. */
export async function measureCurve(
  servers: Servers,
  secondsPerPoint: number,
): Promise<{ perSecondMax: number; points: CurvePoint[] }> {
  const shop = await openBenchShop(servers.database, servers.config)
  const api = await servers.start('server.ts')
  try {
    const perSecondMax = await capacityOf(api.url, shop)
    const points: CurvePoint[] = []
    for (const factor of FACTORS) {
      points.push(await measurePoint(api.url, shop, { factor, perSecondMax, secondsPerPoint }))
    }
    const broken = await checkDatabase(servers.database.db)
    if (broken.length > 0) throw new Error(`an invariant broke: ${JSON.stringify(broken)}`)
    return { perSecondMax, points }
  } finally {
    await api.stop()
  }
}

const callOf = (shop: BenchShop, n: number) => ({
  method: 'POST' as const,
  path: '/v2/orders',
  headers: {
    authorization: `Bearer ${shop.key}`,
    'content-type': 'application/json',
    'idempotency-key': randomUUID(),
  },
  body: shop.orderBody(n),
})

async function capacityOf(url: string, shop: BenchShop): Promise<number> {
  const load = openLoad({ url, status: 201, next: (n) => callOf(shop, n) })
  await load.closed(WARM_SECONDS)
  const { count, seconds } = await load.closed(WARM_SECONDS)
  await load.close()
  return count / seconds
}

async function measurePoint(
  url: string,
  shop: BenchShop,
  plan: { factor: number; perSecondMax: number; secondsPerPoint: number },
): Promise<CurvePoint> {
  const free = Array.from({ length: CONNECTIONS }, () => new Client(url))
  const clients = [...free]
  const waiting: (() => void)[] = []
  const takenMs = new Map<number, number[]>([
    [201, []],
    [503, []],
  ])
  // From the instant at which the call was due: waiting for a connection counts as its time.
  const one = async (n: number, dueAt: number): Promise<void> => {
    if (free.length === 0) await new Promise<void>((resolve) => waiting.push(resolve))
    const client = free.pop()
    if (client === undefined) throw new Error('woken without a connection')
    const answer = await client.request(callOf(shop, n))
    const text = await answer.body.text()
    free.push(client)
    waiting.shift()?.()
    const taken = takenMs.get(answer.statusCode)
    if (taken === undefined) throw new Error(`${answer.statusCode} ${text}`)
    taken.push(performance.now() - dueAt)
  }

  const offeredPerSecond = plan.factor * plan.perSecondMax
  const total = Math.floor(offeredPerSecond * plan.secondsPerPoint)
  const startedAt = performance.now()
  const running: Promise<void>[] = []
  while (running.length < total) {
    const due = Math.min(total, ((performance.now() - startedAt) / 1_000) * offeredPerSecond)
    while (running.length < due) {
      running.push(one(running.length, startedAt + (running.length / offeredPerSecond) * 1_000))
    }
    await delay(1)
  }
  await Promise.all(running)
  const seconds = (performance.now() - startedAt) / 1_000
  await Promise.all(clients.map((client) => client.close()))
  const [accepted, refused] = [takenMs.get(201) ?? [], takenMs.get(503) ?? []]
  return {
    factor: plan.factor,
    offeredPerSecond,
    acceptedPerSecond: accepted.length / seconds,
    refusedPerSecond: refused.length / seconds,
    acceptedMs: quantilesOf(accepted),
    refusedMs: quantilesOf(refused),
  }
}

function quantilesOf(values: number[]): { p50: number; p99: number } | null {
  if (values.length === 0) return null
  const sorted = values.toSorted((a, b) => a - b)
  return { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}
