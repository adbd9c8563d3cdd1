import { afterAll, beforeAll, expect, test } from 'vitest'
import { pause } from '../mortal.ts'
import type { LinkMode } from '../proxy.ts'
import { seededRandom } from '../random.ts'
import { readRun } from '../run.ts'
import { FLEET_LINKS, openFleet, type Fleet, type FleetLink } from './fleet.ts'
import { proveRow } from './prove.ts'

/**
 * A cut on the link between each pair of processes, each way and both, with a word and without one.
 * The way from Temporal to its database is cut in ./outages.test.ts.
 */

const FILE = 'test/faults/matrix/links.test.ts'
const CUT_MS = 1_500 // about half the time that the story takes
const STORY_MS_MAX = 120_000
const CUTS: LinkMode[] = [
  { kind: 'reset' },
  { kind: 'silence' },
  { kind: 'blackHole' },
  { kind: 'blackHole', only: 'requests' },
  { kind: 'blackHole', only: 'replies' },
  { kind: 'loseReplies' },
  { kind: 'slow', bytesPerSecond: 10 }, // the slowest that our steps of a tenth of a second can be
]

const run = readRun()
const random = seededRandom(run.seed)
/** Every cut of every link in the long form, else one of each link. */
const rows: { link: FleetLink; cut: LinkMode }[] = FLEET_LINKS.flatMap((link) =>
  (run.matrix === 'all' ? CUTS : [random.pick(CUTS)]).map((cut) => ({ link, cut })),
)

let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet('matrix_links')
}, 60_000)
afterAll(() => fleet.stop())

test.each(rows)(
  `$link cut by $cut (seed ${run.seed})`,
  async ({ link, cut }) => {
    const proof = await proveRow(fleet, run, {
      name: `${link} ${JSON.stringify(cut)}`,
      file: FILE,
      disturbances: 2, // the cut itself, and what stood still in it
      async disturb() {
        await pause(300)
        fleet.links[link].setMode(cut)
        await pause(CUT_MS)
        fleet.links[link].setMode({ kind: 'pass' })
      },
    })
    expect(proof.seconds).toBeLessThan(STORY_MS_MAX / 1_000)
  },
  STORY_MS_MAX,
)
