import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { sqlState } from './client.ts'

const MIGRATIONS = new URL('./migrations/', import.meta.url)

/** Any constant will do; it only has to be the same in every process that migrates. */
const MIGRATION_LOCK = 6_217_435_001

export type Migration = { name: string; sql: string; sha256: string }

/** The migrations in the order in which they apply: numbered SQL files, forward only. */
export async function listMigrations(folder: URL = MIGRATIONS): Promise<Migration[]> {
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
 * (advisory lock) and again (what is applied is skipped). Each migration is one transaction, which is
 * begun anew when it does not get a lock at once. Refuses a database whose applied migrations differ
 * from the files here, because a migration is never edited after its release.
 *
 * @param folder where the files are; tests bring their own
 */
export async function migrate(
  databaseUrl: string,
  folder: URL = MIGRATIONS,
): Promise<{ applied: string[]; tries: number }> {
  const client = new Client({ connectionString: databaseUrl, connectionTimeoutMillis: 10_000 })
  await client.connect()
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK])
    await client.query(`create table if not exists schema_migrations (
      name text primary key, sha256 text not null, created_at timestamptz not null default clock_timestamp())`)
    const { rows } = await client.query<{ name: string; sha256: string }>(
      'select name, sha256 from schema_migrations',
    )
    const seen = new Map(rows.map((row) => [row.name, row.sha256]))
    const applied: string[] = []
    let tries = 0
    for (const migration of await listMigrations(folder)) {
      const before = seen.get(migration.name)
      if (before === migration.sha256) continue
      if (before !== undefined) {
        throw new Error(
          `Migration ${migration.name} was edited after it had been applied to this database. ` +
            'A new migration carries the change; a sandbox may start anew with --reset.',
        )
      }
      tries += await applyPatiently(client, migration)
      applied.push(migration.name)
    }
    return { applied, tries }
  } finally {
    await client.end()
  }
}

/** Applies one migration, as often as it does not get a lock; answers how often it was tried. */
async function applyPatiently(client: Client, migration: Migration): Promise<number> {
  for (let tries = 1; ; tries++) {
    try {
      await apply(client, migration)
      return tries
    } catch (error) {
      await client.query('rollback')
      const state = sqlState(error)
      const isBusy = state === '55P03' || state === '40P01'
      if (!isBusy || tries >= TRIES_MAX) {
        throw new Error(`Migration ${migration.name} failed: ${String(error)}`, { cause: error })
      }
      await delay(Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN + 100 * tries))
    }
  }
}

async function apply(client: Client, migration: Migration): Promise<void> {
  await client.query('begin')
  await client.query(`set local lock_timeout = '${LOCK_MS_MAX}ms'`)
  await client.query(migration.sql)
  await client.query('insert into schema_migrations (name, sha256) values ($1, $2)', [
    migration.name,
    migration.sha256,
  ])
  await client.query('commit')
}
