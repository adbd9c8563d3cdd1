import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { run as workers } from '../../cli/workers.ts'
import { readEnv, toConfig } from '../../config.ts'
import { commandContext } from '../cli/context.ts'
import { eventually } from '../harness.ts'
import { connectTemporal } from './check-workflows.ts'
import {
  makeNextVersion,
  openDeployShop,
  readStories,
  type DeployShop,
  type NextVersion,
} from './deploy-shop.ts'
import { openFleet, type Fleet } from './matrix/fleet.ts'
import { keepResult, readRun } from './run.ts'

/** Workers are exchanged while orders are under way: forward, and back where that is promised. */

const run = readRun()
const IN_FLIGHT = run.deploys
const LONG = 100 // the short form leaves the other exchanges to npm run prove
const FAILED_MS_MAX = 60_000
const VISIBLE_MS_MAX = 60_000 + 100 * IN_FLIGHT // all histories are read each time

let fleet: Fleet
const trees: string[] = []
afterEach(async () => {
  await fleet.stop()
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true, force: true })
})

function nextVersion(version: NextVersion): string {
  const tree = makeNextVersion(version)
  trees.push(tree)
  return tree
}

async function seen(accountId: string) {
  const { client, close } = await connectTemporal(fleet.temporalAddress)
  try {
    return await readStories(client, accountId)
  } finally {
    await close()
  }
}

/** The histories once Temporal shows that every story of the shop has ended. */
async function seenToTheirEnd(shop: DeployShop) {
  const stories = await shop.countStories()
  return eventually(
    () => seen(shop.accountId),
    ({ ended }) => ended === stories,
    VISIBLE_MS_MAX,
  )
}

/** `npx bark workers use BUILD`, as an operator types it. */
async function use(deployment: string, build: string): Promise<string[]> {
  const config = toConfig(
    readEnv({
      DATABASE_URL: 'postgres://nobody@127.0.0.1/nothing',
      TEMPORAL_ADDRESS: fleet.temporalAddress,
      WORKER_DEPLOYMENT_NAME: deployment,
    }),
  )
  const spoken = commandContext(config)
  await eventually(
    () => workers(['use', build], spoken.context).catch(() => 1), // its queues are not all there yet
    (code) => code === 0,
  )
  return spoken.out
}

test(
  `${IN_FLIGHT} transactions under way across a roll forward to a version with another step`,
  async () => {
    fleet = await openFleet('deploy_forward')
    const shop = await openDeployShop(fleet)
    await shop.order(IN_FLIGHT)
    await shop.allWait()
    const old = fleet.mortals.find(({ name }) => name === 'worker')
    // Without versioning never both at once: what the new one began with a patch, the old one may get
    // for its next step, and cannot replay. The API accepts meanwhile, and nothing is lost.
    if (old !== undefined) await fleet.retire(old)
    await shop.order(5)
    await fleet.startWorker({ root: nextVersion('patched') })
    const startedAt = performance.now()
    expect(await shop.finish()).toEqual([])
    const drainMs = Math.round(performance.now() - startedAt)
    const stories = await seenToTheirEnd(shop)
    expect(stories.failedTasks).toEqual([])
    expect(stories.stories).toBe(stories.ended)
    keepResult(run, 'rows', { row: 'deploy forward', inFlight: IN_FLIGHT, drainMs })
  },
  IN_FLIGHT * 1_000 + 400_000,
)

test.runIf(IN_FLIGHT >= LONG)(
  'the alarm works: a step without a patch marker stops what was under way',
  async () => {
    fleet = await openFleet('deploy_careless')
    const shop = await openDeployShop(fleet)
    await shop.order(2)
    await shop.allWait()
    const old = fleet.mortals.find(({ name }) => name === 'worker')
    if (old !== undefined) await fleet.retire(old)
    await fleet.startWorker({ root: nextVersion('careless') })
    await shop.stir()
    const broken = await eventually(
      () => seen(shop.accountId),
      ({ failedTasks }) => failedTasks.length > 0,
      FAILED_MS_MAX,
    )
    expect(broken.failedTasks[0]).toMatch(/^(transaction|purchase-order)\//)
  },
  120_000,
)

test.runIf(IN_FLIGHT >= LONG)(
  'with worker versioning: forward, and back again, with what is under way',
  async () => {
    const deployment = `fleet-${randomBytes(4).toString('hex')}`
    const build = (name: string) => ({
      WORKER_BUILD_ID: name,
      WORKER_DEPLOYMENT_NAME: deployment,
    })
    fleet = await openFleet('deploy_versions', { workerEnv: build('n') })
    await use(deployment, 'n')
    const shop = await openDeployShop(fleet)
    await shop.order(10)
    await shop.allWait()
    const first = fleet.mortals.find(({ name }) => name === 'worker')
    const second = await fleet.startWorker({ root: nextVersion('same'), env: build('n-plus-1') })
    expect(await use(deployment, 'n-plus-1')).toContain('n-plus-1\tcurrent')
    await shop.order(5)
    await shop.allWait()
    expect((await seen(shop.accountId)).builds).toEqual({ n: 11, 'n-plus-1': 5 })
    // Back: the old one still runs and takes over what the new one has begun.
    expect(await use(deployment, 'n')).toContain('n\tcurrent')
    await fleet.retire(second)
    expect(await shop.finish()).toEqual([])
    const stories = await seenToTheirEnd(shop)
    expect(stories).toMatchObject({ failedTasks: [], builds: { n: stories.stories } })
    expect(stories.startedEagerly).toBeGreaterThan(0)
    expect(first?.ownDeaths).toEqual([])
  },
  400_000,
)
