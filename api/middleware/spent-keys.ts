import type { CountedRequest, RateCount } from '../../db/rate-limits.ts'

/**
 * Keys that PostgreSQL has refused in the running second, for the second, the hour or the day: until the
 * second is over this process refuses them by itself, without a statement, so that one account's
 * flood costs the others next to nothing. Not for longer, because an hour gives requests back and
 * limits change.
 */
export type SpentKeys = {
  /** What was counted when the key was refused; null while it may ask again. */
  find(request: CountedRequest): RateCount | null
  /**
   * Remembers a count that refuses, for what is left of its second.
   *
   * @param askedAtMs when it was asked for, by this process's clock: the second ended no earlier
   */
  note(request: CountedRequest, counted: RateCount, askedAtMs: number): void
}

const KEYS_MAX = 10_000 // of one second

export function createSpentKeys(): SpentKeys {
  const spent = new Map<string, { counted: RateCount; untilMs: number }>()
  const nameOf = ({ keyId, rateClass }: CountedRequest): string => `${rateClass} ${keyId}`
  return {
    find(request) {
      const known = spent.get(nameOf(request))
      if (known === undefined) return null
      if (performance.now() < known.untilMs) return known.counted
      spent.delete(nameOf(request))
      return null
    },
    note(request, counted, askedAtMs) {
      if (counted.refusedBy === null) return
      const oldest = spent.size >= KEYS_MAX ? spent.keys().next().value : undefined
      if (oldest !== undefined) spent.delete(oldest)
      spent.set(nameOf(request), { counted, untilMs: askedAtMs + counted.leftMs })
    },
  }
}
