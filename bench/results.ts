import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { commitOf, ROOT } from '../scripts/source-files.ts'
import type { StageCost } from './cost.ts'
import type { Figure, Size } from './figure.ts'
import type { Growth } from './growth.ts'
import type { CurvePoint } from './load-curve.ts'
import type { Soak } from './soak.ts'
import type { ShapeCost } from './webhook-shapes.ts'
import type { Comparison } from './windows.ts'

/** Where and when a result was measured. */
export type Run = {
  measuredAt: string
  commit: string
  processor: string
  cores: number
  memoryGib: number
  node: string
}

/** The newest result of a figure: the comparison, or in words why there is none. */
export type KeptFigure = Omit<Figure, 'run'> & {
  result: Comparison | { none: string }
  size: Size
  run: Run
}

export type KeptCurve = { perSecondMax: number; points: CurvePoint[]; run: Run }

export type KeptCost = { stages: StageCost[]; run: Run }
export type KeptShapes = { shapes: ShapeCost[]; size: Size; run: Run }
export type KeptGrowth = Growth & { run: Run }
export type KeptSoak = Soak & { run: Run }

/** What docs/bench.md is made of; a study that was never kept is left out. */
export type Results = {
  figures: KeptFigure[]
  curve?: KeptCurve
  cost?: KeptCost
  shapes?: KeptShapes
  growth?: KeptGrowth
  soak?: KeptSoak
}

/** Some of the results. */
export type Kept = Partial<Results>

const FILE = join(ROOT, 'bench', 'results.json')

/** What is kept; nothing before the first run that keeps something. */
export function readResults(): Results {
  if (!existsSync(FILE)) return { figures: [] }
  // oxlint-disable-next-line typescript/consistent-type-assertions -- `keepResults` wrote it
  return JSON.parse(readFileSync(FILE, 'utf8')) as Results
}

/** Keeps results in place of the last ones of the same figures and studies. */
export function keepResults(fresh: Kept): void {
  const kept = readResults()
  const figures = [
    ...kept.figures.filter(({ id }) => !fresh.figures?.some((figure) => figure.id === id)),
    ...(fresh.figures ?? []),
  ].toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const results: Results = { ...kept, ...fresh, figures }
  writeFileSync(FILE, `${JSON.stringify(results, null, 2)}\n`)
}

/** The machine and the tree, at the beginning of a run. */
export function describeRun(): Run {
  return {
    measuredAt: new Date().toISOString(),
    commit: commitOf(),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  }
}
