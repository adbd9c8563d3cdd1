import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { printCrashTable } from '../../scripts/crash-table.ts'
import type { CellRow, Proof } from '../../scripts/proof.ts'
import { formatTable } from '../../scripts/prove.ts'
import { ROOT } from '../../scripts/source-files.ts'

const kill: CellRow = {
  cell: { link: 'client-api', message: 3, moment: 'replyWithheld', victim: 'api' },
  hit: true,
  step: 'order A',
  clientSaw: 'no answer, 503, 201',
  systemDid: [],
  backMs: 900,
  recoveredMs: 4_000,
  violations: [],
}
const proof = (changes: Partial<Proof>): Proof => ({
  cells: [kill],
  messages: [],
  storms: [],
  losses: [],
  planted: [],
  runs: [],
  ...changes,
})

test('docs/crash-table.md is what the kept results make of it', async () => {
  expect(readFileSync(`${ROOT}docs/crash-table.md`, 'utf8')).toBe(await formatTable())
})

test('a kill is a row: step, victim, moment, what the client saw, what the system did', () => {
  expect(printCrashTable(proof({ cells: [kill, kill] }))).toContain(
    '| order A | API | arrived, reply withheld | 2 | client-api | no answer, 503, 201 (2×) | nothing again |',
  )
})

test('a broken promise, a kill that missed and a bug that was not caught make no table', () => {
  const found = [{ invariant: 'I1', what: 'lost', rows: [] }]
  expect(() => printCrashTable(proof({ cells: [{ ...kill, violations: found }] }))).toThrow(
    '1 result',
  )
  expect(() => printCrashTable(proof({ cells: [{ ...kill, hit: false }] }))).toThrow('1 kills')
  const bug = { patch: '01-x', scenario: 'wholeStory', bug: 'It is wrong.', breaks: 'I1' }
  const planted = [{ ...bug, found: ['I2'] }]
  expect(() => printCrashTable(proof({ planted }))).toThrow('not caught')
})
