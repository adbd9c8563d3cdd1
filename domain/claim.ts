import { UNKNOWN_DELAYS_SECONDS, UNKNOWN_SECONDS_MAX } from './sourcing.ts'

/** `open`: the supplier or a person decides. The others are final. */
export const CLAIM_STATES = ['open', 'replaced', 'refunded', 'rejected'] as const
export type ClaimState = (typeof CLAIM_STATES)[number]

export const CLAIM_REASON_CHARACTERS_MAX = 500

/** A supplier's own wish is followed within these bounds. */
const RETRY_AFTER_SECONDS_MAX = 3_600

/**
 * When a supplier is asked about a claim again, in seconds; null: it was asked for a day without a
 * decision, and a person decides. `tries` counts its answers, this one included.
 */
export function nextClaimSeconds(asked: {
  tries: number
  openForSeconds: number
  retryAfterSeconds: number | null
}): number | null {
  if (asked.openForSeconds >= UNKNOWN_SECONDS_MAX) return null
  if (asked.retryAfterSeconds !== null) {
    return Math.min(Math.max(asked.retryAfterSeconds, 1), RETRY_AFTER_SECONDS_MAX)
  }
  const index = Math.min(asked.tries, UNKNOWN_DELAYS_SECONDS.length) - 1
  return UNKNOWN_DELAYS_SECONDS[index] ?? RETRY_AFTER_SECONDS_MAX
}
