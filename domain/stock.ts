import type { EventType } from './event-type.ts'

/** How much is left of what is sold from the own pool. */
export type StockState = 'ok' | 'low' | 'out'

/** Codes that expire within so many days are told of, once per window and day of expiry. */
export const EXPIRY_WINDOWS_DAYS = [30, 7] as const

export const LOW_THRESHOLD_MAX = 1_000_000 // as the table has it

/** `lowThreshold` null: low is never reached. */
export function stockState(available: number, lowThreshold: number | null): StockState {
  if (available === 0) return 'out'
  return lowThreshold !== null && available < lowThreshold ? 'low' : 'ok'
}

/**
 * What is told when a level goes from one look to the next. Falling below the threshold is told once,
 * also when nothing at all is left, and again only after the level was above it.
 */
export function stockEvents(
  before: { available: number; state: StockState },
  after: { available: number; state: StockState; lowThreshold: number | null },
): EventType[] {
  const events: EventType[] = []
  if (before.available !== after.available) events.push('inventory.updated')
  if (before.state === 'ok' && after.state !== 'ok' && after.lowThreshold !== null) {
    events.push('inventory.low')
  }
  if (before.state !== 'out' && after.state === 'out') events.push('inventory.out_of_stock')
  return events
}
