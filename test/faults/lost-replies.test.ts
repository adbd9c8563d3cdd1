import { afterAll, beforeAll, expect, test } from 'vitest'
import { tell } from './cells.ts'
import { checkStory } from './checker.ts'
import { startCluster, type Cluster } from './cluster.ts'
import { LINKS, type LinkName } from './links.ts'
import { makeMerchant } from './merchant.ts'
import { seededRandom } from './random.ts'
import { keepResult, PromiseBroken, readRun } from './run.ts'
import { tellStory } from './story.ts'

/**
 * The other side did it, and our side was told by a cut connection: on every link, so many times, on
 * all links at once. Nothing may be done twice, nothing may be taken for undone.
 */

const run = readRun()
const FILE = 'test/faults/lost-replies.test.ts'
const TELLERS = 5
const ROUND_MS_MAX = 150_000
/** How often a reply is lost, so that a story loses some on every link and still comes to its end. */
const CHANCES: Record<LinkName, number> = {
  'client-api': 0.1,
  'api-postgres': 0.05,
  'worker-postgres': 0.02,
  'worker-temporal': 0.05,
  'temporal-postgres': 0.005,
  'worker-supplier': 0.5,
  'worker-receiver': 0.3,
  'worker-psp': 0.4,
  'psp-api': 0.5,
}
/** Losses of one link in one round: then it lets the stories come to their end. */
const ROUND_LOSSES_MAX = 10
/** Rounds of five stories each: ten losses on every link take two or three of them. */
const ROUNDS_MAX = 4 + run.lostReplies

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
}, 120_000)
afterAll(() => cluster.stop())

test(
  'a lost acknowledgement, on every link, breaks no promise',
  async () => {
    const random = seededRandom(run.seed)
    const lost = () => LINKS.map((link) => ({ link, lost: cluster.links[link].lost() }))
    const isDone = () => lost().every((each) => each.lost >= run.lostReplies)
    let stories = 0
    for (let round = 0; round < ROUNDS_MAX && !isDone(); round++) {
      const violations = await tellWithLosses(random.next)
      stories += TELLERS
      keepResult(run, 'lost-replies', { seed: run.seed, round, lost: lost(), stories, violations })
      if (violations.length > 0) {
        const settings = { BARK_PROVE_LOST_REPLIES: String(run.lostReplies) }
        throw new PromiseBroken({ seed: run.seed, file: FILE, settings }, lost(), violations)
      }
    }
    expect(lost().filter((each) => each.lost < run.lostReplies)).toEqual([])
    const counts = lost().map((each) => `${each.link} ${each.lost}`)
    process.stdout.write(`seed ${run.seed}: ${stories} stories, lost ${counts.join(', ')}\n`)
  },
  ROUNDS_MAX * ROUND_MS_MAX,
)

/** Five stories at once, losing what their links still have to lose. */
async function tellWithLosses(next: () => number) {
  cluster.clearLog()
  const startedAt = Date.now()
  const before = new Map(LINKS.map((link) => [link, cluster.links[link].lost()]))
  const merchants = []
  while (merchants.length < TELLERS) merchants.push(await makeMerchant(cluster))
  for (const link of LINKS) {
    const most = Math.min(run.lostReplies, (before.get(link) ?? 0) + ROUND_LOSSES_MAX)
    const which = () => cluster.links[link].lost() < most && next() < CHANCES[link]
    cluster.links[link].setMode({ kind: 'loseReplies', which })
  }
  const stories = await Promise.all(
    merchants.map((merchant) =>
      tell(cluster, () => tellStory(cluster, merchant, { clockHelps: true })),
    ),
  )
  await cluster.heal()
  const violations = stories.flatMap((story) => story.violations)
  const count = LINKS.map((link) => cluster.links[link].lost() - (before.get(link) ?? 0))
  const disturbances = {
    count: count.reduce((sum, each) => sum + each, 0),
    seconds: (Date.now() - startedAt) / 1000,
  }
  for (const { told } of stories) {
    if (told !== null) violations.push(...(await checkStory(cluster, told, disturbances)))
  }
  return violations
}
