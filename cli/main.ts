import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readEnv, toConfig } from '../config.ts'
import { UsageError, type Command, type CommandContext, type LaunchContext } from './command.ts'
import { DEFAULT_DATA_FOLDER, holderOf } from './data-folder.ts'
import { readRunning } from './running.ts'

/**
 * The command line: finds the command, gives it its context and turns its answer into an exit code.
 * Loaded lazily, so that `bark keys` does not pay for webpack.
 */

type Entry =
  | { summary: string; launch: () => Promise<Command<LaunchContext>> }
  | { summary: string; load: () => Promise<Command<CommandContext>> }

const COMMANDS: Record<string, Entry> = {
  start: { summary: 'start everything (npm start)', launch: () => import('./start.ts') },
  test: { summary: 'run every check and test (npm test)', launch: () => import('./test.ts') },
  migrate: {
    summary: 'bring DATABASE_URL to the newest schema',
    launch: () => import('./migrate.ts'),
  },
  demo: {
    summary: 'the story of a day against the running system',
    load: () => import('./demo.ts'),
  },
  keys: { summary: 'API keys, and rotating the encryption', load: () => import('./keys.ts') },
  codes: {
    summary: 'import codes; what the pool has, what was kept aside',
    load: () => import('./codes.ts'),
  },
  trigger: { summary: 'cause an event by its real act', load: () => import('./trigger.ts') },
  webhooks: {
    summary: 'forward events to this machine; send again what failed',
    load: () => import('./webhooks.ts'),
  },
  stuck: { summary: 'what waits for a person', load: () => import('./stuck.ts') },
  views: { summary: 'links into the Temporal web UI', load: () => import('./views.ts') },
  reconcile: {
    summary: 'compare orders, invoices and payments with the ledger',
    load: () => import('./reconcile.ts'),
  },
  workers: {
    summary: 'which build of the worker is given work',
    load: () => import('./workers.ts'),
  },
  day: { summary: "close a customer's business day", load: () => import('./day.ts') },
}

const COMMON_HELP = `Options of every command:
  --data DIR   the data folder of the running system (default ${DEFAULT_DATA_FOLDER} in the clone)
  --json       one JSON value per result on standard output`

const root = join(import.meta.dirname, '..')
const [name = 'help', ...args] = process.argv.slice(2)

// bin/bark.mjs may have handed over from an older Node; when that process is killed, so are we.
process.on('disconnect', endWithParent)

try {
  process.exitCode = await dispatch()
} catch (error) {
  process.exitCode = 1
  if (error instanceof UsageError) err(`${error.message}\nSee: bark ${name} --help`)
  else err(describe(error))
}
process.off('disconnect', endWithParent)
if (process.connected) process.disconnect() // the channel would keep a finished command alive

async function dispatch(): Promise<number> {
  const entry = COMMANDS[name]
  if (entry === undefined) {
    const isHelp = name === 'help' || name === '--help' || name === '-h'
    ;(isHelp ? out : err)(usage())
    return isHelp ? 0 : 1
  }
  const wantsHelp = args.includes('--help') || args.includes('-h')
  if ('launch' in entry) {
    const command = await entry.launch()
    if (wantsHelp) return printHelp(command.help)
    // The tests must not meet what a developer has in .env, such as a database of their own.
    if (name !== 'test') loadDotEnv()
    return command.run(args, { root, env: process.env, out, err })
  }
  const command = await entry.load()
  if (wantsHelp) return printHelp(`${command.help}\n\n${COMMON_HELP}`)
  loadDotEnv()
  const { rest, context } = commandContext()
  return command.run(rest, context)
}

function usage(): string {
  const lines = Object.entries(COMMANDS).map(
    ([command, { summary }]) => `  ${command.padEnd(10)} ${summary}`,
  )
  return ['bark <command> [options]', '', ...lines, '', 'bark <command> --help says more.'].join(
    '\n',
  )
}

/** `--data` and `--json` belong to every command; the rest goes to the command itself. */
function commandContext(): { rest: string[]; context: CommandContext } {
  const rest: string[] = []
  let json = false
  let data: string | undefined
  for (let at = 0; at < args.length; at++) {
    const argument = args[at] ?? ''
    if (argument === '--json') json = true
    else if (argument.startsWith('--data=')) data = argument.slice('--data='.length)
    else if (argument === '--data') data = args[++at]
    else rest.push(argument)
  }
  const dataDir = data === undefined ? join(root, DEFAULT_DATA_FOLDER) : resolve(data)
  const running = findRunning(dataDir)
  const env = running === null ? process.env : { ...process.env, ...settingsOf(running) }
  if (env['DATABASE_URL'] === undefined) {
    throw new Error(
      `Bark is not running on ${dataDir}, and DATABASE_URL is not set. Start it with npm start.`,
    )
  }
  const context = { config: toConfig(readEnv(env)), json, out, err, dataDir, running }
  return { rest, context }
}

/** A DATABASE_URL of another system wins: its commands must not meet the keys of this one. */
function findRunning(dataDir: string): CommandContext['running'] {
  if (holderOf(dataDir) === null) return null
  const running = readRunning(dataDir)
  const wanted = process.env['DATABASE_URL']
  return wanted === undefined || wanted === running?.database_url ? running : null
}

function settingsOf(running: NonNullable<CommandContext['running']>) {
  return {
    DATABASE_URL: running.database_url,
    TEMPORAL_NAMESPACE: running.temporal_namespace,
    ...(running.temporal_address === null ? {} : { TEMPORAL_ADDRESS: running.temporal_address }),
    ...(running.temporal_ui === null ? {} : { TEMPORAL_UI_URL: running.temporal_ui }),
    ...(running.api === null ? {} : { API_PUBLIC_URL: running.api }),
    ...(running.sandbox.supplier === null
      ? {}
      : { SANDBOX_SUPPLIER_URL: running.sandbox.supplier }),
  }
}

/** A setting that stands in the environment wins over the file. */
function loadDotEnv(): void {
  const file = join(root, '.env')
  if (existsSync(file)) process.loadEnvFile(file)
}

function endWithParent(): void {
  process.kill(process.pid, 'SIGTERM')
}

function printHelp(text: string): number {
  out(text)
  return 0
}

/** In words; where it happened helps only who looks for a bug. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return args.includes('--verbose') ? (error.stack ?? error.message) : error.message
}

function out(text: string): void {
  process.stdout.write(`${text}\n`)
}

function err(text: string): void {
  process.stderr.write(`${text}\n`)
}
