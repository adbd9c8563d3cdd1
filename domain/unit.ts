/**
 * The legal moves of a unit, the atom of fulfilment. The table `unit_moves` in SQL says the same
 * and refuses every other move; a test compares the two.
 *
 * `queued` nobody was asked yet · `sourcing` a supplier has the order · `unknown` a supplier may
 * have the order · `backordered` nobody has it now, it is asked for again · `allocated` it has its
 * code, for ever · `failed`, `cancelled` it ends without one · `reversed` its money went back.
 */
export const UNIT_MOVES = {
  queued: ['allocated', 'sourcing', 'backordered', 'failed', 'cancelled'],
  sourcing: ['allocated', 'backordered', 'unknown', 'failed', 'cancelled'],
  unknown: ['sourcing', 'allocated', 'backordered', 'failed', 'cancelled'],
  backordered: ['allocated', 'sourcing', 'failed', 'cancelled'],
  allocated: ['reversed'],
  failed: [],
  cancelled: [],
  reversed: [],
} as const

export type UnitState = keyof typeof UNIT_MOVES

/** Whether a unit may go from one state to another; staying is not a move. */
export function canUnitMove(from: UnitState, to: UnitState): boolean {
  const allowed: readonly UnitState[] = UNIT_MOVES[from]
  return allowed.includes(to)
}

/** States in which nobody has been asked or everybody said no: only these may be bought or given up. */
export const UNBOUGHT_UNIT_STATES = ['queued', 'backordered'] as const satisfies UnitState[]
