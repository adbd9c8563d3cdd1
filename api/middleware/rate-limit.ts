import { setTimeout as delay } from 'node:timers/promises'
import {
  WINDOW_SECONDS,
  type CountedRequest,
  type RateCount,
  type RateWindow,
} from '../../db/rate-limits.ts'
import { DomainError, type Refused } from '../../domain/error.ts'
import { requestLimits, type RateClass } from '../../domain/plan.ts'
import { addHeader } from '../answer-headers.ts'
import type { ApiContext } from '../context.ts'
import type { Known } from './auth.ts'

/** What of a request is counted, and up to which limits. */
export function limitedRequest({ caller, agreed }: Known, rateClass: RateClass): CountedRequest {
  const { keyId, accountId, plan } = caller
  return { keyId, accountId, rateClass, limits: requestLimits(plan, rateClass, agreed) }
}

/**
 * Has the request counted and says so in the headers. Up to a limit it passes, above it, as far as the
 * burst goes, it is held until the second is over, and then refused.
 *
 * @throws DomainError `rate_limited`, with nothing done
 */
export async function limitRate(
  ctx: ApiContext,
  rateClass: RateClass,
  count: () => Promise<RateCount>,
): Promise<RateCount> {
  const counted = await count()
  announceLimits(ctx, rateClass, counted)
  const refusal = rateRefusal(counted)
  if (refusal !== null) throw DomainError.of(refusal)
  if (counted.windows.some((window) => window.count > window.limit)) await delay(counted.leftMs)
  return counted
}

/** What is said to a request that a window has no room for; null where all of them had. */
export function rateRefusal(counted: RateCount): Refused | null {
  const full = counted.windows.find(({ name }) => name === counted.refusedBy)
  if (full === undefined) return null
  return {
    reason: 'rate_limited',
    message: `More than ${full.limit} requests in this ${full.name}.`,
    detail: { retryAfterSeconds: secondsLeft(full, counted.countedAtMs) },
  }
}

/** Writes the limits' headers into the answer. */
export function announceLimits(
  ctx: ApiContext,
  rateClass: RateClass,
  counted: Pick<RateCount, 'windows' | 'countedAtMs'>,
): void {
  const headers = limitHeaders(rateClass, counted)
  for (const [name, value] of Object.entries(headers)) addHeader(ctx, name, value)
}

/**
 * The limits' headers: `X-RateLimit-*` for the window with the least left, the pair of
 * draft-ietf-httpapi-ratelimit-headers for each of them.
 */
export function limitHeaders(
  rateClass: RateClass,
  { windows, countedAtMs }: Pick<RateCount, 'windows' | 'countedAtMs'>,
): Record<string, string> {
  // Of equals the longest: who has used it up waits for it.
  const tightest = windows.toReversed().toSorted((a, b) => remainingOf(a) - remainingOf(b))[0]
  if (tightest === undefined) throw new Error('A request is counted in its second at least')
  const nameOf = ({ name }: RateWindow): string => (name === 'second' ? rateClass : name)
  return {
    'X-RateLimit-Limit': String(tightest.limit),
    'X-RateLimit-Remaining': String(remainingOf(tightest)),
    'X-RateLimit-Reset': String(tightest.resetSeconds),
    'RateLimit-Policy': windows
      .map((window) => `"${nameOf(window)}";q=${window.limit};w=${WINDOW_SECONDS[window.name]}`)
      .join(', '),
    RateLimit: windows
      .map((window) => {
        const left = secondsLeft(window, countedAtMs)
        return `"${nameOf(window)}";r=${remainingOf(window)};t=${left}`
      })
      .join(', '),
  }
}

/**
 * What is known of a key's limits before its request is counted: a refusal at the gate says so, and
 * counts for nothing.
 */
export function uncounted({
  limits,
}: Pick<CountedRequest, 'limits'>): Pick<RateCount, 'windows' | 'countedAtMs'> {
  const countedAtMs = Date.now()
  const resetSeconds = Math.floor(countedAtMs / 1000) + 1
  return {
    windows: [{ name: 'second', limit: limits.perSecond, count: 0, resetSeconds }],
    countedAtMs,
  }
}

function remainingOf({ limit, count }: RateWindow): number {
  return Math.max(0, limit - count)
}

function secondsLeft({ resetSeconds }: RateWindow, nowMs: number): number {
  return Math.max(1, Math.ceil(resetSeconds - nowMs / 1000))
}
