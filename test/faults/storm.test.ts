import { afterAll, beforeAll, expect, test } from 'vitest'
import { countOwnDeaths, tell } from './cells.ts'
import { checkStory } from './checker.ts'
import { startCluster, type Cluster } from './cluster.ts'
import { makeMerchant, type Merchant, type Told } from './merchant.ts'
import { seededRandom } from './random.ts'
import { keepResult, PromiseBroken, readRun } from './run.ts'
import { drawStorm, raiseStorms, type Storm } from './storm.ts'
import { tellStory } from './story.ts'

const run = readRun()
/** So many storms pass over the stories of one batch; then everything heals and is checked. */
const STORMS_PER_BATCH = 10
const TELLERS = 3
/** No teller gets through more stories than these while a batch lasts. */
const STORIES_EACH_MAX = 10
const BATCH_MS_MAX = 240_000
const BATCHES_PER_CLUSTER = 10
const BATCHES = Math.ceil(run.storms / STORMS_PER_BATCH)

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
}, 120_000)
afterAll(() => cluster.stop())

test(
  'several faults at once, storm after storm, break no promise',
  async () => {
    const passed: Storm[] = []
    let stories = 0
    let slowestMs = 0
    for (let nth = 0; nth < BATCHES; nth++) {
      if (nth > 0 && nth % BATCHES_PER_CLUSTER === 0) {
        await cluster.stop()
        cluster = await startCluster()
      }
      const seed = run.seed + nth * STORMS_PER_BATCH
      const count = Math.min(STORMS_PER_BATCH, run.storms - passed.length)
      const storms = Array.from({ length: count }, (_, index) =>
        drawStorm(seededRandom(seed + index)),
      )
      const result = await tellThrough(storms)
      passed.push(...storms)
      stories += result.stories
      slowestMs = Math.max(slowestMs, result.recoveredMs)
      keepResult(run, 'random', { seed, storms, ...result })
      if (result.violations.length > 0) {
        const settings = { BARK_PROVE_RANDOM: String(count) }
        const replay = { seed, file: 'test/faults/storm.test.ts', settings }
        throw new PromiseBroken(replay, { storms }, result.violations)
      }
    }
    expect(passed).toHaveLength(run.storms)
    expect(stories).toBeGreaterThanOrEqual(BATCHES * TELLERS)
    process.stdout.write(
      `seed ${run.seed}: ${passed.length} storms over ${stories} stories, ` +
        `the last one told ${slowestMs} ms after its storms at the latest\n`,
    )
  },
  BATCHES * BATCH_MS_MAX,
)

/** Three tell story after story until the storms are over; then all heals, drains and is checked. */
async function tellThrough(storms: Storm[]) {
  cluster.clearLog()
  const deathsBefore = countOwnDeaths(cluster)
  const startedAt = Date.now()
  const books: Merchant[][] = []
  for (let teller = 0; teller < TELLERS; teller++) {
    const merchants: Merchant[] = []
    while (merchants.length < STORIES_EACH_MAX) merchants.push(await makeMerchant(cluster))
    books.push(merchants)
  }
  let overAt: number | null = null
  const raging = raiseStorms(cluster, storms).then(() => {
    overAt = Date.now()
  })
  const tellers = await Promise.all(
    books.map(async (merchants) => {
      const told: Told[] = []
      for (const merchant of merchants) {
        if (overAt !== null) break
        const one = await tell(cluster, () => tellStory(cluster, merchant, { clockHelps: true }))
        if (one.told === null) return { told, violations: one.violations }
        told.push(one.told)
      }
      return { told, violations: [] }
    }),
  )
  await raging
  const recoveredMs = Date.now() - (overAt ?? startedAt)
  await cluster.heal()

  const told = tellers.flatMap((teller) => teller.told)
  const violations = tellers.flatMap((teller) => teller.violations)
  const disturbances = {
    count: storms.flatMap(({ faults }) => faults).length,
    seconds: (Date.now() - startedAt) / 1000,
  }
  for (const story of told) violations.push(...(await checkStory(cluster, story, disturbances)))
  if (countOwnDeaths(cluster) > deathsBefore) {
    const rows = Object.values(cluster.mortals).map((one) => [one.name, one.ownDeaths])
    violations.push({ invariant: 'I27', what: 'a process died that nobody killed', rows })
  }
  return { stories: told.length, recoveredMs, violations }
}
