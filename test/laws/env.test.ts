import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ENV_KEYS, readEnv } from '../../config.ts'
import { ROOT } from '../../scripts/source-files.ts'

/** One setting of the manual page: the comment above it, and the value that stands there. */
type Entry = { key: string; comment: string; value: string }

/** Nothing works without these, so they have no default. */
const WITHOUT_DEFAULT = ['DATABASE_URL']

/** The defaults that config.ts has as literals; it decides the others when it knows the mode. */
const literals = new Map(
  Object.entries(readEnv(Object.fromEntries(WITHOUT_DEFAULT.map((key) => [key, 'x'])))).flatMap(
    ([key, value]) =>
      value === undefined || WITHOUT_DEFAULT.includes(key) ? [] : [[key, `${value}`] as const],
  ),
)

test('.env.example has an entry for each setting, and for nothing else', () => {
  expect(ENV_KEYS.length).toBeGreaterThan(10)
  expect(
    readEntries()
      .map((entry) => entry.key)
      .toSorted(),
  ).toEqual([...ENV_KEYS].toSorted())
})

test('each entry explains itself and names its default', () => {
  expect(readEntries().flatMap(findProblems)).toEqual([])
})

test.each([
  ['no comment', ''],
  ['a comment without a default', 'The port of the API. Choose a free one.'],
  ['another default than the code has', 'The port of the API. Default: 1.'],
  ['a default that only begins like it', 'The port of the API. Default: 80801.'],
])('finds %s', (_what, comment) => {
  expect(findProblems({ key: 'API_PORT', comment, value: '8080' })).toHaveLength(1)
})

test('finds an example that is not the default', () => {
  const comment = 'The port of the API. Default: 8080.'
  expect(findProblems({ key: 'API_PORT', comment, value: '1' })).toHaveLength(1)
  expect(findProblems({ key: 'API_PORT', comment, value: '8080' })).toEqual([])
})

/**
 * The comment says `Default: …` in words where the code decides, and literally, as does the entry
 * itself, where config.ts has a literal.
 */
function findProblems({ key, comment, value }: Entry): string[] {
  if (!/\bDefault: \S/.test(comment)) return [`${key}: its comment names no "Default: …"`]
  const literal = literals.get(key)
  if (literal === undefined || literal === '') return []
  const isNamed = [' ', '.', ',', ';'].some((end) =>
    `${comment} `.includes(`Default: ${literal}${end}`),
  )
  if (!isNamed) return [`${key}: the default is ${literal}`]
  return value === literal ? [] : [`${key}: stands as ${value}, the default is ${literal}`]
}

/** Entries are `KEY=value` or `# KEY=value`, below a block of comment lines. */
function readEntries(): Entry[] {
  const entries: Entry[] = []
  let comment: string[] = []
  for (const line of readFileSync(`${ROOT}.env.example`, 'utf8').split('\n')) {
    const [, key, value = ''] = /^(?:# ?)?([A-Z][A-Z0-9_]+)=(.*)$/.exec(line) ?? []
    if (key !== undefined) {
      entries.push({ key, comment: comment.join(' '), value })
      comment = []
    } else if (line.startsWith('#')) {
      comment.push(line.replace(/^# ?/, ''))
    } else {
      comment = []
    }
  }
  return entries
}
