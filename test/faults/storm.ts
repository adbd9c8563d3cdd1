import { VICTIMS, type Cluster, type Victim } from './cluster.ts'
import { LINKS, type LinkName } from './links.ts'
import { pause } from './mortal.ts'
import type { LinkMode } from './proxy.ts'
import type { Random } from './random.ts'

/** One of the faults of a storm: begins and lasts so long after the storm's beginning. */
export type Fault = { atMs: number; forMs: number } & (
  | { kind: 'kill'; victim: Victim }
  | { kind: 'freeze'; victim: Victim }
  | { kind: 'link'; link: LinkName; mode: LinkMode }
)

/** Several faults, two of them at the same time. */
export type Storm = { seed: number; faults: Fault[] }

const FAULTS_MIN = 2
const FAULTS_MORE = 4
const STORM_MS = 1_500
const FAULT_MS_MIN = 100
const FAULT_MS_MORE = 1_200
const TOGETHER_MS = 400
/** Between two storms something may get done, which the next one then meets half-way. */
const CALM_MS = 1_000

/** Two to five faults; the first two overlap and hit different things. */
export function drawStorm(random: Random): Storm {
  const count = FAULTS_MIN + random.integer(FAULTS_MORE)
  const faults: Fault[] = []
  while (faults.length < count) {
    const fault = drawFault(random, faults.length)
    const isNew = faults.length !== 1 || targetOf(fault) !== faults.map(targetOf)[0]
    if (isNew) faults.push(fault)
  }
  return { seed: random.seed, faults }
}

function drawFault(random: Random, nth: number): Fault {
  const forMs = FAULT_MS_MIN + random.integer(FAULT_MS_MORE)
  const time =
    nth < 2
      ? { atMs: nth * 50, forMs: Math.max(forMs, TOGETHER_MS) }
      : { atMs: random.integer(STORM_MS), forMs }
  switch (random.integer(3)) {
    case 0:
      return { ...time, kind: 'kill', victim: random.pick(VICTIMS) }
    case 1:
      return { ...time, kind: 'freeze', victim: random.pick(VICTIMS) }
    default: {
      const link = random.pick(LINKS)
      return { ...time, kind: 'link', link, mode: drawMode(random, link) }
    }
  }
}

function targetOf(fault: Fault): string {
  return fault.kind === 'link' ? fault.link : fault.victim
}

function drawMode(random: Random, link: LinkName): LinkMode {
  // Temporal's own statements have no time-out of their own: a silent database is waited for as
  // long as the operating system waits (docs/promises.md).
  const silence: LinkMode[] = link === 'temporal-postgres' ? [] : [{ kind: 'silence' }]
  return random.pick<LinkMode>([
    ...silence,
    { kind: 'latency', ms: 50 + random.integer(400) },
    { kind: 'blackHole' },
    { kind: 'reset' },
    { kind: 'loseReplies' },
    { kind: 'slow', bytesPerSecond: 200 + random.integer(5_000) },
    { kind: 'cutReplies', afterBytes: random.integer(400) },
  ])
}

/** Lets the storms pass one after the other; resolves when the last fault is over. */
export async function raiseStorms(cluster: Cluster, storms: Storm[]): Promise<void> {
  for (const { faults } of storms) {
    await Promise.all(faults.map((fault) => happen(cluster, fault)))
    await pause(CALM_MS)
  }
}

async function happen(cluster: Cluster, fault: Fault): Promise<void> {
  await pause(fault.atMs)
  switch (fault.kind) {
    case 'kill': {
      const mortal = cluster.mortals[fault.victim]
      mortal.keepDown()
      await mortal.kill()
      await pause(fault.forMs)
      mortal.revive()
      return
    }
    case 'freeze':
      cluster.mortals[fault.victim].pause()
      await pause(fault.forMs)
      cluster.mortals[fault.victim].resume()
      return
    case 'link':
      cluster.links[fault.link].setMode(fault.mode)
      await pause(fault.forMs)
      cluster.links[fault.link].setMode({ kind: 'pass' })
  }
}
