import { expect, test } from 'vitest'
import { readCounts } from '../../cli/test.ts'

test('counts what vitest reports, and todo as skipped', () => {
  const report = { numPassedTests: 7, numFailedTests: 2, numPendingTests: 1, numTodoTests: 3 }
  expect(readCounts(report)).toEqual({ passed: 7, failed: 2, skipped: 4 })
})

test('a report that is none counts nothing, so that the exit code decides', () => {
  expect(readCounts(null)).toEqual({ passed: 0, failed: 0, skipped: 0 })
})
