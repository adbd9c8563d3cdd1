import { afterAll, beforeAll, expect, test } from 'vitest'
import { SCENARIOS } from './scenarios/catalogue.ts'
import { openWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await openWorld('fault_scenarios')
})
afterAll(() => world.stop())

test.each(Object.entries(SCENARIOS))(
  '%s breaks no promise',
  async (_, scenario) => {
    expect(await scenario(world)).toEqual([])
  },
  120_000,
)
