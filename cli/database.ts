import { createHash } from 'node:crypto'
import { Client } from 'pg'

/**
 * Whole databases: making and dropping them. What is inside them belongs to `db/`.
 */

const CONNECT_MS_MAX = 15_000 // a busy machine
const UNKNOWN_DATABASE = '3D000'
const DUPLICATE_DATABASE = '42P04'
const UNIQUE_VIOLATION = '23505' // two creators at the same instant
const NAME_BYTES_MAX = 63

/** Whether a server answers at this URL with these credentials. */
export async function databaseAnswers(url: string): Promise<boolean> {
  try {
    await withClient(url, (client) => client.query('select 1'))
    return true
  } catch {
    return false // the caller asks again and has the time limit
  }
}

/** Makes the database of this URL if it is missing; true if it did. Throws when that is not allowed. */
export async function createDatabase(url: string): Promise<boolean> {
  try {
    await withClient(url, (client) => client.query('select 1'))
    return false
  } catch (error) {
    if (stateOf(error) !== UNKNOWN_DATABASE) throw error
  }
  try {
    await onServer(url, (client) => client.query(`create database ${quoted(databaseName(url))}`))
    return true
  } catch (error) {
    const state = stateOf(error)
    if (state === DUPLICATE_DATABASE || state === UNIQUE_VIOLATION) return false
    throw error
  }
}

/** Drops these databases and ends the sessions in them. Missing ones are fine. */
export async function dropDatabases(url: string, names: string[]): Promise<void> {
  await onServer(url, async (client) => {
    for (const name of names) {
      await client.query(`drop database if exists ${quoted(name)} with (force)`)
    }
  })
}

export function databaseName(url: string): string {
  return decodeURIComponent(new URL(url).pathname.slice(1))
}

/** The URL with another database. */
export function withDatabase(url: string, name: string): string {
  const address = new URL(url)
  address.pathname = `/${encodeURIComponent(name)}`
  return address.href
}

/**
 * The two databases of the own Temporal server, named after the product's, so that two clones on one
 * PostgreSQL do not meet.
 */
export function temporalDatabases(productDatabase: string): { store: string; visibility: string } {
  const suffix = '_temporal_visibility'
  const tooLong = Buffer.byteLength(productDatabase) + suffix.length > NAME_BYTES_MAX
  const hash = createHash('sha256').update(productDatabase).digest('hex').slice(0, 12)
  const base = tooLong ? `bark_${hash}` : productDatabase
  return { store: `${base}_temporal`, visibility: `${base}${suffix}` }
}

/** Runs in the `postgres` database of the same server. */
export function onServer<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  return withClient(withDatabase(url, 'postgres'), work)
}

async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS_MAX })
  client.on('error', () => undefined) // a query in flight rejects and tells it
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

function stateOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined
}
