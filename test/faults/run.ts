import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { commitOf } from '../../scripts/source-files.ts'
import type { CellResult } from './cells.ts'
import { LINKS, type LinkName } from './links.ts'
import type { Violation } from './invariants.ts'
import { seedOfRun } from './random.ts'

/**
 * How much of the proof this run does. `npm test` does a part of it under a new seed; `npm run prove`
 * sets the variables for more (see scripts/prove.ts).
 */
export type Run = {
  seed: number
  /** Kills at messages: so many, chosen by the seed; or each message of one link, or of all. */
  cells: number | 'all' | LinkName
  /** This one kill only: `link message moment victim`, as a failed run prints it. */
  cell: string | null
  /** Storms: several faults at once, each storm from a seed of its own. */
  storms: number
  /** Lost replies per link. */
  lostReplies: number
  /** Planted bugs to be caught: so many, chosen by the seed. */
  plantedBugs: number | 'all'
  /** Rows of the fault matrix: every variant, or one of each chosen by the seed. */
  matrix: 'short' | 'all'
  /** Transactions under way while a worker is exchanged. */
  deploys: number
  /** Where results are kept for docs/crash-table.md; null keeps none. */
  resultsFolder: string | null
}

const SHORT = { cells: 12, storms: 20, lostReplies: 6, plantedBugs: 3, deploys: 25 }

export function readRun(env: NodeJS.ProcessEnv = process.env): Run {
  const number = (name: string, otherwise: number): number => {
    const given = env[name]
    return given === undefined || given === '' ? otherwise : Number(given)
  }
  const numberOrAll = (name: string, otherwise: number): number | 'all' =>
    env[name] === 'all' ? 'all' : number(name, otherwise)
  return {
    seed: seedOfRun(),
    cell: env['BARK_PROVE_CELL'] ?? null,
    cells:
      LINKS.find((link) => link === env['BARK_PROVE_CELLS']) ??
      numberOrAll('BARK_PROVE_CELLS', SHORT.cells),
    storms: number('BARK_PROVE_RANDOM', SHORT.storms),
    lostReplies: number('BARK_PROVE_LOST_REPLIES', SHORT.lostReplies),
    plantedBugs: numberOrAll('BARK_PROVE_PLANTED', SHORT.plantedBugs),
    matrix: env['BARK_PROVE_MATRIX'] === 'all' ? 'all' : 'short',
    deploys: number('BARK_PROVE_DEPLOYS', SHORT.deploys),
    resultsFolder: env['BARK_PROVE_RESULTS'] ?? null,
  }
}

/** Keeps a result of the run, where one is asked for. */
export function keepResult(
  run: Run,
  kind: 'cells' | 'messages' | 'random' | 'planted' | 'lost-replies' | 'rows',
  result: object,
): void {
  if (run.resultsFolder === null) return
  appendFileSync(join(run.resultsFolder, `${kind}.jsonl`), `${print(result)}\n`)
}

function print(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? String(part) : part,
  )
}

/**
 * What broke, at which commit, and the command that tries the same again. `settings` are the variables
 * that, with the seed, make this run; the seed is that of the part that broke.
 */
export class PromiseBroken extends Error {
  constructor(
    replay: { seed: number; file: string; settings: Record<string, string> },
    context: object,
    violations: Violation[],
  ) {
    const lines = violations.map(
      ({ invariant, what, rows }) => `${invariant}: ${what}\n    ${print(rows).slice(0, 4_000)}`,
    )
    const variables = Object.entries({ BARK_SEED: String(replay.seed), ...replay.settings })
      .map(([name, value]) => `${name}='${value}'`)
      .join(' ')
    super(
      [
        lines.join('\n  '),
        `context: ${print(context)}`,
        `seed ${replay.seed}, commit ${commitOf()}`,
        `again: ${variables} npm test -- --no-check ${replay.file}`,
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
