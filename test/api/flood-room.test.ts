import { expect, test } from 'vitest'
import { createFloodRoom } from '../../api/middleware/flood-room.ts'

const STEP_MS = 50

/** The room after each of so many steps, in each of which so many are refused. */
function play(most: number, steps: { refused: number; delayMs: number }[]): number[] {
  let delayMs = 0
  const room = createFloodRoom(most, () => delayMs)
  return steps.map((step, index) => {
    delayMs = step.delayMs
    for (let n = 0; n < step.refused; n++) room.refused()
    return room.at((index + 1) * STEP_MS)
  })
}

const times = <T>(count: number, step: T): T[] => Array.from({ length: count }, () => step)

const flood = { refused: 200, delayMs: 60 }
const calm = { refused: 0, delayMs: 5 }

test('a flood that makes the loop late takes room away, down to a statement’s worth of orders', () => {
  const rooms = play(80, times(12, flood))
  expect(rooms.slice(0, 3).map(Math.round)).toEqual([64, 51, 41])
  expect(rooms.at(-1)).toBe(32)
})

test('afterwards it comes back, and no further than it was', () => {
  const rooms = play(80, [flood, flood, ...times(30, calm)])
  expect(rooms[2]).toBeCloseTo(53.2)
  expect(rooms.at(-1)).toBe(80)
})

test.each([
  ['a late loop without refusals', { refused: 0, delayMs: 500 }],
  ['a few refusals, fewer than may be inside', { refused: 40, delayMs: 500 }],
  ['many refusals that are in time', { refused: 5_000, delayMs: 20 }],
])('%s takes none', (_, step) => {
  expect(play(80, [step, step, step])).toEqual([80, 80, 80])
})

test('a room that is small from the start stays as it is', () => {
  expect(play(10, [flood, flood])).toEqual([10, 10])
})
