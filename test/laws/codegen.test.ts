import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { generate } from '../../scripts/codegen.ts'
import { wordsOfCheck } from '../../scripts/print-tables.ts'
import { createEmptyDatabase, type TestDatabase } from '../stack.ts'

const SAMPLE = `
  create table things (
    id bigint generated always as identity primary key,
    name text not null,
    state text not null default 'open' check (state in ('open', 'it''s shut')),
    kind text check (kind is null or kind in ('a', 'b')),
    tags text[] not null default '{}',
    facts jsonb,
    day date not null,
    at timestamptz not null default clock_timestamp(),
    double_id bigint generated always as (id * 2) stored
  );
  comment on column things.day is 'in the zone of the shop';
  create index things_open on things (day) where state = 'open';
  create table logs (at timestamptz not null) partition by range (at);
  create table logs_2026_11 partition of logs for values from ('2026-11-01') to ('2026-12-01')`

let database: TestDatabase
let tables = ''
let schema = ''

beforeAll(async () => {
  database = await createEmptyDatabase('codegen')
  await execute(SAMPLE)
  const generated = await generate(database.url)
  tables = generated.get('db/tables.ts') ?? ''
  schema = generated.get('db/schema.sql') ?? ''
})

afterAll(() => database.drop())

describe('db/tables.ts', () => {
  test.each([
    ['id: GeneratedAlways<bigint>'],
    ['name: string'],
    ["state: Generated<'open' | 'it\\'s shut'>"],
    ["kind: 'a' | 'b' | null"],
    ['tags: Generated<string[]>'],
    ['facts: Json | null'],
    ['/** in the zone of the shop */\n  day: string'],
    ['at: Generated<Timestamp>'],
    ['double_id: GeneratedAlways<bigint | null>'],
  ])('prints %s', (line) => {
    expect(tables).toContain(`\n  ${line}\n`)
  })

  test('has one entry for a table and none for its partitions', () => {
    expect(tables).toContain('export interface DB {\n  logs: Logs\n  things: Things\n}\n')
  })

  test('refuses a column whose type it cannot tell', async () => {
    await execute('create table odd (id bigint primary key, place point not null)')
    await expect(generate(database.url)).rejects.toThrow('odd.place: no TypeScript type for point')
  })
})

test('db/schema.sql has the tables, indexes and comments, and no partitions', () => {
  expect(schema).toContain('create table things (')
  expect(schema).toContain('partition by RANGE (at)')
  expect(schema).toContain('CREATE INDEX things_open')
  expect(schema).toContain("comment on column things.day is 'in the zone of the shop'")
  expect(schema).not.toContain('2026_11')
})

describe('the words of a CHECK', () => {
  test.each([
    ["CHECK ((state = ANY (ARRAY['a'::text, 'b'::text])))", ['a', 'b']],
    ["CHECK (((state IS NULL) OR (state = ANY (ARRAY['a'::text, 'b'::text]))))", ['a', 'b']],
    ["CHECK ((state = 'a'::text))", ['a']],
    ["CHECK ((state = ANY (ARRAY['it''s'::text])))", ["it's"]],
    ["CHECK ((state <> 'a'::text))", undefined],
    ["CHECK (((state = 'a'::text) OR (length(state) > 3)))", undefined],
    ['CHECK ((n = 1))', undefined],
  ])('%s', (definition, words) => {
    expect(wordsOfCheck(definition)).toEqual(words)
  })
})

async function execute(sql: string): Promise<void> {
  const client = new Client({ connectionString: database.url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
