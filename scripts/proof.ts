import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * What the long forms of the fault tests write down, line by line: `npm run prove` keeps it, and
 * docs/crash-table.md is made of it.
 */

/** One kill at one message: what test/faults/cells.ts writes down. */
export type CellRow = {
  cell: { link: string; message: number; moment: string; victim: string }
  hit: boolean
  /** Orders of the story; left out where it had two, none of them paid by card. */
  orders?: number
  step: string
  clientSaw: string
  systemDid: string[]
  backMs: number
  recoveredMs: number
  violations: unknown[]
}
export type StormRow = { storms: { faults: unknown[] }[]; stories: number; violations: unknown[] }
export type LossRow = {
  seed: number
  lost: { link: string; lost: number }[]
  stories: number
  violations: unknown[]
}
export type PlantedRow = {
  patch: string
  scenario: string
  breaks: string
  found: string[]
  bug: string
}
export type RunRow = {
  form: string
  seed: number
  commit: string
  startedAt: string
  cores: number
  node: string
  passed: boolean
  /** Why a run did not pass, by whoever looked into it. */
  note?: string
}

/** The results of `npm run prove`, form by form. */
export type Proof = {
  cells: CellRow[]
  /** Messages that the story sends over each link when nothing is killed, one count per run. */
  messages: Record<string, number>[]
  storms: StormRow[]
  losses: LossRow[]
  planted: PlantedRow[]
  runs: RunRow[]
}

/** Reads a folder of results; a form that was not run is empty. */
export function readProof(folder: string): Proof {
  return {
    cells: readLines<CellRow>(folder, 'cells'),
    messages: readLines<Record<string, number>>(folder, 'messages'),
    storms: readLines<StormRow>(folder, 'random'),
    losses: readLines<LossRow>(folder, 'lost-replies'),
    planted: readLines<PlantedRow>(folder, 'planted'),
    runs: readLines<RunRow>(folder, 'runs'),
  }
}

function readLines<T>(folder: string, name: string): T[] {
  const file = join(folder, `${name}.jsonl`)
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.flatMap((line) => {
    if (line === '') return []
    // oxlint-disable-next-line typescript/consistent-type-assertions -- `keepResult` in test/faults/run.ts wrote it
    return [JSON.parse(line) as T]
  })
}
