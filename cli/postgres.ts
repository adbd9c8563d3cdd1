import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { ChildSpec, Environment } from './children.ts'
import { createDatabase, databaseAnswers, withDatabase } from './database.ts'
import { freePort } from './ports.ts'
import { findPostgresHome, giveTo, type PostgresHome } from './postgres-home.ts'
import { clearDeadLock, lockHolder } from './postgres-lock.ts'

/** A PostgreSQL that is ready to be started, and the URL that it will have. */
export type EmbeddedPostgres = {
  /** The product's database; `prepareDatabase` makes it once the server runs. */
  url: string
  port: number
  version: string
  child: ChildSpec
  prepareDatabase(): Promise<void>
}

const SUPERUSER = 'bark'
const DATABASE = 'bark'
const CONNECTIONS_MAX = 200 // API and worker 16 each, Temporal 40, and room for a test run
const START_SECONDS_MAX = 120 // it may have to replay its log after a crash
const STOP_SECONDS_MAX = 15
const ORPHAN_STOP_SECONDS_MAX = 20

const execute = promisify(execFile)

/**
 * Prepares PostgreSQL in a data folder: makes the cluster if there is none, ends an orphan of an
 * earlier run, picks a port. Loopback only, with a random password that is kept beside the cluster.
 * `durable: false` is for the tests' throw-away cluster only: it does not wait for the disk.
 */
export async function preparePostgres(
  dataFolder: string,
  options: { durable: boolean; env: Environment },
): Promise<EmbeddedPostgres> {
  const home = findPostgresHome(dataFolder)
  const settingsFile = join(dataFolder, 'postgres.json')
  const before = readSettings(settingsFile)
  if (existsSync(join(home.cluster, 'PG_VERSION')) && before === null) {
    throw new Error(`${settingsFile} is missing: it holds the password of ${home.cluster}`)
  }
  const password = before?.password ?? randomBytes(24).toString('base64url')
  if (before === null) writeSettings(settingsFile, { password, port: 0 })
  const version = await programVersion(home)
  if (!existsSync(join(home.cluster, 'PG_VERSION'))) await makeCluster(home, password)
  assertSameMajor(home.cluster, version)
  await endOrphan(home.cluster)
  const port = await freePort(before?.port ?? 0)
  writeSettings(settingsFile, { password, port })
  const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}`
  return {
    url,
    port,
    version,
    child: serverSpec(home, port, url, options),
    async prepareDatabase() {
      await createDatabase(url)
    },
  }
}

function serverSpec(
  home: PostgresHome,
  port: number,
  url: string,
  options: { durable: boolean; env: Environment },
): ChildSpec {
  const settings = {
    listen_addresses: '127.0.0.1',
    port,
    unix_socket_directories: '',
    max_connections: CONNECTIONS_MAX,
    shared_buffers: '128MB',
    max_wal_size: '2GB',
    jit: 'off', // costs more than it brings on short statements
    log_min_messages: 'warning',
    // A statement may carry a code or a key; the log must not.
    log_min_error_statement: 'panic',
    log_error_verbosity: 'terse',
    ...(options.durable ? {} : { fsync: 'off', full_page_writes: 'off' }),
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  return {
    name: 'postgres',
    command: join(home.programs, 'bin', 'postgres'),
    args: ['-D', home.cluster, ...flags],
    env: programEnvironment(options.env),
    cwd: home.cluster,
    user: home.user,
    parentLink: 'guard',
    stop: [
      { signal: 'SIGINT', secondsMax: STOP_SECONDS_MAX }, // ends sessions, keeps everything
      { signal: 'SIGQUIT', secondsMax: 5 }, // at once; the next start replays the log
    ],
    beforeStart: () => clearDeadLock(home.cluster),
    ready: () => databaseAnswers(withDatabase(url, 'postgres')),
    readySecondsMax: START_SECONDS_MAX,
  }
}

async function makeCluster(home: PostgresHome, password: string): Promise<void> {
  // Made beside its place and moved there whole, so that an interrupted start leaves no half one.
  const fresh = `${home.cluster}.new`
  const passwordFile = `${home.cluster}.password`
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(fresh, { recursive: true, mode: 0o700 })
  giveTo(home.user, fresh)
  rmSync(passwordFile, { force: true })
  writeFileSync(passwordFile, password, { mode: 0o600, flag: 'wx' })
  giveTo(home.user, passwordFile)
  try {
    await execute(
      join(home.programs, 'bin', 'initdb'),
      [
        `--pgdata=${fresh}`,
        `--username=${SUPERUSER}`,
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        '--locale-provider=builtin',
        '--builtin-locale=C.UTF-8',
        '--locale=C',
        '--no-sync', // a power cut in this second costs an empty cluster
        '--no-instructions',
      ],
      { ...home.user, cwd: '/', env: programEnvironment({}) },
    )
  } finally {
    rmSync(passwordFile, { force: true })
  }
  rmSync(home.cluster, { recursive: true, force: true })
  renameSync(fresh, home.cluster)
}

/** Nothing of ours: PGDATA, PGPORT or a locale of the user's must not change the cluster. */
function programEnvironment(env: Environment): Environment {
  return { PATH: env['PATH'] ?? '/usr/bin:/bin', TZ: 'UTC', LC_ALL: 'C' }
}

async function programVersion(home: PostgresHome): Promise<string> {
  const { stdout } = await execute(join(home.programs, 'bin', 'postgres'), ['--version'])
  return stdout.match(/\d+(\.\d+)?/)?.[0] ?? 'unknown'
}

function assertSameMajor(cluster: string, version: string): void {
  const made = readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim()
  if (version.split('.')[0] === made) return
  throw new Error(
    `${cluster} was made by PostgreSQL ${made}, and this is ${version}. ` +
      'Start with --reset to begin anew, or move the data with pg_dump of the old version.',
  )
}

/** A PostgreSQL that outlived its start (its guard was killed too) is ended. */
async function endOrphan(cluster: string): Promise<void> {
  const pid = lockHolder(cluster)
  if (pid === null) return
  process.kill(pid, 'SIGINT')
  for (let waited = 0; lockHolder(cluster) === pid; waited += 0.1) {
    if (waited > ORPHAN_STOP_SECONDS_MAX) {
      throw new Error(`PostgreSQL (pid ${pid}) still runs on ${cluster} and does not end`)
    }
    await delay(100)
  }
}

type Settings = { password: string; port: number }

function readSettings(file: string): Settings | null {
  if (!existsSync(file)) return null
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (typeof value === 'object' && value !== null && 'password' in value && 'port' in value) {
    const { password, port } = value
    if (typeof password === 'string' && typeof port === 'number') return { password, port }
  }
  throw new Error(`${file} is not readable: it should hold the password and the port of PostgreSQL`)
}

function writeSettings(file: string, settings: Settings): void {
  const fresh = `${file}.new`
  rmSync(fresh, { force: true })
  writeFileSync(fresh, `${JSON.stringify(settings)}\n`, { mode: 0o600 })
  renameSync(fresh, file)
}
