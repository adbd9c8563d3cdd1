import type { UnitState } from './unit.ts'

/**
 * How a unit is bought. An attempt is one reference at one supplier: it is stored before the
 * supplier hears it, and it is used again until it is answered, so a lost reply never buys twice.
 */

/** States of an attempt. In the first three the supplier may have the order: it must be asked. */
export const ATTEMPT_STATES = [
  'placing',
  'processing',
  'unknown',
  'delivered',
  'none',
  'not_placed',
  'rejected',
] as const
export type AttemptState = (typeof ATTEMPT_STATES)[number]

export const OPEN_ATTEMPT_STATES = ['placing', 'processing', 'unknown'] as const
export type OpenAttemptState = (typeof OPEN_ATTEMPT_STATES)[number]

export function isOpenAttempt(state: AttemptState): state is OpenAttemptState {
  const open: readonly AttemptState[] = OPEN_ATTEMPT_STATES
  return open.includes(state)
}

/** What a supplier says of one reference; see `CodeSupplier` for the words. */
export type SourcingAnswer = 'delivered' | 'processing' | 'none' | 'not_placed' | 'unknown'

export type SourcingOutcome = { attempt: AttemptState; unit: UnitState }

const DELIVERED: SourcingOutcome = { attempt: 'delivered', unit: 'allocated' }
const PROCESSING: SourcingOutcome = { attempt: 'processing', unit: 'sourcing' }
const NONE: SourcingOutcome = { attempt: 'none', unit: 'backordered' }
const NOT_PLACED: SourcingOutcome = { attempt: 'not_placed', unit: 'backordered' }
const UNKNOWN: SourcingOutcome = { attempt: 'unknown', unit: 'unknown' }

/**
 * What an answer makes of an open attempt and of its unit. A supplier that was heard saying
 * "processing" and then knows nothing contradicts itself: that is `unknown`, never a definite no.
 * A question about a `processing` attempt that gets no answer changes nothing.
 */
export const SOURCING_OUTCOMES: Readonly<
  Record<OpenAttemptState, Readonly<Record<SourcingAnswer, SourcingOutcome>>>
> = {
  placing: {
    delivered: DELIVERED,
    processing: PROCESSING,
    none: NONE,
    not_placed: NOT_PLACED,
    unknown: UNKNOWN,
  },
  processing: {
    delivered: DELIVERED,
    processing: PROCESSING,
    none: NONE,
    not_placed: UNKNOWN,
    unknown: PROCESSING,
  },
  unknown: {
    delivered: DELIVERED,
    processing: PROCESSING,
    none: NONE,
    not_placed: NOT_PLACED,
    unknown: UNKNOWN,
  },
}

/** A delivered code that nobody can be given: it was sold twice, or expires too soon. */
export const REJECTED: SourcingOutcome = { attempt: 'rejected', unit: 'backordered' }

/** The word beside a unit that waits, for clients and operators. */
export const UNIT_REASONS: Readonly<Record<AttemptState, string | null>> = {
  placing: null,
  processing: 'supplier_processing',
  unknown: 'supplier_unknown',
  delivered: null,
  none: 'supplier_out_of_stock',
  not_placed: 'supplier_unreachable',
  rejected: 'supplier_code_unusable',
}

/**
 * Out of stock: asked again after these; the last one repeats until the deadline. Each question costs
 * a story eleven events of its history, so a day of waiting stays near two hundred.
 */
export const OUT_OF_STOCK_DELAYS_SECONDS = [
  10, 60, 300, 900, 1_800, 3_600, 3_600, 3_600, 7_200,
] as const
/** No answer: asked by our reference after these, then hourly. */
export const UNKNOWN_DELAYS_SECONDS = [5, 30, 300, 1_800, 7_200, 3_600] as const
/** A supplier that says "processing" without a time is asked again after these. */
export const PROCESSING_DELAYS_SECONDS = [10, 10, 30, 60, 300, 900, 3_600] as const
/** Unknown for this long: the supplier is not asked again, a person must find out. */
export const UNKNOWN_SECONDS_MAX = 86_400
/** A supplier's own wish is followed within these bounds. */
const RETRY_AFTER_SECONDS_MAX = 3_600

/**
 * When to ask again, in seconds from now; null = not by itself any more. `refusals` counts the
 * closed attempts of this unit at this supplier with this one, `tries` the answers under this
 * reference with this one, and `unknownForSeconds` is how long the outcome has been unknown.
 */
export function nextAskSeconds(attempt: {
  state: AttemptState
  tries: number
  refusals: number
  retryAfterSeconds: number | null
  unknownForSeconds: number
}): number | null {
  const { tries, refusals, retryAfterSeconds } = attempt
  switch (attempt.state) {
    case 'placing':
    case 'delivered':
      return null
    case 'none':
    case 'rejected':
      return delayOf(OUT_OF_STOCK_DELAYS_SECONDS, refusals)
    // A doubt that was settled (retryAfterSeconds 0) is sent again at once, but not for ever.
    case 'not_placed':
      return retryAfterSeconds !== null && tries <= 2
        ? Math.min(retryAfterSeconds, RETRY_AFTER_SECONDS_MAX)
        : delayOf(OUT_OF_STOCK_DELAYS_SECONDS, refusals + tries)
    case 'processing':
      return retryAfterSeconds === null
        ? delayOf(PROCESSING_DELAYS_SECONDS, tries)
        : Math.min(Math.max(retryAfterSeconds, 1), RETRY_AFTER_SECONDS_MAX)
    case 'unknown': {
      const leftSeconds = UNKNOWN_SECONDS_MAX - attempt.unknownForSeconds
      if (leftSeconds <= 0) return null
      return Math.min(delayOf(UNKNOWN_DELAYS_SECONDS, tries), leftSeconds)
    }
  }
}

/** The delay after the nth time, counted from 1; the last one repeats. */
function delayOf(delays: readonly number[], nth: number): number {
  const index = Math.min(Math.max(nth, 1), delays.length) - 1
  return delays[index] ?? 0
}

/**
 * The reference that a supplier hears: unique for ever, made from ids and the attempt group, which
 * grows only after a definite answer.
 */
export function supplierReference(unitId: string, group: number): string {
  return `${unitId}-${group}`
}

/**
 * Why a code that was paid for is issued to nobody: a second one for a reference, one for a reference
 * that was not asked about, one whose unit needs none any more, one that is of little use.
 */
export const QUARANTINE_REASONS = ['surplus', 'foreign', 'late', 'expires_too_soon'] as const
export type QuarantineReason = (typeof QUARANTINE_REASONS)[number]
