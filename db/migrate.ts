import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { sqlState } from './client.ts'

const SOURCES = new URL('./', import.meta.url)

/** Any constant will do; it only has to be the same in every process that migrates. */
const MIGRATION_LOCK = 6_217_435_001

export type SqlFile = { name: string; sql: string; sha256: string }

/**
 * What a database is made of: `migrations/` in the order in which they apply (numbered, forward only),
 * and `functions/`, one file each, which are replaced whenever their text has changed.
 *
 * @param folder where the two are; tests bring their own
 */
export async function listSchemaFiles(
  folder: URL = SOURCES,
): Promise<{ migrations: SqlFile[]; functions: SqlFile[] }> {
  const [migrations, functions] = await Promise.all(
    ['migrations/', 'functions/'].map((name) => listSql(new URL(name, folder))),
  )
  return { migrations: migrations ?? [], functions: functions ?? [] }
}

async function listSql(folder: URL): Promise<SqlFile[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, folder), 'utf8')
      return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

// A statement of DDL that waits for a lock makes everybody behind it wait as well, orders included: it
// lets go after this long, and tries again when they have passed.
const LOCK_MS_MAX = 100
const PAUSE_MS_MIN = 500 // so that orders have five sixths of the time at least
const PAUSE_MS_MAX = 2_000
const TRIES_MAX = 60 // two minutes with the pauses between: longer than any statement of ours

/**
 * Brings a database to the newest schema while orders go on. Safe to run from many processes at once
 * (advisory lock) and again (what is applied is skipped). Each migration is one transaction, the
 * functions that changed are one more; it is begun anew when it does not get a lock at once. Refuses a
 * database whose applied migrations differ from the files here: one is never edited after its release.
 *
 * @param folder as for `listSchemaFiles`
 */
export async function migrate(
  databaseUrl: string,
  folder: URL = SOURCES,
): Promise<{ applied: string[]; tries: number }> {
  const { migrations, functions } = await listSchemaFiles(folder)
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    await client.query(`create table if not exists schema_migrations (
      name text primary key, sha256 text not null, created_at timestamptz not null default clock_timestamp());
      create table if not exists schema_functions (
      name text primary key, sha256 text not null, created_at timestamptz not null default clock_timestamp())`)
    const applied: string[] = []
    let tries = 0
    for (const migration of pending(migrations, await appliedOf(client, 'schema_migrations'))) {
      tries += await applyPatiently(client, migration.name, () => apply(client, migration))
      applied.push(migration.name)
    }
    const replaced = await appliedOf(client, 'schema_functions')
    const changed = functions.filter(({ name, sha256 }) => replaced.get(name) !== sha256)
    if (changed.length > 0) {
      tries += await applyPatiently(client, 'functions', () => replaceFunctions(client, changed))
      applied.push(...changed.map(({ name }) => `functions/${name}`))
    }
    return { applied, tries }
  } finally {
    await client.end()
  }
}

async function appliedOf(
  client: Client,
  table: 'schema_migrations' | 'schema_functions',
): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; sha256: string }>(
    `select name, sha256 from ${table}`,
  )
  return new Map(rows.map((row) => [row.name, row.sha256]))
}

function pending(migrations: SqlFile[], applied: Map<string, string>): SqlFile[] {
  const edited = migrations.find(
    ({ name, sha256 }) => applied.has(name) && applied.get(name) !== sha256,
  )
  if (edited !== undefined) {
    throw new Error(
      `Migration ${edited.name} was edited after it had been applied to this database. ` +
        'A new migration carries the change; a sandbox may start anew with --reset.',
    )
  }
  return migrations.filter(({ name }) => !applied.has(name))
}

/** Runs `transact`, as often as it does not get a lock; answers how often it was tried. */
async function applyPatiently(
  client: Client,
  name: string,
  transact: () => Promise<void>,
): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      await client.query('begin')
      await client.query(`set local lock_timeout = '${LOCK_MS_MAX}ms'`)
      await transact()
      await client.query('commit')
      return tries
    } catch (error) {
      await client.query('rollback')
      const state = sqlState(error)
      const isBusy = state === '55P03' || state === '40P01'
      if (!isBusy || tries >= TRIES_MAX) {
        throw new Error(`Migration ${name} failed: ${String(error)}`, { cause: error })
      }
      await delay(Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN + 100 * tries))
    }
  }
}

async function apply(client: Client, { name, sql, sha256 }: SqlFile): Promise<void> {
  await client.query(sql)
  await client.query('insert into schema_migrations (name, sha256) values ($1, $2)', [name, sha256])
}

/** All at once, so that none calls an older one; twice, so that in the second round all names exist. */
async function replaceFunctions(client: Client, files: SqlFile[]): Promise<void> {
  await client.query('set local check_function_bodies = off')
  for (const { sql } of files) await client.query(sql)
  await client.query('set local check_function_bodies = on')
  for (const { name, sql, sha256 } of files) {
    await client.query(sql)
    await client.query(
      `insert into schema_functions (name, sha256) values ($1, $2)
       on conflict (name) do update set sha256 = excluded.sha256`,
      [name, sha256],
    )
  }
}
