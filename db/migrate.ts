import { createHash } from 'node:crypto'
import { readFile, readdir } from 'node:fs/promises'
import { Client } from 'pg'

const MIGRATIONS = new URL('./migrations/', import.meta.url)

/** Any constant will do; it only has to be the same in every process that migrates. */
const MIGRATION_LOCK = 6_217_435_001

export type Migration = { name: string; sql: string; sha256: string }

/** The migrations in the order in which they apply: numbered SQL files, forward only. */
export async function listMigrations(): Promise<Migration[]> {
  const names = (await readdir(MIGRATIONS)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, MIGRATIONS), 'utf8')
      return { name, sql, sha256: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

/**
 * Brings a database to the newest schema. Safe to run from many processes at once (advisory lock)
 * and again (what is applied is skipped). Refuses a database whose applied migrations differ from
 * the files here, because a migration is never edited after its release.
 */
export async function migrate(databaseUrl: string): Promise<{ applied: string[] }> {
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
    for (const migration of await listMigrations()) {
      const before = seen.get(migration.name)
      if (before === migration.sha256) continue
      if (before !== undefined) {
        throw new Error(
          `Migration ${migration.name} was edited after it had been applied to this database. ` +
            'A new migration carries the change; a sandbox may start anew with --reset.',
        )
      }
      await client.query('begin')
      // A migration must not stand in front of orders: it waits at most this long for a lock.
      await client.query(`set local lock_timeout = '1s'`)
      await client.query(migration.sql).catch((cause: unknown) => {
        throw new Error(`Migration ${migration.name} failed: ${String(cause)}`, { cause })
      })
      await client.query('insert into schema_migrations (name, sha256) values ($1, $2)', [
        migration.name,
        migration.sha256,
      ])
      await client.query('commit')
      applied.push(migration.name)
    }
    return { applied }
  } finally {
    await client.end()
  }
}
