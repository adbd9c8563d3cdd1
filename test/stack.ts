import { createHash, randomBytes } from 'node:crypto'
import {
  databaseName,
  dropDatabases,
  onServer,
  quoted,
  temporalDatabases,
  withDatabase,
} from '../cli/database.ts'
import { listSchemaFiles, migrate } from '../db/migrate.ts'

/**
 * The PostgreSQL and the Temporal server that all tests of a run share. `npm test` starts them; each
 * test file has a database of its own, made from a migrated template, and a task queue of its own.
 */

export type TestDatabase = { url: string; drop(): Promise<void> }

const TEMPLATE_LOCK = 6_217_435_002 // any constant that no migration uses
const NAME_LENGTH_MAX = 63

/**
 * A migrated, empty database, or a copy of the one called `original`, to which nothing may be
 * connected. Drop it in `afterAll`; a run's end removes what was left.
 */
export async function createTestDatabase(name: string, original?: string): Promise<TestDatabase> {
  const server = serverUrl()
  const template = original ?? (await ensureTemplate(server))
  const database = freshDatabaseName(name)
  await onServer(server, (client) =>
    client.query(`create database ${quoted(database)} template ${quoted(template)}`),
  )
  return {
    url: withDatabase(server, database),
    drop: () => dropDatabases(server, [database]),
  }
}

/** An empty database without our schema, for tests of the migrations themselves. */
export async function createEmptyDatabase(name: string): Promise<TestDatabase> {
  const server = serverUrl()
  const database = freshDatabaseName(name)
  await onServer(server, (client) => client.query(`create database ${quoted(database)}`))
  return {
    url: withDatabase(server, database),
    drop: () => dropDatabases(server, [database]),
  }
}

/** The run's Temporal server. Its namespace is shared, so every file takes its own task queue. */
export function testTemporal(): { address: string; namespace: string } {
  return { address: setting('BARK_TEST_TEMPORAL_ADDRESS'), namespace: 'default' }
}

/** The database where the run's Temporal server lists workflows. */
export function testVisibilityUrl(): string {
  const server = serverUrl()
  return withDatabase(server, temporalDatabases(databaseName(server)).visibility)
}

/**
 * Made by the first file that asks, under a lock, and named by the content of db/: a served
 * pair keeps it between runs, and a changed migration makes a new one.
 */
async function ensureTemplate(server: string): Promise<string> {
  const hash = createHash('sha256')
  const { migrations, functions } = await listSchemaFiles()
  for (const { name, sha256 } of [...migrations, ...functions]) hash.update(`${name} ${sha256}\n`)
  const template = `bark_template_${hash.digest('hex').slice(0, 16)}`
  await onServer(server, async (client) => {
    await client.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK])
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [
      template,
    ])
    if (rowCount !== 0) return
    // Renamed when it is complete, so that an interrupted run leaves no half template.
    const fresh = `${template}_new`
    await client.query(`drop database if exists ${quoted(fresh)} with (force)`)
    await client.query(`create database ${quoted(fresh)}`)
    await migrate(withDatabase(server, fresh))
    await client.query(`alter database ${quoted(fresh)} rename to ${quoted(template)}`)
  })
  return template
}

function freshDatabaseName(name: string): string {
  const suffix = `_${randomBytes(4).toString('hex')}`
  const readable = `test_${name.replaceAll(/[^a-z0-9]+/gi, '_').toLowerCase()}`
  return readable.slice(0, NAME_LENGTH_MAX - suffix.length) + suffix
}

function serverUrl(): string {
  return setting('BARK_TEST_DATABASE_URL')
}

function setting(name: 'BARK_TEST_DATABASE_URL' | 'BARK_TEST_TEMPORAL_ADDRESS'): string {
  const value = process.env[name]
  if (value !== undefined && value !== '') return value
  throw new Error(
    `${name} is not set: run \`npm test -- <path>\`, or keep \`node bin/bark.mjs test --serve\` ` +
      'running in another terminal and export the two lines that it prints',
  )
}
