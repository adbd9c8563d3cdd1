import { afterAll, beforeAll, expect, test } from 'vitest'
import { ALARM, chooseBugs } from './planted.ts'
import { readRun } from './run.ts'
import { SCENARIOS } from './scenarios/catalogue.ts'
import { openWorld, type World } from './world.ts'

/** What finds the planted bugs of this run finds nothing in the product as it is. */
const run = readRun()
const chosen = new Set(chooseBugs(run).map(({ scenario }) => scenario))

let world: World
beforeAll(async () => {
  world = await openWorld('fault_scenarios')
})
afterAll(() => world.stop())

test.each([...chosen])(
  '%s breaks no promise',
  async (name) => {
    expect(await SCENARIOS[name](world)).toEqual([])
  },
  120_000,
)

test('the alarm works: a code that was taken away is missed', async () => {
  const found = await SCENARIOS[ALARM.scenario](world)
  expect(found.map(({ invariant }) => invariant)).toContain(ALARM.breaks)
})
