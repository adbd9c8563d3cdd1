import { FOUND } from './planted.ts'
import { SCENARIOS, type ScenarioName } from './scenarios/catalogue.ts'
import { openWorld } from './world.ts'

/**
 * Tells one scenario on the tree that this file lies in, and prints what the checker found. Planted
 * bugs are tried this way, because their tree must be the only one in the process.
 */

function isScenario(name: string): name is ScenarioName {
  return name in SCENARIOS
}

async function main(name: string): Promise<void> {
  if (!isScenario(name)) throw new Error(`There is no scenario ${name}`)
  const world = await openWorld(`planted_${name}`)
  try {
    const violations = await SCENARIOS[name](world)
    const print = (_: string, part: unknown) => (typeof part === 'bigint' ? String(part) : part)
    process.stdout.write(`${FOUND}${JSON.stringify(violations, print)}\n`)
  } finally {
    await world.stop()
  }
}

await main(process.argv[2] ?? '')
