import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ROOT } from '../../scripts/source-files.ts'

/** docs/promises.md is true in so far as a program can see it: it is complete, and its tests exist. */

const INVARIANTS_MAX = 28
const text = readFileSync(join(ROOT, 'docs/promises.md'), 'utf8')
const [, invariants = '', matrix = ''] = text.split(/^## /m)

/** The rows of a table, without its head. */
function rowsOf(section: string): string[] {
  return section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
}

test('every invariant has exactly one row', () => {
  const ids = rowsOf(invariants).map((row) => /^\| (I\d+)/.exec(row)?.[1])
  expect(ids).toEqual(Array.from({ length: INVARIANTS_MAX }, (_, index) => `I${index + 1}`))
})

test('each row names a test, or says that it is not built', () => {
  const rows = [...rowsOf(invariants), ...rowsOf(matrix)]
  expect(rows.length).toBeGreaterThan(INVARIANTS_MAX + 20)
  expect(rows.filter((row) => !/`test\/[\w/-]+\.test\.ts`|not built yet/.test(row))).toEqual([])
})

test('each file that is named exists', () => {
  const named = [...text.matchAll(/`(test\/[\w/.-]+\.ts)`/g)].map(([, path]) => path ?? '')
  expect(named.length).toBeGreaterThan(30)
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
})
