import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { format, resolveConfig } from 'prettier'
import { printCrashTable } from './crash-table.ts'
import { FORMS, type Form } from './prove-forms.ts'
import { readProof } from './proof.ts'
import { commitOf, ROOT } from './source-files.ts'

const USAGE = `npm run prove [-- options]
The long forms of the fault tests, of which npm test does a part. Without an option: --all.

${FORMS.map(({ option, words }) => `  --${`${option} N`.padEnd(19)} ${words}`).join('\n')}
  --all                 ${FORMS.map(({ option, all }) => `--${option} ${all}`).join(' ')}
  --seed N              repeats a run; without it a new one, printed
  --results DIR         where the results are kept (default .bark/prove/<seed>); a folder that has
                        some gets more
  --table               only writes docs/crash-table.md from the results in test/faults/proof`

const PROOF = join(ROOT, 'test', 'faults', 'proof')
const TABLE = join(ROOT, 'docs', 'crash-table.md')

async function main(): Promise<void> {
  const counts = Object.fromEntries(
    FORMS.map(({ option }) => [option, { type: 'string' as const }]),
  )
  const flags = {
    all: { type: 'boolean' as const },
    seed: { type: 'string' as const },
    results: { type: 'string' as const },
    table: { type: 'boolean' as const },
    help: { type: 'boolean' as const },
  }
  const values: Record<string, string | boolean | undefined> = parseArgs({
    options: { ...counts, ...flags },
  }).values
  if (values['help'] === true) return console.log(USAGE)
  if (values['table'] === true) return writeTable()
  const seed = String(values['seed'] ?? randomInt(2 ** 31))
  const folder = resolve(String(values['results'] ?? join(ROOT, '.bark', 'prove', seed)))
  const asked = FORMS.flatMap((form) => {
    const value = values[form.option]
    return value === undefined ? [] : [{ form, value: readCount(form, String(value)) }]
  })
  const isAll = values['all'] === true || asked.length === 0
  const runs = isAll ? FORMS.map((form) => ({ form, value: form.all })) : asked
  mkdirSync(folder, { recursive: true })
  console.log(`seed ${seed}, commit ${commitOf()}, results in ${folder}`)
  const failed = runs.filter(({ form, value }) => !prove(form, value, seed, folder))
  for (const { form, value } of failed) {
    const again = `npm run prove -- --${form.option} ${value} --seed ${seed}`
    console.log(`FAILED ${form.option}, at commit ${commitOf()}; again: ${again}`)
  }
  if (failed.length > 0) process.exitCode = 1
}

function readCount({ option, takes = /^(\d+|all)$/ }: Form, value: string): string {
  if (takes.test(value)) return value
  throw new Error(`--${option}: ${value}\n${USAGE}`)
}

/** Runs one form and writes down that it ran, with its seed and what came of it. */
function prove(form: Form, value: string, seed: string, folder: string): boolean {
  const startedAt = new Date()
  const command = [join('bin', 'bark.mjs'), 'test', '--no-check']
  const { status } = spawnSync(process.execPath, [...command, ...form.files], {
    cwd: ROOT,
    stdio: 'inherit',
    env: {
      ...process.env,
      BARK_SEED: seed,
      BARK_PROVE_SEED: seed,
      BARK_PROVE_RESULTS: folder,
      [form.variable]: value,
    },
  })
  const run = {
    form: form.option,
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
