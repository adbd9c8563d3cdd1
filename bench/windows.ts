/** Two programs in alternating windows of one run, so that the machine's mood meets both alike. */

export type Window = {
  /** What was measured in this window; the unit is the figure's. */
  value: number
  /** Processor time by process, in microseconds per unit of work. */
  cpuMicros: Record<string, number>
}

export type Side = {
  /** Measures for `seconds`. Throws when anything was answered wrongly: then there is no figure. */
  measure(seconds: number): Promise<Window>
}

export type Spread = { min: number; median: number; max: number }

export type Comparison = {
  ours: Spread
  bare: Spread
  /** Ours over bare, pair by pair. */
  ratio: Spread
  cpuMicros: { ours: Record<string, number>; bare: Record<string, number> }
  pairs: number
}

export const PAIRS_MIN = 5 // below that a median says little

/**
 * `pairs` times a window of each, after one of each that is thrown away (code that is not compiled
 * yet, connections that are not open yet, tables that PostgreSQL believes to be empty until they are
 * analyzed, which its autovacuum does within a minute). Which of the two goes first alternates.
 */
export async function compare(
  ours: Side,
  bare: Side,
  { pairs, seconds }: { pairs: number; seconds: number },
  tables: { analyze(): Promise<void> },
): Promise<Comparison> {
  await ours.measure(seconds)
  await bare.measure(seconds)
  await tables.analyze()
  const windows: { ours: Window; bare: Window }[] = []
  for (let pair = 0; pair < pairs; pair++) {
    if (pair % 2 === 0) {
      const first = await ours.measure(seconds)
      windows.push({ ours: first, bare: await bare.measure(seconds) })
    } else {
      const first = await bare.measure(seconds)
      windows.push({ ours: await ours.measure(seconds), bare: first })
    }
  }
  return {
    ours: spread(windows.map((pair) => pair.ours.value)),
    bare: spread(windows.map((pair) => pair.bare.value)),
    ratio: spread(windows.map((pair) => pair.ours.value / pair.bare.value)),
    cpuMicros: {
      ours: medians(windows.map((pair) => pair.ours.cpuMicros)),
      bare: medians(windows.map((pair) => pair.bare.cpuMicros)),
    },
    pairs,
  }
}

/** Of at least one value. */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return { min: sorted[0] ?? NaN, median: quantile(sorted, 0.5), max: sorted.at(-1) ?? NaN }
}

/** The value below which the share `q` of the values lies; `sorted` ascends. */
export function quantile(sorted: readonly number[], q: number): number {
  const place = (sorted.length - 1) * q
  const below = sorted[Math.floor(place)] ?? NaN
  const above = sorted[Math.ceil(place)] ?? NaN
  return below + (above - below) * (place - Math.floor(place))
}

/** Name by name. */
export function medians(samples: readonly Record<string, number>[]): Record<string, number> {
  const names = Object.keys(samples[0] ?? {})
  return Object.fromEntries(
    names.map((name) => [name, spread(samples.map((sample) => sample[name] ?? NaN)).median]),
  )
}
