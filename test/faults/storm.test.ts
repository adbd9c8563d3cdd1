import { afterAll, beforeAll, expect, test } from 'vitest'
import { countOwnDeaths, tell } from './cells.ts'
import { checkStory } from './checker.ts'
import { startCluster, type Cluster } from './cluster.ts'
import { makeMerchant } from './merchant.ts'
import { seededRandom } from './random.ts'
import { keepResult, PromiseBroken, readRun } from './run.ts'
import { drawStorm, raiseStorm } from './storm.ts'
import { tellStory } from './story.ts'

const run = readRun()
const STORY_MS_MAX = 150_000

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
}, 120_000)
afterAll(() => cluster.stop())

test(
  'several faults at once break no promise',
  async () => {
    const slowest: number[] = []
    for (let nth = 0; nth < run.randomStories; nth++) {
      const storm = drawStorm(seededRandom(run.seed + nth))
      const deathsBefore = countOwnDeaths(cluster)
      cluster.clearLog()
      const merchant = await makeMerchant(cluster)
      const startedAt = Date.now()
      const [{ told, violations }] = await Promise.all([
        tell(cluster, () => tellStory(cluster, merchant)),
        raiseStorm(cluster, storm),
      ])
      const tookMs = Date.now() - startedAt
      await cluster.heal()
      if (told !== null) {
        const disturbances = { count: storm.length, seconds: (Date.now() - startedAt) / 1000 }
        violations.push(...(await checkStory(cluster, told, disturbances)))
      }
      if (countOwnDeaths(cluster) > deathsBefore) {
        const rows = Object.values(cluster.mortals).map((one) => [one.name, one.ownDeaths])
        violations.push({ invariant: 'I27', what: 'a process died that nobody killed', rows })
      }
      keepResult(run, 'random', { seed: run.seed + nth, storm, tookMs, violations })
      if (violations.length > 0) {
        const again = { ...run, seed: run.seed + nth }
        throw new PromiseBroken(again, 'test/faults/storm.test.ts', { storm }, violations)
      }
      slowest.push(tookMs)
    }
    expect(slowest).toHaveLength(run.randomStories)
    process.stdout.write(
      `seed ${run.seed}: ${run.randomStories} stormy stories, the longest ${Math.max(...slowest)} ms\n`,
    )
  },
  run.randomStories * STORY_MS_MAX,
)
