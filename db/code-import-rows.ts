import { sql } from 'kysely'
import type { RowProblem } from '../domain/code-import.ts'
import type { Db, Tx } from './client.ts'
import type { SealedCode } from './new-codes.ts'

/**
 * Codes on their way into the pool. They stand in a temporary table of one connection, sealed, until
 * the whole file was read and found good: a bad file never touches the table `codes`, a file that is
 * read slowly keeps no transaction open, and what a dying process leaves PostgreSQL throws away.
 */

/** A sealed row of a file. `line` is its own and grows from row to row. */
export type ImportRow = { line: number; productId: string; variantId: string; code: SealedCode }

/** Makes the empty table. `connection` is one connection, the same for all functions here. */
export async function createImportRows(connection: Db): Promise<void> {
  await dropImportRows(connection)
  await sql`
    create temporary table code_import_rows (line integer primary key, id text not null,
      product_id text not null, variant_id text not null, type text not null, sealed bytea not null,
      key_version smallint not null, blind_index bytea not null, last4 text not null,
      expires_at timestamptz, activation_at timestamptz, face_value text)`.execute(connection)
}

/** Safe to repeat. */
export async function dropImportRows(connection: Db): Promise<void> {
  await sql`drop table if exists pg_temp.code_import_rows`.execute(connection)
}

export async function insertImportRows(connection: Db, rows: ImportRow[]): Promise<void> {
  const column = <T>(read: (row: ImportRow) => T): T[] => rows.map(read)
  await sql`
    insert into pg_temp.code_import_rows
    select * from unnest(${column((row) => row.line)}::integer[],
      ${column(({ code }) => code.id)}::text[], ${column((row) => row.productId)}::text[],
      ${column((row) => row.variantId)}::text[], ${column(({ code }) => code.type)}::text[],
      ${column(({ code }) => code.sealed)}::bytea[],
      ${column(({ code }) => code.keyVersion)}::smallint[],
      ${column(({ code }) => code.blindIndex)}::bytea[], ${column(({ code }) => code.last4)}::text[],
      ${column(({ code }) => code.expiresAt)}::timestamptz[],
      ${column(({ code }) => code.activationAt)}::timestamptz[],
      ${column(({ code }) => code.faceValue)}::text[])`.execute(connection)
}

/**
 * The rows whose secret is stored already or stands on an earlier line: the first `keptMax` of them
 * by line, and how many there are.
 */
export async function findRepeatedRows(
  connection: Db,
  keptMax: number,
): Promise<{ problems: RowProblem[]; count: number }> {
  const { rows } = await sql<{ line: number; first: number; stored: boolean; n: bigint }>`
    select line, first, stored, count(*) over () as n from (
      select r.line, min(r.line) over (partition by r.blind_index) as first, c.id is not null as stored
      from pg_temp.code_import_rows r left join codes c on c.blind_index = r.blind_index) judged
    where stored or line > first order by line limit ${keptMax}`.execute(connection)
  const problems = rows.map(({ line, first, stored }) => ({
    line,
    message: stored ? 'this code is stored already' : `the same code stands on line ${first}`,
  }))
  return { problems, count: Number(rows[0]?.n ?? 0n) }
}

/**
 * Puts the next rows after a line into the pool. Answers how many were stored, which is fewer than
 * there were when somebody else has just stored the same secret, and the last line; null: none left.
 */
export async function moveImportRows(
  tx: Tx,
  { accountId, after, rowsMax }: { accountId: string; after: number; rowsMax: number },
): Promise<{ found: number; stored: number; last: number } | null> {
  const { rows } = await sql<{ found: number; stored: number; last: number | null }>`
    with next as (
      select * from pg_temp.code_import_rows where line > ${after} order by line limit ${rowsMax}
    ), stored as (
      insert into codes (id, account_id, product_id, variant_id, type, sealed, key_version,
        blind_index, last4, expires_at, activation_at, face_value)
      select id, ${accountId}, product_id, variant_id, type, sealed, key_version, blind_index, last4,
        expires_at, activation_at, face_value
      from next on conflict (blind_index) do nothing returning 1
    )
    select (select count(*)::integer from next) as found, max(line) as last,
      (select count(*)::integer from stored) as stored from next`.execute(tx)
  const row = rows[0]
  return row === undefined || row.last === null ? null : { ...row, last: row.last }
}
