import type { Client } from 'pg'

/** One column as the catalog describes it. */
type Column = {
  table_name: string
  column_name: string
  type_name: string
  element_type: string | null
  enum_labels: string[] | null
  not_null: boolean
  has_default: boolean
  always_generated: boolean
  is_view: boolean
  comment: string | null
}

/** TypeScript types as db/client.ts has the driver parse them. */
const TYPES: Record<string, string> = {
  bool: 'boolean',
  int2: 'number',
  int4: 'number',
  float4: 'number',
  float8: 'number',
  int8: 'bigint',
  numeric: 'string',
  text: 'string',
  varchar: 'string',
  bpchar: 'string',
  char: 'string',
  name: 'string',
  uuid: 'string',
  inet: 'string',
  cidr: 'string',
  interval: 'string',
  xid8: 'string',
  date: 'string',
  time: 'string',
  timestamp: 'Timestamp',
  timestamptz: 'Timestamp',
  json: 'Json',
  jsonb: 'Json',
  bytea: 'Buffer',
}

const HEADER = `/**
 * Generated from the migrated database by \`npm run codegen\`; never edited.
 * A closed list of words in a CHECK is a union here, so that a state which the database would
 * refuse does not type-check either.
 */
import type { ColumnType } from 'kysely'

/** May be left out of an INSERT: the database fills it. */
export type Generated<T> =
  T extends ColumnType<infer Select, infer Insert, infer Update>
    ? ColumnType<Select, Insert | undefined, Update>
    : ColumnType<T, T | undefined, T>

/** Only the database writes it. */
export type GeneratedAlways<T> =
  T extends ColumnType<infer Select, unknown, unknown>
    ? ColumnType<Select, never, never>
    : ColumnType<T, never, never>

export type JsonValue =
  string | number | boolean | null | JsonValue[] | { [key: string]: JsonValue | undefined }

/** Written as text (JSON.stringify): the driver would take an array for a PostgreSQL array. */
export type Json = ColumnType<JsonValue, string, string>

/** An instant; written as a Date or as RFC 3339 text, which keeps the microseconds. */
export type Timestamp = ColumnType<Date, Date | string, Date | string>
`

const COLUMNS = `
  select c.relname as table_name, a.attname as column_name, coalesce(base.typname, t.typname) as type_name,
         coalesce(element.typname, base_element.typname) as element_type,
         (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e
           where e.enumtypid = t.oid) as enum_labels,
         a.attnotnull as not_null,
         (a.atthasdef or a.attidentity <> '') as has_default,
         (a.attidentity = 'a' or a.attgenerated <> '') as always_generated,
         c.relkind in ('v', 'm') as is_view,
         col_description(c.oid, a.attnum) as comment
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    left join pg_type element on element.oid = t.typelem and t.typcategory = 'A'
    left join pg_type base on base.oid = t.typbasetype
    left join pg_type base_element on base_element.oid = base.typelem and base.typcategory = 'A'
   where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')
     and not c.relispartition
   order by c.relname, a.attnum`

const CHECKS = `
  select c.relname as table_name, a.attname as column_name, pg_get_constraintdef(k.oid) as definition
    from pg_constraint k
    join pg_class c on c.oid = k.conrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
   where k.contype = 'c' and cardinality(k.conkey) = 1 and c.relnamespace = 'public'::regnamespace
     and not c.relispartition
   order by c.relname, k.conname`

/**
 * The text of db/tables.ts: one interface per table and view, and `DB` over all of them.
 * Throws on a column whose type it does not know, naming the column.
 */
export async function printTables(client: Client): Promise<string> {
  const { rows: columns } = await client.query<Column>(COLUMNS)
  const { rows: checks } = await client.query<{
    table_name: string
    column_name: string
    definition: string
  }>(CHECKS)
  const words = new Map<string, string[]>()
  for (const check of checks) {
    const found = wordsOfCheck(check.definition)
    if (found) words.set(`${check.table_name}.${check.column_name}`, found)
  }
  const tables = Map.groupBy(columns, (column) => column.table_name)
  const interfaces = [...tables].map(([table, members]) => {
    const lines = members.map((column) => printColumn(column, words))
    return `export interface ${pascalCase(table)} {\n${lines.join('\n')}\n}\n`
  })
  const entries = [...tables.keys()].map((table) => `  ${table}: ${pascalCase(table)}\n`)
  return `${HEADER}\n${interfaces.join('\n')}\nexport interface DB {\n${entries.join('')}}\n`
}

/**
 * The words of a CHECK that lists them (`x in ('a', 'b')`, also with `x is null or`); undefined for
 * any other CHECK. Reads the form that PostgreSQL prints.
 */
export function wordsOfCheck(definition: string): string[] | undefined {
  const listed =
    /^CHECK \((?:\(\(\w+ IS NULL\) OR )?\(\w+ = (?:ANY \(ARRAY\[(?<many>.+)\]\)|(?<one>.+?))\)\)?\)$/
  const groups = listed.exec(definition)?.groups
  const body = groups?.many ?? groups?.one
  if (body === undefined || !/^(?:'(?:[^']|'')*'::text(?:, |$))+$/.test(body)) return undefined
  return [...body.matchAll(/'((?:[^']|'')*)'::text/g)].map((match) =>
    String(match[1]).replaceAll("''", "'"),
  )
}

function printColumn(column: Column, words: Map<string, string[]>): string {
  const where = `${column.table_name}.${column.column_name}`
  const union = column.enum_labels ?? words.get(where)
  const base = union
    ? union.map((word) => `'${word.replaceAll("'", "\\'")}'`).join(' | ')
    : typeOf(column, where)
  const nullable = column.not_null ? base : `${base} | null`
  const wrapper = insertRule(column)
  const wrapped = wrapper ? `${wrapper}<${nullable}>` : nullable
  const comment = column.comment ? `  /** ${column.comment.replaceAll('*/', '* /')} */\n` : ''
  return `${comment}  ${column.column_name}: ${wrapped}`
}

function insertRule(column: Column): 'Generated' | 'GeneratedAlways' | undefined {
  if (column.always_generated || column.is_view) return 'GeneratedAlways'
  return column.has_default ? 'Generated' : undefined
}

function typeOf(column: Column, where: string): string {
  const name = column.element_type ?? column.type_name
  const type = TYPES[name]
  const isArray = column.element_type !== null
  // NOTE: Kysely does not look into an array of a ColumnType, and the driver parses no int8[].
  if (type === undefined || (isArray && ['Json', 'Timestamp', 'bigint'].includes(type))) {
    throw new Error(`${where}: no TypeScript type for ${name}${isArray ? '[]' : ''}`)
  }
  return isArray ? `${type}[]` : type
}

function pascalCase(name: string): string {
  return name.replace(/(?:^|_)(\w)/g, (_match, letter: string) => letter.toUpperCase())
}
