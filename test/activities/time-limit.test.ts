import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { withinTime } from '../../activities/gateways/time-limit.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

test('an exchange that takes too long hears TimeoutError, and not before', async () => {
  const exchange = withinTime(500, async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    signal.throwIfAborted()
  })
  const outcome = exchange.catch((error: unknown) => error)
  await vi.advanceTimersByTimeAsync(499)
  expect(vi.getTimerCount()).toBe(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(await outcome).toMatchObject({ name: 'TimeoutError', message: 'No answer in 500 ms' })
})

test('an exchange that ended, well or not, leaves no timer behind', async () => {
  expect(await withinTime(500, () => Promise.resolve('answer'))).toBe('answer')
  expect(vi.getTimerCount()).toBe(0)
  await expect(withinTime(500, () => Promise.reject(new Error('reset')))).rejects.toThrow('reset')
  expect(vi.getTimerCount()).toBe(0)
})
