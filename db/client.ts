import { Kysely, PostgresDialect, type Transaction } from 'kysely'
import { Pool, types, type PoolClient, type QueryResultRow } from 'pg'
import type { DB } from './tables.ts'

/** Reads, and single statements that are atomic by themselves. */
export type Db = Kysely<DB>
/** A write that must be atomic with its neighbours takes this, and the type says so. */
export type Tx = Transaction<DB>

/** Both ways to the database: Kysely builds most statements, the hot ones are named and prepared. */
export type Database = { db: Db; pool: Pool; close(): Promise<void> }

// PostgreSQL waits for ever by default when a peer stalls; each of these has an end.
const CONNECT_MS_MAX = 2_000
const STATEMENT_MS_MAX = 20_000 // longer than any statement of ours; a report sets its own
const ANSWER_MS_MAX = 2_000 // beyond the statement: the client's own end, when the server is silent
const LOCK_MS_MAX = 2_000 // design 3.1: then 409 for a key, 503 for a customer
const IDLE_IN_TRANSACTION_MS_MAX = 30_000 // a process that froze lets go of its locks

const INT8 = 20
const DATE = 1082

/** Opens a pool. Never throws: the first query does, when the database is away. */
export function openDatabase(options: {
  url: string
  poolSizeMax: number
  applicationName: string
  onError: (error: Error) => void
  /** How long a statement waits for a connection; somebody may be waiting for the answer. */
  connectMsMax?: number
  /** How long a statement may take. */
  statementMsMax?: number
}): Database {
  const statementMsMax = options.statementMsMax ?? STATEMENT_MS_MAX
  const pool = new Pool({
    connectionString: options.url,
    max: options.poolSizeMax,
    application_name: options.applicationName,
    connectionTimeoutMillis: options.connectMsMax ?? CONNECT_MS_MAX,
    statement_timeout: statementMsMax,
    query_timeout: statementMsMax + ANSWER_MS_MAX,
    lock_timeout: LOCK_MS_MAX,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS_MAX,
    idleTimeoutMillis: 30_000,
    // Our statements are short; PostgreSQL would compile one of the acceptance's at each execution
    // because it takes ten units for a hundred thousand: a quarter of the acceptance's time.
    options: '-c TimeZone=UTC -c jit=off -c default_transaction_isolation=read\\ committed',
    types: {
      getTypeParser(oid: number, format?: 'text' | 'binary') {
        if (oid === INT8) return BigInt
        if (oid === DATE) return (text: string) => text
        // oxlint-disable-next-line typescript/no-unsafe-return -- pg types its own parsers as any
        return format === 'binary' ? types.getTypeParser(oid, 'binary') : types.getTypeParser(oid)
      },
    },
  })
  // Of idle connections; the pool hangs the whole connection on the error, which no log should print.
  pool.on('error', (error) => {
    Reflect.deleteProperty(error, 'client')
    options.onError(error)
  })
  // A connection in use that breaks between two statements would end the process without a listener.
  pool.on('connect', (client) => client.on('error', () => undefined)) // the next statement says it
  // After a time-out the connection still waits for the answer: whoever borrowed it next would hang.
  pool.on('release', (_error, client) => {
    if (isWaiting(client)) client.end().catch(() => undefined) // it is thrown away
  })
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) })
  return { db, pool, close: () => db.destroy() }
}

/** Whether a statement of this connection has no answer yet; `pg` keeps it in an untyped property. */
function isWaiting(client: PoolClient): boolean {
  return Reflect.get(client, 'readyForQuery') === false
}

const RETRIES_MAX = 4 // a deadlock's victim and a serialization failure succeed at once as a rule

/**
 * Runs `work` in one transaction. Deadlocks (40P01) and serialization failures (40001) are tried
 * again, so `work` must have no effect outside the database.
 */
export async function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await db.transaction().execute(work)
    } catch (error) {
      const code = sqlState(error)
      if ((code !== '40P01' && code !== '40001') || tries >= RETRIES_MAX) throw error
    }
  }
}

/** Runs reads that belong together: all of them see the database as it is at one instant. */
export async function readTogether<T>(db: Db, read: (tx: Tx) => Promise<T>): Promise<T> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(read)
}

export type NamedStatement = { name: string; text: string }

/** Runs a prepared statement; PostgreSQL plans it once per connection. */
export async function runNamed<Row extends QueryResultRow>(
  pool: Pool | PoolClient,
  statement: NamedStatement,
  values: readonly unknown[],
): Promise<Row[]> {
  const result = await pool.query<Row>({ ...statement, values: [...values] })
  return result.rows
}

/** The SQLSTATE of a database error, or null for any other error. */
export function sqlState(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : null
}

/** The name of the constraint that refused a row, or null. */
export function violatedConstraint(error: unknown): string | null {
  if (typeof error !== 'object' || error === null || !('constraint' in error)) return null
  return typeof error.constraint === 'string' ? error.constraint : null
}
