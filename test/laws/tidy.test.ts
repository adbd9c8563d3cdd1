import { globSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { listSourceFiles, ROOT, type SourceFile } from '../../scripts/source-files.ts'

/** Lines of a file: past this there is a second noun hiding in it. */
const LINES_MAX = 300

/** Files that may be longer, each with the reason. */
const LONG_FILES: Record<string, string> = {
  'api/refusals.ts': 'one table with a row for each word that can be refused',
}

/** A file for which a ban holds, what is banned, and what to write instead. */
type Ban = { where: RegExp; what: RegExp; instead: string; example: string; path: string }

const PRODUCT = /^(activities|api|db|documents|domain|wire|workflows)\/|^[\w-]+\.ts$/
const ANYWHERE = /^/

const BANS: Record<string, Ban> = {
  'a folder without a noun': {
    where: /(^|\/)(utils?|helpers?|common|services|types|misc|shared)\//,
    what: ANYWHERE,
    instead: 'the noun, in the room of its layer',
    path: 'domain/utils/money.ts',
    example: '',
  },
  'a file without a noun': {
    where: /(^|\/)(utils?|helpers?|common|misc|constants|types)\.ts$/,
    what: ANYWHERE,
    instead: 'the noun as the name of the file',
    path: 'domain/helpers.ts',
    example: '',
  },
  'console.log in the product': {
    where: PRODUCT,
    what: /\bconsole\./,
    instead: 'the log that the composition root hands in',
    path: 'api/app.ts',
    example: "console.log('listening')",
  },
  'process.env outside readEnv': {
    where: PRODUCT,
    what: /(?<!readEnv\()process\.env\b/,
    instead: 'a setting of config.ts, handed in',
    path: 'server.ts',
    example: 'const port = process.env.PORT',
  },
  'a clock in domain/': {
    where: /^domain\//,
    what: /\bnew Date\(\)|\bDate\.now\b|\bDate\(\)/,
    instead: 'an instant as an argument',
    path: 'domain/code.ts',
    example: 'const now = new Date()',
  },
  'chance in domain/ or workflows/': {
    where: /^(domain|workflows)\//,
    what: /\bMath\.random\b|\brandomUUID\b|\bnew-id\.ts'/,
    instead: 'an id that the caller made',
    path: 'workflows/settle.ts',
    example: 'const id = Math.random()',
  },
  'SQL outside db/': {
    where: /^(activities|api|documents|domain|wire|workflows)\/|^(server|worker)\.ts$/,
    what: /['"`]\s*(select|insert into|update|delete from)\s[^'"`]*\b(from|values|set|where)\b/i,
    instead: 'a function of db/',
    path: 'api/v2/orders/orders.ts',
    example: "await pool.query('select id from transactions')",
  },
  'a sleep in a test': {
    where: /^test\/(?!harness\.ts$)/,
    what: /\bawait (new Promise\b.*setTimeout|setTimeout\(|sleep\(|delay\()/,
    instead: 'eventually of test/harness.ts, which asks, or the test clock',
    path: 'test/api/orders.test.ts',
    example: 'await new Promise((resolve) => setTimeout(resolve, 500))',
  },
  'a test alone or left out': {
    where: /^test\//,
    what: /\b(test|it|describe)(\.\w+)*\.(only|skip|todo)\(/,
    instead: 'the test itself; runIf or skipIf with the reason where a machine cannot run it',
    path: 'test/api/orders.test.ts',
    example: "test.only('charges once', () => {})",
  },
  'a TODO without its condition': {
    where: ANYWHERE,
    what: /\b(TODO(?! (when|until|once|if) )|FIXME|HACK)\b/,
    instead: 'TODO when <condition>: <what>',
    path: 'domain/code.ts',
    example: '// TODO make this faster',
  },
  'the linter switched off without a reason': {
    where: ANYWHERE,
    what: /(oxlint|eslint)-disable(?!.*-- \S)|@ts-(ignore|nocheck)|prettier-ignore/,
    instead: 'oxlint-disable-next-line <rule> -- <why it holds>',
    path: 'domain/code.ts',
    example: '// oxlint-disable-next-line typescript/no-explicit-any',
  },
}

/** This file quotes what it bans; what programs write is not read by people. */
const NOT_LOOKED_AT = ['test/laws/tidy.test.ts', 'db/tables.ts']

const files = listSourceFiles().filter((file) => !NOT_LOOKED_AT.includes(file.path))

describe('there is no', () => {
  test.each(Object.keys(BANS))('%s', (name) => {
    expect(files.length).toBeGreaterThan(30)
    expect(files.flatMap((file) => findBanned(name, file))).toEqual([])
  })
})

describe('sees', () => {
  test.each(Object.entries(BANS))('%s', (name, { path, example }) => {
    expect(findBanned(name, { path, text: example })).toHaveLength(1)
    expect(findBanned(name, { path: 'docs/an-example.ts', text: 'export {}' })).toEqual([])
  })
})

test(`no file is longer than ${LINES_MAX} lines`, () => {
  const long = files
    .filter((file) => !file.path.startsWith('test/') && !(file.path in LONG_FILES))
    .filter((file) => file.text.split('\n').length > LINES_MAX + 1)
  expect(long.map((file) => file.path)).toEqual([])
})

test('the list of long files is true', () => {
  const paths = files.map((file) => file.path)
  expect(Object.keys(LONG_FILES).filter((path) => !paths.includes(path))).toEqual([])
})

test('migrations are numbered without a gap', () => {
  const names = globSync('db/migrations/*.sql', { cwd: ROOT })
    .map((path) => basename(path))
    .toSorted()
  expect(names.length).toBeGreaterThan(0)
  expect(names.filter((name) => !/^\d{4}-[a-z][a-z0-9-]*\.sql$/.test(name))).toEqual([])
  expect(names.map((name) => Number(name.slice(0, 4)))).toEqual(names.map((_, index) => index + 1))
})

test('decisions have a number of their own', () => {
  const names = globSync('docs/decisions/*', { cwd: ROOT }).map((path) => basename(path))
  expect(names).toContain('0000-how-we-decide.md')
  expect(names.filter((name) => !/^\d{4}-[a-z][a-z0-9-]*\.md$/.test(name))).toEqual([])
  expect(new Set(names.map((name) => name.slice(0, 4))).size).toBe(names.length)
})

test('a workflow is called like its file', () => {
  const index = files.find((file) => file.path === 'workflows/index.ts')
  const stories = [
    ...(index?.text ?? '').matchAll(/^export \{ (\w+) \} from '\.\/([\w-]+)\.ts'$/gm),
  ]
  expect(stories.length).toBeGreaterThan(0)
  expect(stories.length).toBe(index?.text.match(/^export /gm)?.length)
  for (const [, name, file] of stories) expect(kebabCase(String(name))).toBe(file)
})

function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function findBanned(name: string, file: SourceFile): string[] {
  const ban = BANS[name]
  if (!ban || !ban.where.test(file.path)) return []
  if (ban.what === ANYWHERE) return [`${file.path}: write ${ban.instead}`]
  const lines = file.text.split('\n')
  const line = lines.findIndex((text) => ban.what.test(text))
  return line === -1 ? [] : [`${file.path}:${line + 1}: write ${ban.instead}`]
}
