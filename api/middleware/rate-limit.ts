import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../../db/client.ts'
import { countRequest } from '../../db/rate-limits.ts'
import { DomainError } from '../../domain/error.ts'
import type { ApiContext } from '../context.ts'
import type { Caller, Route } from '../route.ts'

/** Requests per second and key by class; the hour and day windows of the plans are not built yet. */
const LIMITS_PER_SECOND = {
  read: 10, // the sources: "10 requests per second" for data retrieval
  write: 100,
  sandbox: 5_000, // keys printed by `npm start`: a limit that does not get in the way
} as const

/** The limit of a key in a class: its own, or that of its plan. */
export function limitOf(
  caller: Caller,
  rateClass: Route['rateClass'],
  ownPerSecond: number | null,
): number {
  return ownPerSecond ?? LIMITS_PER_SECOND[caller.plan === 'sandbox' ? 'sandbox' : rateClass]
}

/**
 * Counts the request and says so in the headers. Up to the limit it passes, up to twice the limit
 * it is held until the second is over, above it is refused.
 *
 * @throws DomainError `rate_limited`, with nothing done
 */
export async function limitRate(
  ctx: ApiContext,
  database: Database,
  request: { keyId: string; rateClass: Route['rateClass']; limit: number },
): Promise<void> {
  const { keyId, rateClass, limit } = request
  const counted = await countRequest(database.pool, keyId, rateClass, limit)
  const leftSeconds = Math.max(1, Math.ceil(counted.leftMs / 1000))
  announceLimit(ctx, {
    rateClass,
    limit,
    remaining: Math.max(0, limit - counted.count),
    resetSeconds: counted.resetSeconds,
  })
  if (counted.count > 2 * limit) {
    throw new DomainError('rate_limited', `More than ${limit} requests per second.`, {
      retryAfterSeconds: leftSeconds,
    })
  }
  if (counted.count > limit) await delay(counted.leftMs)
}

/**
 * Writes the limit's headers. Before a request is counted its whole limit is all that is known;
 * a refusal at the gate says so, and counts for nothing.
 */
export function announceLimit(
  ctx: ApiContext,
  known: {
    rateClass: Route['rateClass']
    limit: number
    remaining: number
    resetSeconds: number
  },
): void {
  const { rateClass, limit, remaining, resetSeconds } = known
  ctx.header('X-RateLimit-Limit', String(limit))
  ctx.header('X-RateLimit-Remaining', String(remaining))
  ctx.header('X-RateLimit-Reset', String(resetSeconds))
  ctx.header('RateLimit-Policy', `"${rateClass}";q=${limit};w=1`)
  ctx.header('RateLimit', `"${rateClass}";r=${remaining};t=1`)
}
