import { setTimeout as sleep } from 'node:timers/promises'
import type { Place } from '../db/attempts.ts'

/**
 * A request that leaves this late is still the one of its place. Places of an endpoint with a limit of
 * n per second lie 1/n apart, so at most n + n/20 + 1 of them fall into any second.
 */
const LATE_MS_MAX = 50
/** So much slack is asked for at most: the whole endpoint waits for it. */
export const SLACK_MS_MAX = 300

/**
 * Waits for the place of a request. Answers 0 when it may leave, or how many milliseconds too late it
 * would be: this process, the database or the machine stood still meanwhile, and it would leave
 * together with those that came after it.
 */
export async function waitForPlace(
  { earliestAt, latestAt }: Place,
  slackMs: number,
): Promise<number> {
  const waitMs = latestAt - performance.now()
  if (waitMs > 0) await sleep(Math.ceil(waitMs))
  return Math.max(0, Math.ceil(performance.now() - earliestAt - LATE_MS_MAX - slackMs))
}
