import { setTimeout as sleep } from 'node:timers/promises'

/** Keeps what one process sends to an endpoint apart. */
export type Pacer = {
  /** Resolves when the next request to the endpoint may leave. */
  turn(webhookId: string, perSecondMax: number): Promise<void>
}

// A little less than the distance of the places that SQL gives out, so that who is on time never waits.
const DISTANCE_SHARE = 0.95

/**
 * SQL gives out places at even distances, but a process that stood still for a moment would then send
 * all that were due meanwhile at once. One per process; an endpoint is forgotten when nobody waits.
 */
export function createPacer(): Pacer {
  const freeAt = new Map<string, number>()
  return {
    async turn(webhookId, perSecondMax) {
      const now = performance.now()
      const mine = Math.max(now, freeAt.get(webhookId) ?? now)
      const next = mine + (1_000 / perSecondMax) * DISTANCE_SHARE
      freeAt.set(webhookId, next)
      if (mine > now) await sleep(Math.ceil(mine - now))
      const forget = () => {
        if (freeAt.get(webhookId) === next) freeAt.delete(webhookId)
      }
      setTimeout(forget, Math.ceil(next - now)).unref()
    },
  }
}
