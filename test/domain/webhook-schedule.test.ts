import { describe, expect, test } from 'vitest'
import {
  delayAfterAttempt,
  isBeyondHope,
  judgeAnswer,
  judgeAttempt,
  WEBHOOK_ATTEMPTS_MAX,
} from '../../domain/webhook-schedule.ts'

describe('the published schedule', () => {
  test('six attempts at 0, 1 m, 6 m, 36 m, 2 h 36 m and 8 h 36 m when every one fails at once', () => {
    const instants = [0]
    for (let number = 1; ; number++) {
      const delay = delayAfterAttempt(number)
      if (delay === null) break
      instants.push((instants.at(-1) ?? 0) + delay)
    }
    const minute = 60
    const expected = [0, 1, 6, 36, 156, 516].map((minutes) => minutes * minute)
    expect(instants).toEqual(expected)
    expect(WEBHOOK_ATTEMPTS_MAX).toBe(6)
  })

  test.each([
    [1, { end: null, reason: null, delaySeconds: 60 }],
    [5, { end: null, reason: null, delaySeconds: 21_600 }],
    [6, { end: 'failed', reason: 'attempts_exhausted' }],
  ])('failed attempt %i → %o', (number, verdict) => {
    expect(judgeAttempt(number, { statusCode: 500, complete: true })).toEqual(verdict)
  })

  test('a success or a 410 ends the delivery at any attempt, the sixth too', () => {
    expect(judgeAttempt(6, { statusCode: 204, complete: true })).toEqual({
      end: 'delivered',
      reason: null,
    })
    expect(judgeAttempt(1, { statusCode: 410, complete: true })).toEqual({
      end: 'cancelled',
      reason: 'endpoint_gone',
    })
  })
})

test.each([
  [199, 'failed'],
  [200, 'delivered'],
  [204, 'delivered'],
  [299, 'delivered'],
  [300, 'failed'],
  [301, 'failed'],
  [307, 'failed'],
  [400, 'failed'],
  [404, 'failed'],
  [409, 'failed'],
  [410, 'gone'],
  [429, 'failed'],
  [500, 'failed'],
  [503, 'failed'],
  [null, 'failed'],
] as const)('status %s is judged %s', (statusCode, judgement) => {
  expect(judgeAnswer({ statusCode, complete: statusCode !== null })).toBe(judgement)
})

test.each([200, 410])('%i without its whole body in time is a failure', (statusCode) => {
  expect(judgeAnswer({ statusCode, complete: false })).toBe('failed')
})

test.each([
  [{ exhaustedCount: 20, failingSeconds: 432_000 }, true],
  [{ exhaustedCount: 19, failingSeconds: 432_000 }, false],
  [{ exhaustedCount: 20, failingSeconds: 431_999 }, false],
  [{ exhaustedCount: 500, failingSeconds: null }, false],
])('an endpoint with %o is beyond hope: %s', (record, hopeless) => {
  expect(isBeyondHope(record)).toBe(hopeless)
})
