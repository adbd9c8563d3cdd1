import { expect, test } from 'vitest'
import { findFunctionBreaches, readSchemaFiles } from '../../scripts/function-law.ts'

const law = (path: string, text: string) => findFunctionBreaches([{ path, text }])

test('every function of SQL stands in its room', () => {
  const files = readSchemaFiles()
  expect(files.length).toBeGreaterThan(50)
  expect(findFunctionBreaches(files)).toEqual([])
})

test('a migration defines what a table needs, and nothing else', () => {
  const guard = 'create function guard() returns trigger as $$ begin return new; end $$;\n'
  const trigger =
    'create trigger guard before update on t\n  for each row execute function guard();'
  expect(law('db/migrations/0001-t.sql', guard + trigger)).toEqual([])
  expect(law('db/migrations/0001-t.sql', guard)).toEqual([
    'db/migrations/0001-t.sql defines guard: it belongs in db/functions/guard.sql',
  ])
  expect(
    law('db/migrations/0001-t.sql', 'create or replace function accept_order(p jsonb)'),
  ).toHaveLength(1)
})

test('a file is called like the one function in it', () => {
  const act = 'create or replace function act() returns void'
  expect(law('db/functions/act.sql', act)).toEqual([])
  expect(law('db/functions/deed.sql', act)).toHaveLength(1)
  expect(law('db/functions/act.sql', `${act}\n${act.replace('act', 'deed')}`)).toHaveLength(1)
})
