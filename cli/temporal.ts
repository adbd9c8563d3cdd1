import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { totalmem } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cacheFolder } from './cache-folder.ts'
import type { ChildSpec, Environment } from './children.ts'
import { databaseName, temporalDatabases } from './database.ts'
import { temporalAnswers } from './temporal-names.ts'
import { buildTemporalServer, cachedTemporalServer, type OnProgress } from './temporal-server.ts'

/** A program that can serve Temporal: our own, or the Temporal CLI. */
export type TemporalProgram = { kind: 'own' | 'cli'; path: string; from: string }

/** A search may take minutes: it tells how far it is, and it can be broken off. */
export type SearchOptions = { onProgress: OnProgress; signal: AbortSignal }

export type TemporalPlace = {
  env: Environment
  port: number
  /** Null = no web UI. */
  uiPort: number | null
  /** The product's database; the own server makes its own two beside it. */
  databaseUrl: string
  dataFolder: string
}

const START_SECONDS_MAX = 60
const STOP_SECONDS_MAX = 8 // the own server gives itself 5
const DOWNLOAD_SILENCE_SECONDS_MAX = 10
const DOWNLOAD_SECONDS_MAX = 300
const MIB = 1024 * 1024

const execute = promisify(execFile)

/**
 * Finds a Temporal server for development, the quickest way first: our own from the cache, `temporal`
 * on the PATH, the SDK's download of it, our own built with Go. Rejects with three ways to mend it.
 */
export async function findTemporal(
  root: string,
  env: Environment,
  options: SearchOptions,
): Promise<TemporalProgram> {
  const cached = cachedTemporalServer(root, env)
  if (cached !== null) return { kind: 'own', path: cached, from: 'own server' }
  const onPath = await temporalOnPath(env)
  if (onPath !== null) return { kind: 'cli', path: onPath, from: 'the Temporal CLI on the PATH' }
  const tried: string[] = []
  try {
    options.onProgress('asking for a download of the Temporal CLI')
    const path = await downloadTemporalCli(root, env, options.signal)
    return { kind: 'cli', path, from: 'a downloaded Temporal CLI' }
  } catch (error) {
    options.signal.throwIfAborted()
    tried.push(`download: ${messageOf(error)}`)
  }
  return { kind: 'own', ...(await buildOwn(root, env, options, tried)) }
}

/** Our own server only, which is what the tests run on. */
export async function findOwnTemporal(
  root: string,
  env: Environment,
  options: SearchOptions,
): Promise<TemporalProgram> {
  const cached = cachedTemporalServer(root, env)
  if (cached !== null) return { kind: 'own', path: cached, from: 'own server' }
  return { kind: 'own', ...(await buildOwn(root, env, options, [])) }
}

async function buildOwn(root: string, env: Environment, options: SearchOptions, tried: string[]) {
  try {
    const path = await buildTemporalServer(root, env, options)
    return { path, from: 'own server, built now' }
  } catch (error) {
    options.signal.throwIfAborted()
    throw new Error(explanation([...tried, `build: ${messageOf(error)}`]), { cause: error })
  }
}

function explanation(tried: string[]): string {
  return [
    'There is no Temporal server. Any one of these helps:',
    '  1. install Go 1.26 or newer and start again: Bark builds its own server, once per machine',
    '  2. install the Temporal CLI, so that `temporal` is on the PATH (for npm start; tests need 1 or 3)',
    '  3. set TEMPORAL_ADDRESS (for tests BARK_TEST_TEMPORAL_ADDRESS) to a running server, host:port',
    'What was tried:',
    ...tried.map((line) => `  ${line}`),
  ].join('\n')
}

/** How to run the program so that it ends with us and keeps its data. */
export function temporalChild(program: TemporalProgram, place: TemporalPlace): ChildSpec {
  const address = `127.0.0.1:${place.port}`
  const common = {
    name: 'temporal',
    command: program.path,
    cwd: place.dataFolder,
    stop: [{ signal: 'SIGTERM', secondsMax: STOP_SECONDS_MAX }],
    ready: () => temporalAnswers(address),
    readySecondsMax: START_SECONDS_MAX,
  } satisfies Partial<ChildSpec>
  if (program.kind === 'cli') {
    return { ...common, args: cliArguments(place), env: place.env, parentLink: 'guard' }
  }
  const names = temporalDatabases(databaseName(place.databaseUrl))
  return {
    ...common,
    args: [
      ...['--port', String(place.port), '--ui-port', String(place.uiPort ?? 0)],
      ...['--store-database', names.store, '--visibility-database', names.visibility],
      '--parent-pipe',
    ],
    env: {
      ...place.env,
      TEMPORAL_POSTGRES_URL: place.databaseUrl,
      GOMEMLIMIT: place.env['GOMEMLIMIT'] ?? `${memoryLimitMib()}MiB`,
    },
    parentLink: 'stdin',
  }
}

function cliArguments(place: TemporalPlace): string[] {
  // As in scripts/temporal-server/tuning.go, which says why.
  const settings = [
    'history.transferProcessorMaxPollRPS=100000',
    'history.timerProcessorMaxPollRPS=100000',
    'history.visibilityProcessorMaxPollRPS=100000',
    'matching.enableFairness=true',
    'frontend.WorkflowPauseEnabled=true',
  ]
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(place.port)],
    ...(place.uiPort === null ? ['--headless'] : ['--ui-port', String(place.uiPort)]),
    ...['--db-filename', join(place.dataFolder, 'temporal.db')],
    ...['--log-format', 'json', '--log-level', 'error'],
    ...settings.flatMap((setting) => ['--dynamic-config-value', setting]),
  ]
}

/** A quarter of the memory: without a limit the server was seen at 1.8 GB after 11,700 workflows. */
function memoryLimitMib(): number {
  const quarter = Math.floor(
    Math.min(totalmem(), process.constrainedMemory() || Infinity) / 4 / MIB,
  )
  return Math.max(512, Math.min(quarter, 2048))
}

async function temporalOnPath(env: Environment): Promise<string | null> {
  try {
    await execute('temporal', ['--version'], { env, timeout: 5_000 })
    return 'temporal'
  } catch {
    return null // none, or one that does not run here
  }
}

/** The SDK's own download, from the cache when it was made before. */
async function downloadTemporalCli(
  root: string,
  env: Environment,
  signal: AbortSignal,
): Promise<string> {
  const folder = join(cacheFolder(env), 'temporal-cli')
  mkdirSync(folder, { recursive: true })
  const earlier = readdirSync(folder).find(
    (name) => name.startsWith('temporal-') && !name.endsWith('.downloading'),
  )
  if (earlier !== undefined) return join(folder, earlier)

  const silent = AbortSignal.timeout(DOWNLOAD_SILENCE_SECONDS_MAX * 1000)
  const over = new AbortController()
  // Offline nothing may arrive at all, not even a refusal; a download that has begun gets its time.
  silent.addEventListener('abort', () => {
    if (!hasGrown(folder)) over.abort()
  })
  try {
    const { stdout } = await execute(
      process.execPath,
      [join(root, 'cli', 'temporal-download.ts'), folder, await sdkVersion()],
      {
        env,
        signal: AbortSignal.any([over.signal, signal]),
        timeout: DOWNLOAD_SECONDS_MAX * 1000,
        killSignal: 'SIGKILL',
      },
    )
    return stdout.trim()
  } catch (error) {
    if (!over.signal.aborted) throw new Error(lastLine(messageOf(error)), { cause: error })
    throw new Error(`no answer within ${DOWNLOAD_SILENCE_SECONDS_MAX} s`, { cause: error })
  }
}

function hasGrown(folder: string): boolean {
  const since = Date.now() - DOWNLOAD_SILENCE_SECONDS_MAX * 1000
  return readdirSync(folder).some((name) => statSync(join(folder, name)).mtimeMs >= since)
}

async function sdkVersion(): Promise<string> {
  const manifest = await import('@temporalio/worker/package.json', { with: { type: 'json' } })
  return manifest.default.version
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function lastLine(text: string): string {
  return (
    text
      .trim()
      .split('\n')
      .findLast((line) => /\S/.test(line))
      ?.trim() ?? text
  )
}
