import type { TestClock } from '../db/test-clock.ts'
import { printInstant } from './instant.ts'

/** The clock of a test account. */
export function renderTestClock(clock: TestClock) {
  return {
    object: 'test_clock' as const,
    now: printInstant(clock.now),
    offset_seconds: clock.offsetSeconds,
    status: clock.status,
    waiting_for: clock.waitingFor,
  }
}
