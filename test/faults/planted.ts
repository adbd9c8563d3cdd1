import { execFileSync, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { ROOT } from '../../scripts/source-files.ts'
import type { Violation } from './invariants.ts'
import { plantInMigrations } from './planted-schema.ts'
import { seededRandom } from './random.ts'
import type { Run } from './run.ts'
import type { ScenarioName } from './scenarios/catalogue.ts'

/** A bug on purpose: the patch that makes it, the scenario that meets it, the promise that it breaks. */
export type PlantedBug = { patch: string; scenario: ScenarioName; breaks: string }

export const PLANTED_BUGS: readonly PlantedBug[] = [
  { patch: '01-clock-before-lock', scenario: 'ordersAtTheClose', breaks: 'I5' },
  { patch: '02-no-idempotency-row', scenario: 'duplicateRequests', breaks: 'I2' },
  { patch: '03-buy-again-after-a-timeout', scenario: 'supplierReplyLost', breaks: 'I9' },
  { patch: '04-number-from-a-sequence', scenario: 'billingFails', breaks: 'I15' },
  { patch: '05-number-before-commit', scenario: 'billingFails', breaks: 'I15' },
  { patch: '06-seventh-attempt', scenario: 'deadEndpoint', breaks: 'I18' },
  { patch: '07-secret-in-a-payload', scenario: 'wholeStory', breaks: 'I28' },
  { patch: '08-secret-in-a-log', scenario: 'wholeStory', breaks: 'I28' },
  { patch: '09-no-account-filter', scenario: 'wholeStory', breaks: 'I24' },
  { patch: '10-commit-after-the-answer', scenario: 'connectionsEndAfterTheAnswer', breaks: 'I1' },
  { patch: '11-code-without-a-lock', scenario: 'raceForCodes', breaks: 'I7' },
  { patch: '12-event-twice', scenario: 'wholeStory', breaks: 'I20' },
  { patch: '13-hold-not-released', scenario: 'deadlinePasses', breaks: 'I14' },
  { patch: '14-lost-wake-up', scenario: 'closedBeforeTheTimer', breaks: 'I27' },
  { patch: '15-invoice-changes', scenario: 'wholeStory', breaks: 'I17' },
  { patch: '16-delivered-without-an-answer', scenario: 'deadEndpoint', breaks: 'I18' },
  { patch: '17-attempt-too-early', scenario: 'deadEndpoint', breaks: 'I19' },
  { patch: '18-refused-order-keeps-its-key', scenario: 'refusedOrder', breaks: 'I3' },
  { patch: '19-command-deleted-before-it-is-given', scenario: 'temporalAway', breaks: 'I23' },
  { patch: '20-order-without-a-command', scenario: 'temporalAway', breaks: 'I23' },
  { patch: '21-total-without-quantity', scenario: 'raceForCodes', breaks: 'I14' },
  { patch: '22-days-overlap', scenario: 'ordersAtTheClose', breaks: 'I5' },
  { patch: '23-payment-sent-again-under-a-new-key', scenario: 'moneyRepliesLost', breaks: 'I13' },
  { patch: '24-unknown-refund-taken-as-failed', scenario: 'moneyRepliesLost', breaks: 'I11' },
  { patch: '25-fee-not-posted', scenario: 'moneyRepliesLost', breaks: 'I11' },
  { patch: '26-codes-before-the-money', scenario: 'unpaidOrder', breaks: 'I22' },
  { patch: '27-refund-sent-again-under-a-new-key', scenario: 'moneyRepliesLost', breaks: 'I11' },
  { patch: '28-refused-command-never-parked', scenario: 'refusedCommand', breaks: 'I27' },
]

/** Not a bug: what is done to the data by hand, and must be found, so that silence means something. */
export const ALARM = { scenario: 'codeTakenAway', breaks: 'I7' } as const

/** The bugs that this run tries: all, or so many, others under every seed. */
export function chooseBugs({ plantedBugs, seed }: Pick<Run, 'plantedBugs' | 'seed'>): PlantedBug[] {
  if (plantedBugs === 'all') return [...PLANTED_BUGS]
  return seededRandom(seed).shuffle(PLANTED_BUGS).slice(0, plantedBugs)
}

const FOLDER = join(ROOT, 'test', 'faults', 'planted')
const SCENARIO_MS_MAX = 150_000
/** What the product does not need to run. */
const LEFT_OUT = new Set(['.git', 'node_modules', 'docs', 'sdk', '.bark', '.cache'])

/** The patches in the folder, without their ending. */
export function listPatches(): string[] {
  return readdirSync(FOLDER)
    .map((name) => name.replace(/\.patch$/, ''))
    .sort()
}

/** The first line of a patch: the bug in words. */
export function describePatch(patch: string): string {
  return readFileSync(join(FOLDER, `${patch}.patch`), 'utf8').split('\n')[0] ?? ''
}

/** Applies a patch to a tree, or only tries to. Throws with git's words when it does not fit. */
export function applyPatch(patch: string, root: string, options: { tryOnly: boolean }): void {
  const flags = options.tryOnly ? ['--check'] : []
  execFileSync('git', ['apply', ...flags, join(FOLDER, `${patch}.patch`)], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'pipe'],
    // A tree below the temporary folder belongs to no repository.
    env: { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() },
  })
}

/**
 * Runs a bug's scenario on a copy of the tree that has the bug (null: none), in a process of its own. Answers what
 * the checker found. Throws when the product does not start with it: then it is no bug, but rubbish.
 */
export async function tryPlantedBug({
  patch,
  scenario,
}: {
  patch: string | null
  scenario: ScenarioName
}): Promise<Violation[]> {
  const tree = copyTree()
  try {
    if (patch !== null) {
      applyPatch(patch, tree, { tryOnly: false })
      plantInMigrations(tree, ROOT)
    }
    return await runScenario(tree, scenario)
  } finally {
    rmSync(tree, { recursive: true, force: true })
  }
}

/** A copy of the tree that runs, below the temporary folder; the caller removes it. */
export function copyTree(): string {
  const tree = mkdtempSync(join(tmpdir(), 'bark-planted-'))
  cpSync(ROOT, tree, {
    recursive: true,
    filter: (path) => !LEFT_OUT.has(relative(ROOT, path).split('/')[0] ?? ''),
  })
  symlinkSync(join(ROOT, 'node_modules'), join(tree, 'node_modules'))
  return tree
}

function runScenario(tree: string, scenario: ScenarioName): Promise<Violation[]> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      [join(tree, 'test', 'faults', 'scenario-process.ts'), scenario],
      { cwd: tree, stdio: ['ignore', 'pipe', 'pipe'], timeout: SCENARIO_MS_MAX },
    )
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text
      })
    }
    child.once('error', reject)
    child.once('exit', () => {
      const line = output.split('\n').findLast((text) => text.startsWith(FOUND))
      if (line === undefined) {
        reject(new Error(`${scenario} did not come to its end:\n${output.slice(-4_000)}`))
        return
      }
      resolve(JSON.parse(line.slice(FOUND.length)) as Violation[]) // written by scenario-process.ts
    })
  })
}

/** How scenario-process.ts begins the line with what it found. */
export const FOUND = 'violations: '
