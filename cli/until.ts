import { setTimeout as delay } from 'node:timers/promises'

const WITHIN_MS = 20_000 // whatever the running system does by itself is done well within it
const ASK_EVERY_MS = 100

/** Looks until it is done; throws, naming what was waited for, after 20 s. */
export async function until<Seen>(
  what: string,
  look: () => Promise<Seen>,
  isDone: (seen: Seen) => boolean,
): Promise<Seen> {
  const beganAt = performance.now()
  for (;;) {
    const seen = await look()
    if (isDone(seen)) return seen
    if (performance.now() - beganAt > WITHIN_MS) {
      throw new Error(`${what} did not come within 20 s: is the worker running?`)
    }
    await delay(ASK_EVERY_MS)
  }
}
