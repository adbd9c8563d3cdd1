import type { Servers } from './servers.ts'
import type { Comparison } from './windows.ts'

/** One figure of docs/bench.md: something of ours against a bare program, in one run. */
export type Figure = {
  /** As in the table of figures, for example `A1`. */
  id: string
  title: string
  against: string
  /** Of the values that are compared. */
  unit: 'per second' | 'ms'
  /** What the ratio has to reach, and where it should go, in words. */
  gate: string
  run(servers: Servers, size: Size): Promise<Comparison>
}

/** How long it is measured. */
export type Size = { pairs: number; seconds: number }

/** What a figure throws when a comparison would say nothing, for example because we cannot keep up. */
export class NoFigure extends Error {
  override name = 'NoFigure'
}

/** Processor time of a window for each of its units of work. */
export function perUnit(micros: Record<string, number>, units: number): Record<string, number> {
  return Object.fromEntries(Object.entries(micros).map(([name, sum]) => [name, sum / units]))
}
