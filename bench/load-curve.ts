import { openLoad, type Target } from './load.ts'
import type { Stage } from './servers.ts'
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

/** Throws when anything but 201 and 503 is answered. The caller checks the invariants. */
export async function measureCurve(
  stage: Stage,
  secondsPerPoint: number,
): Promise<{ perSecondMax: number; points: CurvePoint[] }> {
  const api = await stage.start('server.ts')
  const target = { ...stage.shop.ordering(api.url), refusal: 503 }
  const perSecondMax = await capacityOf(target)
  const load = openLoad(target, CONNECTIONS)
  const points: CurvePoint[] = []
  for (const factor of FACTORS) {
    const offeredPerSecond = factor * perSecondMax
    const answers = await load.open(secondsPerPoint, offeredPerSecond)
    points.push({
      factor,
      offeredPerSecond,
      acceptedPerSecond: answers.count / answers.seconds,
      refusedPerSecond: answers.refusedSortedMs.length / answers.seconds,
      acceptedMs: quantilesOf(answers.sortedMs),
      refusedMs: quantilesOf(answers.refusedSortedMs),
    })
  }
  await load.close()
  return { perSecondMax, points }
}

async function capacityOf(target: Target): Promise<number> {
  const load = openLoad(target)
  await load.closed(WARM_SECONDS)
  const { count, seconds } = await load.closed(WARM_SECONDS)
  await load.close()
  return count / seconds
}

function quantilesOf(sorted: number[]): { p50: number; p99: number } | null {
  return sorted.length === 0 ? null : { p50: quantile(sorted, 0.5), p99: quantile(sorted, 0.99) }
}
