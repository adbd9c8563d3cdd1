/** How much may be inside while many are refused. */
export type FloodRoom = {
  /** The room now; `most` when there is no flood. */
  at(nowMs: number): number
  /** Somebody was refused. */
  refused(): void
}

const STEP_MS = 50 // longer than a pass of the event loop that is in time
const LOOP_DELAY_MS_MAX = 40 // a refusal should not take longer than 50
const SHRINK = 0.8 // three steps halve the room
const GROW = 2 // and it comes back slowly: as in TCP, where both find their share
const ROOM_MIN = 32 // a statement's worth of orders: with less, each costs PostgreSQL more

/**
 * In a flood the refusals are the most of the work, and what is inside gives way to them: at each step
 * at which more were refused than may be inside, and the event loop was late, the room shrinks; at
 * every other one it grows again (docs/decisions/0036).
 *
 * @param most the room without a flood
 */
export function createFloodRoom(most: number, loopDelayMs: () => number): FloodRoom {
  const least = Math.min(most, ROOM_MIN)
  let room = most
  let refused = 0
  let steppedAtMs = 0
  return {
    at(nowMs) {
      if (nowMs - steppedAtMs < STEP_MS) return room
      const isFlood = refused > room && loopDelayMs() >= LOOP_DELAY_MS_MAX
      room = isFlood ? Math.max(least, room * SHRINK) : Math.min(most, room + GROW)
      steppedAtMs = nowMs
      refused = 0
      return room
    },
    refused() {
      refused += 1
    },
  }
}
