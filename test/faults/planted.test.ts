import { describe, expect, test } from 'vitest'
import { ROOT } from '../../scripts/source-files.ts'
import {
  ALARM,
  applyPatch,
  chooseBugs,
  describePatch,
  listPatches,
  PLANTED_BUGS,
  tryPlantedBug,
} from './planted.ts'
import { keepResult, readRun } from './run.ts'

const run = readRun()

test('every planted bug is in the list, and its patch fits the code as it is', () => {
  expect(listPatches()).toEqual(PLANTED_BUGS.map(({ patch }) => patch))
  for (const { patch } of PLANTED_BUGS) {
    expect(() => applyPatch(patch, ROOT, { tryOnly: true }), patch).not.toThrow()
  }
})

test('without a planted bug nothing is found, and what must be found always is', async () => {
  expect(await tryPlantedBug({ patch: null, scenario: 'raceForCodes' })).toEqual([])
  const found = await tryPlantedBug({ patch: null, scenario: ALARM.scenario })
  expect(found.map(({ invariant }) => invariant)).toContain(ALARM.breaks)
}, 200_000)

describe(`planted bugs are caught (seed ${run.seed})`, () => {
  test.each(chooseBugs(run))(
    '$patch breaks $breaks',
    async (bug) => {
      const startedAt = Date.now()
      const found = await tryPlantedBug(bug)
      const invariants = [...new Set(found.map(({ invariant }) => invariant))]
      keepResult(run, 'planted', {
        ...bug,
        bug: describePatch(bug.patch),
        found: invariants,
        tookMs: Date.now() - startedAt,
      })
      expect(invariants).toContain(bug.breaks)
    },
    200_000,
  )
})
