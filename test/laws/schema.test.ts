import { Client } from 'pg'
import { beforeAll, expect, test } from 'vitest'
import { generate, staleFiles } from '../../scripts/codegen.ts'
import { createTestDatabase } from '../stack.ts'

/** Tables without an owner column, each with the reason. */
const WITHOUT_ACCOUNT: Record<string, string> = {
  accounts: 'is the owner',
  organizations: 'owns the accounts',
  currencies: 'ISO 4217, the same for everybody',
  ledger_account_kinds: 'the chart of accounts, the same for everybody',
  posting_rules: 'the rules of posting, the same for everybody',
  event_types: 'the list of words, the same for everybody',
  unit_moves: 'the allowed moves, the same for everybody',
  payment_moves: 'the allowed moves, the same for everybody',
  dispute_moves: 'the allowed moves, the same for everybody',
  psp_events: 'kept before anybody knows whose it is: matched_account_id says it then',
  rate_limits: 'counts by key, and a key belongs to one account',
  schema_functions: 'likewise',
  schema_migrations: 'what has been applied to this database',
}

/** Tables whose owner no foreign key vouches for, each with the reason. */
const UNCHECKED_OWNER: Record<string, string> = {
  attempts: 'a log by month, written only beside the row of its delivery',
  entries: 'entries_balanced looks at both parents, without locking them',
  transactions: 'transactions_belong looks at its purchase order, which stays, once per statement',
  lines: 'lines_belong looks at its parents, which stay, once per statement',
  invoice_lines: 'invoice_lines_belong looks at their invoice, which stays, once per statement',
  units: 'units_belong looks at its parents, which stay, once per statement',
  journals: 'written with every order: a key would lock the one row of the account',
  events: 'written with every order: a key would lock the one row of the account',
  idempotency_keys: 'written with every order, likewise',
  outbox: 'written with every order, and gone as soon as Temporal has it',
}

type Column = { table: string; name: string; type: string; required: boolean }
type ForeignKey = {
  name: string
  table: string
  target: string
  columns: string[]
  targets: string[]
}
type Catalog = { columns: Column[]; foreignKeys: ForeignKey[]; checks: string[]; stale: string[] }

/** Every law gives its breaches, so that a planted one shows that the law sees. */
const LAWS: Record<string, (catalog: Catalog) => string[]> = {
  'db/tables.ts and db/schema.sql are what the migrations make': (catalog) => catalog.stale,
  'every table says when a row was made': (catalog) =>
    tablesWithout(catalog, (column) => column.name === 'created_at' && column.required),
  'every table has an owner': (catalog) =>
    tablesWithout(catalog, (column) => column.name === 'account_id' && column.required).filter(
      (table) => !(table in WITHOUT_ACCOUNT),
    ),
  'the list of tables without an owner is true': (catalog) =>
    Object.keys(WITHOUT_ACCOUNT).filter((table) =>
      catalog.columns.some((column) => column.table === table && column.name === 'account_id'),
    ),
  'an owner is an account that exists': (catalog) =>
    ownedTables(catalog)
      .filter((table) => !(table in UNCHECKED_OWNER))
      .filter((table) => !ownerIsReferenced(catalog, table)),
  'a reference cannot leave its account': (catalog) =>
    catalog.foreignKeys
      .filter((key) =>
        [key.table, key.target].every((table) => ownedTables(catalog).includes(table)),
      )
      .filter((key) => key.targets[key.columns.indexOf('account_id')] !== 'account_id')
      .map((key) => `${key.table}.${key.name}`),
  'money is a whole number of minor units': (catalog) =>
    columnsWhere(catalog, (column) => column.name.endsWith('_minor') && column.type !== 'bigint'),
  'an instant has a time zone': (catalog) =>
    columnsWhere(
      catalog,
      ({ name, type }) =>
        type === 'timestamp without time zone' ||
        (name.endsWith('_at') && type !== 'timestamp with time zone'),
    ),
  'nothing is a float': (catalog) =>
    columnsWhere(catalog, (column) => /^(real|double precision|money)$/.test(column.type)),
  'a state is one of a closed list': (catalog) =>
    columnsWhere(catalog, (column) => /^(state|status)$/.test(column.name)).filter(
      (name) => !catalog.checks.includes(name),
    ),
}

const PLANTED = `
  create table parents (id text primary key, account_id text not null references accounts (id),
    created_at timestamptz not null default clock_timestamp(), unique (account_id, id));
  create table sloppy (id text primary key, price_minor integer, paid_at timestamp, weight real,
    state text not null, account_id text not null, parent_id text references parents (id));
  create table lost (id text primary key, created_at timestamptz not null);
  alter table currencies add column account_id text`

let catalog: Catalog
let planted: Catalog

beforeAll(async () => {
  catalog = await inDatabase('laws', readCatalog)
  planted = await inDatabase('laws planted', async (url) => {
    await withClient(url, (client) => client.query(PLANTED))
    return readCatalog(url)
  })
})

test.each(Object.keys(LAWS))('%s', (law) => {
  expect(catalog.columns.length).toBeGreaterThan(200)
  expect(LAWS[law]?.(catalog)).toEqual([])
})

test.each(Object.keys(LAWS))('finds a breach of: %s', (law) => {
  expect(LAWS[law]?.(planted)).not.toEqual([])
})

function ownedTables({ columns }: Catalog): string[] {
  return columns.filter((column) => column.name === 'account_id').map((column) => column.table)
}

function ownerIsReferenced({ foreignKeys }: Catalog, table: string): boolean {
  return foreignKeys.some((key) => key.table === table && key.columns.includes('account_id'))
}

function tablesWithout({ columns }: Catalog, wanted: (column: Column) => boolean): string[] {
  return [...Map.groupBy(columns, (column) => column.table)]
    .filter(([, members]) => !members.some(wanted))
    .map(([table]) => table)
}

function columnsWhere({ columns }: Catalog, wrong: (column: Column) => boolean): string[] {
  return columns.filter(wrong).map((column) => `${column.table}.${column.name}`)
}

async function readCatalog(databaseUrl: string): Promise<Catalog> {
  return withClient(databaseUrl, async (client) => ({
    columns: (await client.query<Column>(COLUMNS)).rows,
    foreignKeys: (await client.query<ForeignKey>(FOREIGN_KEYS)).rows,
    checks: (await client.query<{ name: string }>(CHECKS)).rows.map((row) => row.name),
    stale: await staleFiles(await generate(databaseUrl)),
  }))
}

async function inDatabase<T>(name: string, use: (url: string) => Promise<T>): Promise<T> {
  const database = await createTestDatabase(name)
  try {
    return await use(database.url)
  } finally {
    await database.drop()
  }
}

async function withClient<T>(databaseUrl: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    return await use(client)
  } finally {
    await client.end()
  }
}

const OURS = `c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition`

const COLUMNS = `
  select c.relname as table, a.attname as name, format_type(a.atttypid, null) as type,
         a.attnotnull as required
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
   where ${OURS} order by c.relname, a.attnum`

const FOREIGN_KEYS = `
  select k.conname as name, c.relname as table, k.confrelid::regclass::text as target,
         (select array_agg(a.attname::text order by n) from unnest(k.conkey) with ordinality as u(num, n)
            join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.num) as columns,
         (select array_agg(a.attname::text order by n) from unnest(k.confkey) with ordinality as u(num, n)
            join pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.num) as targets
    from pg_constraint k join pg_class c on c.oid = k.conrelid
   where k.contype = 'f' and ${OURS} order by c.relname, k.conname`

/** Columns with a CHECK of their own. */
const CHECKS = `
  select c.relname || '.' || a.attname as name
    from pg_constraint k join pg_class c on c.oid = k.conrelid
    join pg_attribute a on a.attrelid = c.oid and a.attnum = k.conkey[1]
   where k.contype = 'c' and cardinality(k.conkey) = 1 and ${OURS}`
