import { tell } from '../cells.ts'
import { checkStory, type Place } from '../checker.ts'
import { makeMerchant, type Stage } from '../merchant.ts'
import { keepResult, PromiseBroken, type Run } from '../run.ts'
import { tellStory } from '../story.ts'

/** One row of the fault matrix: what is done to whom while the story is told. */
export type Row = {
  name: string
  /** The test file, for the command that repeats it. */
  file: string
  /** Faults of this row: each may make a receiver hear an attempt once more. */
  disturbances: number
  /** Begins with the story and ends when everything is healed. */
  disturb: () => Promise<void>
}

/** What the row's client lived through. */
export type Proof = { seconds: number; slowestTryMs: number }

/** Tells the story through a fault and checks everything; throws what is broken. */
export async function proveRow(stage: Place & Stage, run: Run, row: Row): Promise<Proof> {
  const merchant = await makeMerchant(stage)
  const startedAt = Date.now()
  const [{ told, violations }] = await Promise.all([
    tell(stage, () => tellStory(stage, merchant)),
    row.disturb(),
  ])
  const seconds = (Date.now() - startedAt) / 1_000
  if (told !== null) {
    violations.push(...(await checkStory(stage, told, { count: row.disturbances, seconds })))
  }
  const tries = merchant.client.operations.flatMap((operation) => operation.tries)
  const proof = { seconds, slowestTryMs: Math.max(...tries.map(({ tookMs }) => tookMs)) }
  keepResult(run, 'rows', { row: row.name, ...proof, violations })
  if (violations.length > 0) {
    const replay = { seed: run.seed, file: row.file, settings: {} }
    throw new PromiseBroken(replay, { row: row.name, ...proof }, violations)
  }
  return proof
}
