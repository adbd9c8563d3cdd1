import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LaunchContext } from './command.ts'
import { openScreen } from './screen.ts'
import { startTestPair, type TestPair } from './test-pair.ts'

export const help = `bark test [--no-check] [vitest arguments]   (npm test -- …)
  Starts PostgreSQL and a Temporal server of its own in a temporary folder, runs \`npm run check\`
  and then the tests. The last line is "N passed, N failed, N skipped".

  bark test test/domain       the tests of one folder
  bark test -t 'charges once' the tests with this name
  bark test --no-check        without \`npm run check\`
  bark test --serve           only starts the two, prints the variables that lead vitest to them,
                              and stays until Ctrl-C: for \`npx vitest\` in another terminal`

type Counts = { passed: number; failed: number; skipped: number }

/** Exit code 0 only if the check and every test passed. */
export async function run(args: string[], context: LaunchContext): Promise<number> {
  const ours = new Set(['--serve', '--no-check'])
  const vitestArguments = args.filter((argument) => !ours.has(argument))
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort())
  }
  if (args.includes('--serve')) return serve(context, stop)

  const checkPassed = args.includes('--no-check') || (await check(context))
  const counts = await withPair(context, stop, (pair) => runVitest(vitestArguments, pair, context))
  if (!checkPassed) {
    context.out('npm run check failed (see above); it counts as one failure.')
    counts.failed += 1
  }
  if (stop.signal.aborted) {
    context.out('The run was stopped.')
    counts.failed += 1
  }
  context.out(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  return counts.failed === 0 ? 0 : 1
}

async function serve(context: LaunchContext, stop: AbortController): Promise<number> {
  await withPair(context, stop, async (pair) => {
    context.out('')
    for (const [name, value] of Object.entries(pair.variables)) {
      context.out(`export ${name}='${value}'`)
    }
    context.out('\nCtrl-C ends both and removes their data.')
    // The servers keep this process alive until a signal comes.
    await new Promise((resolve) => stop.signal.addEventListener('abort', resolve))
  })
  return 0
}

async function withPair<T>(
  context: LaunchContext,
  stop: AbortController,
  work: (pair: TestPair) => Promise<T>,
): Promise<T> {
  const pair = await startTestPair(context, openScreen(process.stdout), stop)
  try {
    return await work(pair)
  } finally {
    await pair.stop()
  }
}

async function check({ root, env }: LaunchContext): Promise<boolean> {
  return (await runNode([join(root, 'scripts', 'check.ts')], root, env)) === 0
}

async function runVitest(
  args: string[],
  pair: TestPair,
  { root, env, out }: LaunchContext,
): Promise<Counts> {
  const results = join(pair.folder, 'results.json')
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${results}`]
  const code = await runNode([vitest, 'run', ...reporters, ...args], root, {
    ...env,
    ...pair.variables,
  })
  const counts = existsSync(results)
    ? readCounts(JSON.parse(readFileSync(results, 'utf8')))
    : { passed: 0, failed: 0, skipped: 0 }
  if (code !== 0 && counts.failed === 0) {
    // A file that does not load, an error outside of every test, or no test at all.
    out('vitest ended with an error that belongs to no test (see above); it counts as one failure.')
    counts.failed = 1
  }
  return counts
}

/** Counts of vitest's JSON report. */
export function readCounts(report: unknown): Counts {
  const number = (name: string): number => {
    if (typeof report !== 'object' || report === null) return 0
    const value: unknown = Reflect.get(report, name)
    return typeof value === 'number' ? value : 0
  }
  return {
    passed: number('numPassedTests'),
    failed: number('numFailedTests'),
    skipped: number('numPendingTests') + number('numTodoTests'),
  }
}

function runNode(args: string[], cwd: string, env: LaunchContext['env']): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd, env, stdio: 'inherit' })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
}
