import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { guarded } from './children.ts'
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
    process.on(signal, () => stop.abort(new Error('The run was stopped.')))
  }
  if (args.includes('--serve')) return serve(context, stop)

  const counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  try {
    await withPair(context, stop, async (pair) => {
      const wantsCheck = !args.includes('--no-check')
      const checkPassed = !wantsCheck || (await check(pair, context, stop.signal))
      Object.assign(counts, await runVitest(vitestArguments, pair, context, stop.signal))
      if (!checkPassed) throw new Error('npm run check failed (see above).')
      stop.signal.throwIfAborted()
    })
  } catch (error) {
    context.err(`${messageOf(error)} It counts as one failure.`)
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
  const pair = await startTestPair(context, openScreen(process.stdout, stop.signal), stop)
  try {
    return await work(pair)
  } finally {
    await pair.stop()
  }
}

async function check(pair: TestPair, context: LaunchContext, stop: AbortSignal): Promise<boolean> {
  const program = join(context.root, 'scripts', 'check.ts')
  return (await runNode([program], context, pair, stop)) === 0
}

async function runVitest(
  args: string[],
  pair: TestPair,
  context: LaunchContext,
  stop: AbortSignal,
): Promise<Counts> {
  const results = join(pair.folder, 'results.json')
  const vitest = join(context.root, 'node_modules', 'vitest', 'vitest.mjs')
  // The third fails a whole run in which a test that docs/acceptance.md names did not pass.
  const reporters = [
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${results}`,
    '--reporter=./test/laws/acceptance-reporter.ts',
  ]
  const code = await runNode([vitest, 'run', ...reporters, ...args], context, pair, stop)
  const counts = readCounts(
    existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')) : undefined,
  )
  if (code !== 0 && counts.failed === 0) {
    // A file that does not load, an error outside of every test, a missing proof, or no test at all.
    context.out(
      'vitest found an error that belongs to no test (see above). It counts as one failure.',
    )
    counts.failed = 1
  }
  return counts
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The counts of vitest's JSON report; nothing is counted where there is none. */
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

/** Resolves with the exit code; 1 after a signal. */
function runNode(
  args: string[],
  { root, env }: LaunchContext,
  pair: TestPair,
  stop: AbortSignal,
): Promise<number> {
  stop.throwIfAborted()
  const [command, commandArguments] = guarded(process.execPath, args)
  const child = spawn(command, commandArguments, {
    cwd: root,
    env: { ...env, ...pair.variables },
    stdio: ['pipe', 'inherit', 'inherit'],
  })
  child.stdin.on('error', () => undefined) // it is gone, which its exit tells
  stop.addEventListener('abort', () => child.kill('SIGINT'))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => {
      child.stdin.end('ended\n')
      resolve(code ?? 1)
    })
  })
}
