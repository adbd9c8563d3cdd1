import { randomUUID } from 'node:crypto'
import { checkDatabase } from '../test/faults/invariants.ts'
import { NoFigure, perUnit, type Figure } from './figure.ts'
import { openLoad, throughput, type Load, type Target } from './load.ts'
import { readProcessorTime, type Watched } from './processor-time.ts'
import type { Servers } from './servers.ts'
import { openBenchShop } from './shop.ts'
import { compare, quantile, spread, type Side } from './windows.ts'

/** `POST /v2/orders` with everything on, against Hono with one named INSERT: how many, how late. */

const LATE_CONNECTIONS = 256 // open loop: arrivals wait for the program, hardly for a connection
const CALIBRATION_SECONDS = 3

export const acceptancesPerSecond: Figure = {
  id: 'A1',
  title: 'orders accepted (3 lines, 5 codes), 64 connections',
  against: 'Hono and one named INSERT of one row',
  unit: 'per second',
  gate: '≥ 0.5, then ≥ 1.0',
  run: (servers, size) =>
    withPrograms(servers, async (ours, bare) => {
      const loads = [openLoad(ours.target), openLoad(bare.target)] as const
      const result = await compare(
        throughput(loads[0], ours.watched),
        throughput(loads[1], bare.watched),
        size,
      )
      await Promise.all(loads.map((load) => load.close()))
      return result
    }),
}

export const acceptanceLatency: Figure = {
  id: 'A3',
  title: 'p99 of an acceptance at half the rate of the bare program, open loop',
  against: 'Hono and one named INSERT of one row',
  unit: 'ms',
  gate: '≤ 1.5, then ≤ 1.0',
  run: (servers, size) =>
    withPrograms(servers, async (ours, bare) => {
      const half = (await capacityOf(bare.target)) / 2
      const own = await capacityOf(ours.target)
      if (own < half) {
        throw new NoFigure(
          `half the bare rate is ${half.toFixed(0)}/s, and we carry ${own.toFixed(0)}/s`,
        )
      }
      const loads = [
        openLoad(ours.target, LATE_CONNECTIONS),
        openLoad(bare.target, LATE_CONNECTIONS),
      ] as const
      const result = await compare(
        latencyOf(loads[0], half, ours.watched),
        latencyOf(loads[1], half, bare.watched),
        size,
      )
      await Promise.all(loads.map((load) => load.close()))
      return result
    }),
}

type Measured = { target: Target; watched: Watched }

async function withPrograms<T>(
  servers: Servers,
  measure: (ours: Measured, bare: Measured) => Promise<T>,
): Promise<T> {
  const { database, config, watched } = servers
  const shop = await openBenchShop(database, config)
  const api = await servers.start('server.ts')
  const bare = await servers.start('bench/bare/insert.ts')
  try {
    const result = await measure(
      {
        target: {
          url: api.url,
          status: 201,
          next: (n) => ({
            method: 'POST',
            path: '/v2/orders',
            headers: {
              authorization: `Bearer ${shop.key}`,
              'content-type': 'application/json',
              'idempotency-key': randomUUID(),
            },
            body: shop.orderBody(n),
          }),
        },
        watched: { program: () => [api.pid], postgres: watched.postgres },
      },
      {
        target: {
          url: bare.url,
          status: 201,
          next: (n) => ({
            method: 'POST',
            path: '/orders',
            headers: { 'content-type': 'application/json' },
            body: shop.orderBody(n),
          }),
        },
        watched: { program: () => [bare.pid], postgres: watched.postgres },
      },
    )
    const broken = await checkDatabase(database.db)
    if (broken.length > 0) throw new Error(`an invariant broke: ${JSON.stringify(broken)}`)
    return result
  } finally {
    await api.stop()
    await bare.stop()
  }
}

function latencyOf(load: Load, perSecond: number, watched: Watched): Side {
  return {
    async measure(seconds) {
      const time = readProcessorTime(watched)
      const { count, sortedMs } = await load.open(seconds, perSecond)
      return { value: quantile(sortedMs, 0.99), cpuMicros: perUnit(time.since(), count) }
    },
  }
}

/** What a program carries on 64 connections, after it has warmed up. */
async function capacityOf(target: Target): Promise<number> {
  const load = openLoad(target)
  await load.closed(CALIBRATION_SECONDS)
  const runs = [await load.closed(CALIBRATION_SECONDS), await load.closed(CALIBRATION_SECONDS)]
  await load.close()
  return spread(runs.map(({ count, seconds }) => count / seconds)).median
}
