import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { format, resolveConfig } from 'prettier'
import { printCrashTable } from './crash-table.ts'
import { readProof } from './proof.ts'
import { commitOf, ROOT } from './source-files.ts'

const USAGE = `npm run prove [-- options]
The long forms of the fault tests, of which npm test does a part. Without an option: --all.

  --cells N          kills, each at one message of the story (all = every message; days)
  --random N         storms of several faults at once
  --lost-replies N   lost acknowledgements on every link
  --planted N        planted bugs, each of which must be caught (all = every one)
  --webhooks N       events told to three endpoints, with a kill for every ten of them
  --matrix           every variant of every row of the fault matrix
  --all              --cells 300 --random 200 --lost-replies 200 --webhooks 2000 --planted all
                     --matrix
  --seed N           repeats a run; without it a new one, printed
  --results DIR      where the results are kept (default .bark/prove/<seed>); a folder that has some
                     gets more
  --table            only writes docs/crash-table.md from the results in test/faults/proof`

/** One long form: its test files, and the variable that says how much of it. */
type Form = { name: string; files: string[]; variable: string; value: string }

const ALL = {
  cells: '300',
  random: '200',
  'lost-replies': '200',
  webhooks: '2000',
  planted: 'all',
  matrix: true,
}
const PROOF = join(ROOT, 'test', 'faults', 'proof')
const TABLE = join(ROOT, 'docs', 'crash-table.md')

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      cells: { type: 'string' },
      random: { type: 'string' },
      'lost-replies': { type: 'string' },
      webhooks: { type: 'string' },
      planted: { type: 'string' },
      matrix: { type: 'boolean' },
      all: { type: 'boolean' },
      seed: { type: 'string' },
      results: { type: 'string' },
      table: { type: 'boolean' },
      help: { type: 'boolean' },
    },
  })
  if (values.help === true) return console.log(USAGE)
  if (values.table === true) return writeTable()
  const { seed: given, results, ...asked } = values
  const seed = given ?? String(randomInt(2 ** 31))
  const folder = resolve(results ?? join(ROOT, '.bark', 'prove', seed))
  const forms = listForms(Object.keys(asked).length === 0 || asked.all === true ? ALL : asked)
  mkdirSync(folder, { recursive: true })
  console.log(`seed ${seed}, commit ${commitOf()}, results in ${folder}`)
  const failed = forms.filter((form) => !prove(form, seed, folder))
  for (const { name } of failed) console.log(`FAILED ${name}`)
  if (failed.length > 0) process.exitCode = 1
}

function listForms(asked: { [option: string]: string | boolean | undefined }): Form[] {
  const forms = {
    cells: { files: ['cells.test.ts'], variable: 'BARK_PROVE_CELLS' },
    random: { files: ['storm.test.ts'], variable: 'BARK_PROVE_RANDOM' },
    'lost-replies': { files: ['lost-replies.test.ts'], variable: 'BARK_PROVE_LOST_REPLIES' },
    webhooks: { files: ['webhook-storm.test.ts'], variable: 'BARK_PROVE_WEBHOOKS' },
    planted: { files: ['scenarios.test.ts', 'planted.test.ts'], variable: 'BARK_PROVE_PLANTED' },
    matrix: { files: ['matrix'], variable: 'BARK_PROVE_MATRIX' },
  }
  return Object.entries(forms).flatMap(([name, { files, variable }]) => {
    const value = asked[name]
    if (value === undefined || value === false) return []
    if (value !== true && !/^(\d+|all)$/.test(value))
      throw new Error(`--${name}: ${value}\n${USAGE}`)
    return [{ name, files, variable, value: value === true ? 'all' : value }]
  })
}

/** Runs one form and writes down that it ran, with its seed and what came of it. */
function prove({ name, files, variable, value }: Form, seed: string, folder: string): boolean {
  const startedAt = new Date()
  const command = [join('bin', 'bark.mjs'), 'test', '--no-check']
  const { status } = spawnSync(
    process.execPath,
    [...command, ...files.map((file) => `test/faults/${file}`)],
    {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...process.env, BARK_SEED: seed, BARK_PROVE_RESULTS: folder, [variable]: value },
    },
  )
  const run = {
    form: name,
    asked: value,
    seed: Number(seed),
    commit: commitOf(),
    startedAt: startedAt.toISOString(),
    seconds: Math.round((Date.now() - startedAt.getTime()) / 1000),
    cores: availableParallelism(),
    node: process.version,
    passed: status === 0,
  }
  appendFileSync(join(folder, 'runs.jsonl'), `${JSON.stringify(run)}\n`)
  return run.passed
}

async function writeTable(): Promise<void> {
  writeFileSync(TABLE, await formatTable())
  console.log('wrote docs/crash-table.md')
}

/** docs/crash-table.md as the results in test/faults/proof make it. */
export async function formatTable(): Promise<string> {
  const options = await resolveConfig(TABLE)
  return format(printCrashTable(readProof(PROOF)), { ...options, parser: 'markdown' })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
