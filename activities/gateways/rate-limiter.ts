import { setTimeout as delay } from 'node:timers/promises'

/** Lets so many calls per second begin, in the order in which they came. */
export type RateLimiter = {
  /** Waits for its turn; answers false, at once, when the queue is longer than `waitMsMax`. */
  enter(waitMsMax: number): Promise<boolean>
}

/** Places are handed out one interval apart; an unused second is not saved up. */
export function createRateLimiter(perSecondMax: number): RateLimiter {
  const intervalMs = 1000 / perSecondMax
  let nextMs = 0
  return {
    async enter(waitMsMax) {
      const nowMs = performance.now()
      const placeMs = Math.max(nowMs, nextMs)
      if (placeMs - nowMs > waitMsMax) return false
      nextMs = placeMs + intervalMs
      if (placeMs > nowMs) await delay(placeMs - nowMs)
      return true
    },
  }
}
