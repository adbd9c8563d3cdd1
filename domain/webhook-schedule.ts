/**
 * The published retry policy (seed 002, "Retry Policy"): seconds before each attempt, counted from
 * the end of the failed one before it. After the sixth the delivery has failed, for good.
 */
export const WEBHOOK_DELAYS_SECONDS = [0, 60, 300, 1_800, 7_200, 21_600] as const

export const WEBHOOK_ATTEMPTS_MAX = WEBHOOK_DELAYS_SECONDS.length

/** The whole exchange, from the look-up of the name to the last byte of the answer. */
export const WEBHOOK_EXCHANGE_SECONDS_MAX = 15

// An endpoint that only failed for this long, and used up this many deliveries, is switched off.
export const WEBHOOK_FAILING_SECONDS_MAX = 120 * 3_600
export const WEBHOOK_EXHAUSTED_MAX = 20

/** Seconds from the end of failed attempt `number` (from 1) to the next one; null after the last. */
export function delayAfterAttempt(number: number): number | null {
  return WEBHOOK_DELAYS_SECONDS[number] ?? null
}

/** What an attempt brought: the status that was received, or null when there was no whole answer. */
export type AttemptAnswer = { statusCode: number | null; complete: boolean }

/**
 * 2xx within the time is a success, 410 asks us to stop, everything else is a failure: redirects
 * too, because a redirect could lead anywhere.
 */
export function judgeAnswer(answer: AttemptAnswer): 'delivered' | 'gone' | 'failed' {
  const { statusCode, complete } = answer
  if (statusCode === null || !complete) return 'failed'
  if (statusCode >= 200 && statusCode <= 299) return 'delivered'
  return statusCode === 410 ? 'gone' : 'failed'
}

/** What the outcome of attempt `number` means for its delivery. */
export type AttemptVerdict =
  | { end: 'delivered'; reason: null }
  | { end: 'cancelled'; reason: 'endpoint_gone' }
  | { end: 'failed'; reason: 'attempts_exhausted' }
  | { end: null; reason: null; delaySeconds: number }

/** Reads the table aloud: end, or the delay before the next attempt. */
export function judgeAttempt(number: number, answer: AttemptAnswer): AttemptVerdict {
  const judged = judgeAnswer(answer)
  if (judged === 'delivered') return { end: 'delivered', reason: null }
  if (judged === 'gone') return { end: 'cancelled', reason: 'endpoint_gone' }
  const delaySeconds = delayAfterAttempt(number)
  if (delaySeconds === null) return { end: 'failed', reason: 'attempts_exhausted' }
  return { end: null, reason: null, delaySeconds }
}

/** An endpoint's record since the last success; null when nothing failed since. */
export type EndpointRecord = { exhaustedCount: number; failingSeconds: number | null }

/** Whether an endpoint has shown that nobody is there. */
export function isBeyondHope(record: EndpointRecord): boolean {
  return (
    record.exhaustedCount >= WEBHOOK_EXHAUSTED_MAX &&
    (record.failingSeconds ?? 0) >= WEBHOOK_FAILING_SECONDS_MAX
  )
}
