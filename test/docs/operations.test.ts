import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const root = new URL('../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

/** Every match of the first group of a pattern. */
function namesIn(source: string, pattern: RegExp): string[] {
  return [...source.matchAll(pattern)].map(([, name = '']) => name)
}

const manual = read('docs/operations.md')
const contract = read('workflows/contract.ts')
const workflows = readdirSync(new URL('workflows/', root)).map((name) => read(`workflows/${name}`))

describe('docs/operations.md', () => {
  test('names every workflow, search attribute and update that there is', () => {
    const names = [
      ...namesIn(read('workflows/index.ts'), /export \{ (\w+) \}/g),
      ...namesIn(contract, /\{ name: '(Bark\w+)'/g),
      ...namesIn(contract, /defineUpdate<[^(]*>\('(\w+)'\)/g),
      ...namesIn(contract, /=> `([\w-]+)\/\$/g),
    ]
    expect(names.length).toBeGreaterThan(20)
    expect(names.filter((name) => !manual.includes(name))).toEqual([])
  })

  test('asks for stages that a workflow can be in', () => {
    const asked = namesIn(manual, /BarkStage = "([^"]+)"/g)
    expect(asked.length).toBeGreaterThan(0)
    for (const stage of asked) {
      expect(workflows.some((source) => source.includes(`'${stage}'`))).toBe(true)
    }
  })

  test('names tables that there are', () => {
    const schema = read('db/schema.sql')
    const tables = namesIn(
      manual,
      /\b(?:from|join|update) (\w+)\b(?= \w+ (?:on|join|set)|\s+where| set)/g,
    )
    expect(tables.length).toBeGreaterThan(3)
    for (const table of tables) expect(schema).toMatch(new RegExp(`create table ${table}\\b`, 'i'))
  })
})
