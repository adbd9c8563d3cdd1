import { randomInt } from 'node:crypto'

/** Chance that can be repeated: the same seed makes the same faults. */
export type Random = {
  seed: number
  /** From 0 up to, not including, 1. */
  next(): number
  /** A whole number from 0 up to, not including, `below`. */
  integer(below: number): number
  pick<T>(list: readonly T[]): T
  shuffle<T>(list: readonly T[]): T[]
}

/** Mulberry32: 32 bits of state are plenty for choosing faults. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const integer = (below: number): number => Math.floor(next() * below)
  return {
    seed,
    next,
    integer,
    pick(list) {
      const picked = list[integer(list.length)]
      if (picked === undefined) throw new Error('cannot pick from an empty list')
      return picked
    },
    shuffle(list) {
      const keyed = list.map((value) => ({ value, key: next() }))
      return keyed.sort((a, b) => a.key - b.key).map(({ value }) => value)
    },
  }
}

/** The run's seed: `BARK_SEED` to repeat a run, else a new one. */
export function seedOfRun(): number {
  const given = process.env['BARK_SEED']
  return given === undefined || given === '' ? randomInt(2 ** 31) : Number(given)
}
