import { describe, expect, test } from 'vitest'
import { ROOT } from '../../scripts/source-files.ts'
import { applyPatch, listPatches, PLANTED_BUGS, tryPlantedBug } from './planted.ts'
import { seededRandom } from './random.ts'
import { readRun } from './run.ts'

const run = readRun()
const chosen =
  run.plantedBugs === 'all'
    ? PLANTED_BUGS
    : seededRandom(run.seed).shuffle(PLANTED_BUGS).slice(0, run.plantedBugs)

test('every planted bug is in the list, and its patch fits the code as it is', () => {
  expect(listPatches()).toEqual(PLANTED_BUGS.map(({ patch }) => patch))
  for (const { patch } of PLANTED_BUGS) {
    expect(() => applyPatch(patch, ROOT, { tryOnly: true }), patch).not.toThrow()
  }
})

describe(`planted bugs are caught (seed ${run.seed})`, () => {
  test.each(chosen)(
    '$patch breaks $breaks',
    async (bug) => {
      const found = await tryPlantedBug(bug)
      expect(new Set(found.map(({ invariant }) => invariant))).toContain(bug.breaks)
    },
    200_000,
  )
})
