import { spawn } from 'node:child_process'
import { delimiter, dirname } from 'node:path'
import { text } from 'node:stream/consumers'
import { generate, staleFiles, withScratchDatabase } from './codegen.ts'
import { findFunctionBreaches, readSchemaFiles } from './function-law.ts'
import { findImportBreaches } from './import-law.ts'
import { findLockProblems, readLock } from './lock-check.ts'
import { listSourceFiles, ROOT } from './source-files.ts'

const CODEGEN = 'npm run codegen'
/** By content, because a checkout sets the times anew. */
const CACHED = ['--cache', '--cache-strategy=content']

/** One check. `run` says in words for people what is wrong; an empty text is a pass. */
type Step = { name: string; run: () => Promise<string> }

const STEPS: Step[] = [
  { name: 'format', run: () => runTool('prettier', '--check', '--log-level=warn', ...CACHED, '.') },
  { name: 'types', run: () => runTool('tsc', '--noEmit') },
  { name: 'lint', run: () => runTool('oxlint', '--type-aware', '--deny-warnings') },
  { name: 'dead code', run: () => runTool('knip', '--no-config-hints') },
  { name: 'import law', run: async () => listSourceFiles().flatMap(findImportBreaches).join('\n') },
  { name: 'function law', run: async () => findFunctionBreaches(readSchemaFiles()).join('\n') },
  { name: 'openapi', run: checkOpenApi },
  { name: 'lock', run: async () => findLockProblems(readLock()).join('\n') },
]

/** All steps at once; a line for each, then everything that the failed ones have to say. */
async function main(): Promise<void> {
  const startedAt = performance.now()
  const serverUrl = process.env.BARK_TEST_DATABASE_URL
  const schema = serverUrl ? [{ name: 'schema', run: () => checkSchema(serverUrl) }] : []
  const problems = await Promise.all([...STEPS, ...schema].map(runStep))
  const failed = problems.filter((report) => report !== '')
  for (const report of failed) console.log(`\n${report}`)
  const note = serverUrl ? '' : ' (db/tables.ts and db/schema.sql: npm test compares them)'
  console.log(
    `\n${problems.length - failed.length} of ${problems.length} checks passed in ${secondsSince(startedAt)} s${note}`,
  )
  if (failed.length > 0) process.exitCode = 1
}

async function runStep(step: Step): Promise<string> {
  const startedAt = performance.now()
  const problems = await step.run().catch((error: unknown) => String(error))
  const verdict = problems === '' ? 'ok    ' : 'FAILED'
  console.log(`${verdict} ${step.name.padEnd(12)} ${secondsSince(startedAt)} s`)
  return problems === '' ? '' : `── ${step.name} ──\n${problems}`
}

/**
 * Runs a tool of node_modules/.bin at the top of the project, with the Node that runs this, whatever
 * `node` means on the machine. Gives what the tool printed if it failed.
 */
async function runTool(name: string, ...args: string[]): Promise<string> {
  const child = spawn(`${ROOT}node_modules/.bin/${name}`, args, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...(process.stdout.isTTY ? { FORCE_COLOR: '1' } : { NO_COLOR: '1' }),
      PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    },
  })
  const exit = new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
  const [code, out, err] = await Promise.all([exit, text(child.stdout), text(child.stderr)])
  return code === 0 ? '' : `${out}${err}`.trim() || `${name} ended with ${code} and said nothing`
}

/** docs/openapi/v2.json against the routes; loaded here, so that a broken API fails one step only. */
async function checkOpenApi(): Promise<string> {
  const { writeOpenApi } = await import('../api/openapi.ts')
  return (await writeOpenApi({ check: true })) ? '' : `docs/openapi is not current: ${CODEGEN}`
}

/** db/tables.ts and db/schema.sql against a database that is migrated for the purpose. */
async function checkSchema(serverUrl: string): Promise<string> {
  const stale = await staleFiles(await withScratchDatabase(serverUrl, generate))
  return stale.map((path) => `${path} is not current: ${CODEGEN}`).join('\n')
}

function secondsSince(startedAt: number): string {
  return ((performance.now() - startedAt) / 1000).toFixed(1)
}

await main()
