import type { Stage } from './servers.ts'
import type { Comparison } from './windows.ts'

/** One figure of docs/bench.md: something of ours against a bare program, in one run. */
export type Figure = {
  /** As in the table of figures, for example `A1`. */
  id: string
  title: string
  against: string
  /** Of the values that are compared. */
  unit: 'per second' | 'per minute' | 'ms' | 's' | 'MiB'
  /** What the ratio has to reach, and where it should go, in words. */
  gate: string
  /** The caller checks the database's invariants afterwards. */
  run(stage: Stage, size: Size): Promise<Comparison>
}

/** How long it is measured; the figures that work off a batch make it as large as so many seconds need. */
export type Size = { pairs: number; seconds: number }

/** What a figure throws when a comparison would say nothing, for example because we cannot keep up. */
export class NoFigure extends Error {
  override name = 'NoFigure'
}

/** Processor time of a window for each of its units of work. */
export function perUnit(micros: Record<string, number>, units: number): Record<string, number> {
  return Object.fromEntries(Object.entries(micros).map(([name, sum]) => [name, sum / units]))
}

/** A number that a bare program answered. */
export function numberIn(answer: unknown, name: string): number {
  const value: unknown = typeof answer === 'object' && answer !== null && Reflect.get(answer, name)
  if (typeof value !== 'number') throw new NoFigure(`no ${name} in ${JSON.stringify(answer)}`)
  return value
}
