import { NoFigure, perUnit, type Figure, type Size } from './figure.ts'
import { openLoad, throughput, type Load, type Target } from './load.ts'
import { readProcessorTime, type Watched } from './processes.ts'
import type { Stage } from './servers.ts'
import { compare, quantile, spread, type Comparison, type Side } from './windows.ts'

/** `POST /v2/orders` with everything on, against Hono with one named INSERT: how many, how late. */

const LATE_CONNECTIONS = 256 // open loop: arrivals wait for the program, hardly for a connection
const CALIBRATION_SECONDS = 3

export const acceptancesPerSecond: Figure = {
  id: 'A1',
  title: 'orders accepted (3 lines, 5 codes), 64 connections',
  against: 'Hono and one named INSERT of one row',
  unit: 'per second',
  gate: '≥ 0.5, then ≥ 1.0',
  async run(stage, size) {
    const [ours, bare] = await startBoth(stage)
    const loads = [openLoad(ours.target), openLoad(bare.target)] as const
    const result = await compare(
      throughput(loads[0], ours.watched),
      throughput(loads[1], bare.watched),
      size,
      stage,
    )
    await Promise.all(loads.map((load) => load.close()))
    return result
  },
}

export const acceptanceLatency: Figure = {
  id: 'A3',
  title: 'p99 of an acceptance at half the rate of the bare program, open loop',
  against: 'Hono and one named INSERT of one row',
  unit: 'ms',
  gate: '≤ 1.5, then ≤ 1.0',
  async run(stage, size) {
    const [ours, bare] = await startBoth(stage)
    const half = (await capacityOf(bare.target)) / 2
    const own = await capacityOf(ours.target)
    if (own < half) {
      throw new NoFigure(
        `half the bare rate is ${half.toFixed(0)}/s, and we carry ${own.toFixed(0)}/s`,
      )
    }
    return compareLatency(stage, ours, bare, half, size)
  },
}

export const acceptanceLatencyAtOurRate: Figure = {
  id: 'A3h',
  title: 'p99 of an acceptance at half the rate that we carry, open loop',
  against: 'Hono and one named INSERT of one row, at the same rate',
  unit: 'ms',
  gate: 'report',
  async run(stage, size) {
    const [ours, bare] = await startBoth(stage)
    return compareLatency(stage, ours, bare, (await capacityOf(ours.target)) / 2, size)
  },
}

type Measured = { target: Target; watched: Watched }

async function startBoth(stage: Stage): Promise<[ours: Measured, bare: Measured]> {
  const { shop } = stage
  const { postgres } = stage.watched
  const api = await stage.start('server.ts')
  const bare = await stage.start('bench/bare/insert.ts')
  return [
    { target: shop.ordering(api.url), watched: { program: () => [api.pid], postgres } },
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
      watched: { program: () => [bare.pid], postgres },
    },
  ]
}

async function compareLatency(
  stage: Stage,
  ours: Measured,
  bare: Measured,
  perSecond: number,
  size: Size,
): Promise<Comparison> {
  const loads = [
    openLoad(ours.target, LATE_CONNECTIONS),
    openLoad(bare.target, LATE_CONNECTIONS),
  ] as const
  const result = await compare(
    latencyOf(loads[0], perSecond, ours.watched),
    latencyOf(loads[1], perSecond, bare.watched),
    size,
    stage,
  )
  await Promise.all(loads.map((load) => load.close()))
  return result
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
