import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ROOT } from '../../scripts/source-files.ts'
import { isTitled, parseAcceptance, readAcceptance, type AcceptanceRow } from './acceptance.ts'

/** How many rows each family has; every number from 1 up to it is a row. */
const FAMILIES = {
  ...{ GW: 7, AU: 11, RL: 6, VE: 5, ER: 7, PG: 4, PR: 10, OR: 10, TX: 18, CU: 8, IN: 8 },
  ...{ PY: 10, SH: 7, AN: 6, WH: 7, NT: 4, DI: 8, DX: 8, SB: 3, SC: 3, OP: 8, X: 46 },
}
const IDS = Object.entries(FAMILIES).flatMap(([family, count]) =>
  Array.from({ length: count }, (_, index) =>
    family === 'X' ? `X-${index + 1}` : `${family}-${String(index + 1).padStart(2, '0')}`,
  ),
)

test('every capability has exactly one row', () => {
  expect(IDS).toHaveLength(204)
  expect(
    readAcceptance()
      .map((row) => row.id)
      .toSorted(),
  ).toEqual(IDS.toSorted())
})

test('each row is built, partly built with what is missing, or not built', () => {
  expect(readAcceptance().flatMap(findStateProblems)).toEqual([])
})

test('each test that a row names exists', () => {
  expect(readAcceptance().flatMap(findTestProblems)).toEqual([])
})

describe('sees what is wrong with a row', () => {
  const here = 'test/laws/acceptance.test.ts'
  test.each([
    ['a state of its own', '| GW-01 | x | nearly | |'],
    ['partly without what is missing', `| GW-01 | x | partly: | \`${here}\` |`],
    ['built without a test', '| GW-01 | x | built | |'],
    ['not built with a test', `| GW-01 | x | not built | \`${here}\` |`],
    ['a file that is not there', '| GW-01 | x | built | `test/none.test.ts` |'],
    ['a file that is no test', '| GW-01 | x | built | `package.json` |'],
    [
      'a title that is not there',
      `| GW-01 | x | built | \`${here} › ${['flies', 'away'].join(' ')}\` |`,
    ],
  ])('%s', (_what, row) => {
    const rows = parseAcceptance(row)
    expect(rows).toHaveLength(1)
    expect([...rows.flatMap(findStateProblems), ...rows.flatMap(findTestProblems)]).toHaveLength(1)
  })

  test('and nothing where a row is right', () => {
    const title = 'every capability has exactly one row'
    const rows = parseAcceptance(
      `| GW-01 | x \\| y | partly: the rest | \`${here} › ${title}\`<br>\`${here}\` |`,
    )
    expect([...rows.flatMap(findStateProblems), ...rows.flatMap(findTestProblems)]).toEqual([])
    expect(rows[0]?.tests).toHaveLength(2)
  })
})

test('a title with values of test.each is found among the titles of a run', () => {
  expect(isTitled('refuses 0 of USD (twice)', 'refuses %s of $currency (twice)')).toBe(true)
  expect(isTitled('refuses 0 of USD', 'refuses %s of $currency (twice)')).toBe(false)
})

function findStateProblems(row: AcceptanceRow): string[] {
  if (!/^(built|not built|partly: .+)$/.test(row.state)) return [`${row.id}: state ${row.state}`]
  const shouldProve = row.state !== 'not built'
  if (shouldProve === row.tests.length > 0) return []
  return [`${row.id}: ${row.state}, and ${shouldProve ? 'names no test' : 'names a test'}`]
}

function findTestProblems(row: AcceptanceRow): string[] {
  return row.tests.flatMap(({ path, title }) => {
    if (!/^test\/.+\.test\.ts$/.test(path) || !existsSync(`${ROOT}${path}`)) {
      return [`${row.id}: there is no test file ${path}`]
    }
    const text = readFileSync(`${ROOT}${path}`, 'utf8')
    const quoted = ["'", '"', '`'].map((quote) => `${quote}${title ?? ''}${quote}`)
    if (title === undefined || quoted.some((literal) => text.includes(literal))) return []
    return [`${row.id}: ${path} has no test '${title}'`]
  })
}
