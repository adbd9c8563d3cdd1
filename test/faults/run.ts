import { execFileSync } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../scripts/source-files.ts'
import type { CellResult } from './cells.ts'
import type { Violation } from './invariants.ts'
import { seedOfRun } from './random.ts'

/**
 * How much of the proof this run does. `npm test` does a part of it under a new seed; `npm run prove`
 * sets the variables for more (see scripts/prove.ts).
 */
export type Run = {
  seed: number
  /** Kills at messages: so many, chosen by the seed. */
  cells: number | 'all'
  /** Stories with several faults at once. */
  randomStories: number
  /** Lost replies per link. */
  lostReplies: number
  /** Planted bugs to be caught: so many, chosen by the seed. */
  plantedBugs: number | 'all'
  /** Rows of the fault matrix: every variant, or one of each chosen by the seed. */
  matrix: 'short' | 'all'
  /** Where results are kept for docs/crash-table.md; null keeps none. */
  resultsFolder: string | null
}

const SHORT = { cells: 16, randomStories: 4, lostReplies: 10, plantedBugs: 4 }

export function readRun(env: NodeJS.ProcessEnv = process.env): Run {
  const number = (name: string, otherwise: number): number => {
    const given = env[name]
    return given === undefined || given === '' ? otherwise : Number(given)
  }
  const numberOrAll = (name: string, otherwise: number): number | 'all' =>
    env[name] === 'all' ? 'all' : number(name, otherwise)
  return {
    seed: seedOfRun(),
    cells: numberOrAll('BARK_PROVE_CELLS', SHORT.cells),
    randomStories: number('BARK_PROVE_RANDOM', SHORT.randomStories),
    lostReplies: number('BARK_PROVE_LOST_REPLIES', SHORT.lostReplies),
    plantedBugs: numberOrAll('BARK_PROVE_PLANTED', SHORT.plantedBugs),
    matrix: env['BARK_PROVE_MATRIX'] === 'all' ? 'all' : 'short',
    resultsFolder: env['BARK_PROVE_RESULTS'] ?? null,
  }
}

/** Keeps a result of the run, where one is asked for. */
export function keepResult(run: Run, kind: 'cells' | 'random' | 'rows', result: object): void {
  if (run.resultsFolder === null) return
  const line = JSON.stringify(result, (_, part: unknown) =>
    typeof part === 'bigint' ? String(part) : part,
  )
  appendFileSync(join(run.resultsFolder, `${kind}.jsonl`), `${line}\n`)
}

/** What broke, at which commit, and the command that tells the same story again. */
export class PromiseBroken extends Error {
  constructor(run: Run, file: string, context: object, violations: Violation[]) {
    const lines = violations.map(({ invariant, what, rows }) => {
      const shown = JSON.stringify(rows, (_, part: unknown) =>
        typeof part === 'bigint' ? String(part) : part,
      )
      return `${invariant}: ${what}\n    ${shown.slice(0, 4_000)}`
    })
    super(
      [
        lines.join('\n  '),
        `context: ${JSON.stringify(context)}`,
        `seed ${run.seed}, commit ${commit()}`,
        `again: BARK_SEED=${run.seed} npm test -- --no-check ${file}`,
      ].join('\n  '),
    )
    this.name = 'PromiseBroken'
  }
}

/** One line for the reader of the test's output. */
export function summarise(run: Run, results: CellResult[]): string {
  const slowest = Math.max(...results.map(({ recoveredMs }) => recoveredMs))
  const hits = results.filter(({ hit }) => hit).length
  return `seed ${run.seed}: ${hits} kills hit of ${results.length}, slowest recovery ${slowest} ms`
}

function commit(): string {
  const options = { cwd: ROOT, encoding: 'utf8' as const }
  const head = execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], options).trim()
  const changed = execFileSync('git', ['status', '--porcelain'], options).trim() !== ''
  return changed ? `${head} with changes` : head
}
