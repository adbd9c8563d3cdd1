import { expect, test } from 'vitest'
import { waitForPlace } from '../../activities/webhook-place.ts'

test('who is on time leaves at its place, and not before it', async () => {
  const now = performance.now()
  const lateMs = await waitForPlace({ earliestAt: now + 5_000, latestAt: now + 40 }, 0)
  expect(lateMs).toBe(0)
  expect(performance.now()).toBeGreaterThanOrEqual(now + 39)
})

test.each([
  ['the answer of the database was long on its way', -60, 10],
  ['the place is over', -60, -55],
])('who is late does not leave: %s', async (_, earliest, latest) => {
  const now = performance.now()
  const place = { earliestAt: now + earliest, latestAt: now + latest }
  expect(await waitForPlace(place, 0)).toBeGreaterThanOrEqual(10)
  expect(await waitForPlace(place, 60_000)).toBe(0)
})

test('who was on time until the process stood still does not leave', async () => {
  const now = performance.now()
  const waiting = waitForPlace({ earliestAt: now + 20, latestAt: now + 20 }, 0)
  standStill(120)
  expect(await waiting).toBeGreaterThanOrEqual(49)
})

function standStill(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
