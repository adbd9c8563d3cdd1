import { sql, type Expression, type RawBuilder, type SelectQueryBuilder } from 'kysely'
import type { Db } from './client.ts'

/** Which rows of a list: a page by number, or the ones after a position. */
export type PageRequest =
  | { kind: 'page'; page: number; limit: number }
  | { kind: 'cursor'; after: Position | null; limit: number }

/** Where a row stands in its order: the keyset's columns as PostgreSQL prints them, in full. */
export type Position = readonly string[]

/** The columns that order a list, together unique, with the SQL type that reads a position back. */
export type Keyset = {
  columns: readonly { value: Expression<unknown>; type: KeysetType }[]
  descending: boolean
}

type KeysetType = 'text' | 'timestamptz' | 'bigint' | 'date' | 'xid8'

/** The usual order of a list: the latest first, by when a row was made. `table` where names are shared. */
export function newestFirst(table?: string): Keyset {
  const column = (name: string) => sql.ref(table === undefined ? name : `${table}.${name}`)
  return {
    columns: [
      { value: column('created_at'), type: 'timestamptz' },
      { value: column('id'), type: 'text' },
    ],
    descending: true,
  }
}

export type RowsPage<Row> = {
  rows: Row[]
  /** Rows that match, counted up to `TOTAL_COUNTED_MAX`; null on a cursor walk. */
  total: number | null
  /** The last row's position when more follow, else null. */
  next: Position | null
}

const TOTAL_COUNTED_MAX = 10_001 // one more than the API calls exact

/**
 * Reads one page of `query` (filters and columns, no order, no limit) in the order of `keyset`.
 * A cursor walk sees each row that exists throughout exactly once, whatever is inserted meanwhile.
 * One statement, and one more for the total of a numbered page.
 */
export async function listPage<Joined, TB extends keyof Joined, Row>(
  db: Db,
  query: SelectQueryBuilder<Joined, TB, Row>,
  keyset: Keyset,
  request: PageRequest,
): Promise<RowsPage<Row>> {
  const direction = keyset.descending ? 'desc' : 'asc'
  const position = sql<string[]>`array[${sql.join(
    keyset.columns.map((column) => sql`${column.value}::text`),
  )}]`
  let page = query.select(position.as('keyset_position')).limit(request.limit + 1)
  for (const column of keyset.columns) page = page.orderBy(column.value, direction)
  if (request.kind === 'page') page = page.offset((request.page - 1) * request.limit)
  else if (request.after !== null) page = page.where(isAfter(keyset, request.after))

  // As a template, because a builder's own result type cannot be read while Row is generic.
  const { rows: found } = await sql<Row & { keyset_position: string[] }>`${page}`.execute(db)
  const rows = found.slice(0, request.limit)
  const last = found.length > request.limit ? rows.at(-1) : undefined
  return {
    rows,
    total: request.kind === 'page' ? await countUpTo(db, query) : null,
    next: last?.keyset_position ?? null,
  }
}

/** `(a, b) > ($1::t, $2::t)`: one row comparison, which an index on (a, b) serves. */
function isAfter(keyset: Keyset, after: Position): RawBuilder<boolean> {
  if (after.length !== keyset.columns.length) throw new RangeError('A position of another keyset')
  const columns = sql.join(keyset.columns.map((column) => column.value))
  const values = sql.join(
    keyset.columns.map((column, index) => sql`${after[index]}::${sql.raw(column.type)}`),
  )
  return keyset.descending
    ? sql<boolean>`(${columns}) < (${values})`
    : sql<boolean>`(${columns}) > (${values})`
}

async function countUpTo<Joined, TB extends keyof Joined, Row>(
  db: Db,
  query: SelectQueryBuilder<Joined, TB, Row>,
): Promise<number> {
  const { rows } = await sql<{ total: bigint }>`
    select count(*) as total from (${query
      .clearSelect()
      .select(sql`1`.as('one'))
      .limit(TOTAL_COUNTED_MAX)}) as counted
  `.execute(db)
  return Number(rows[0]?.total ?? 0n)
}
