import { LINKS, VICTIMS, type Cluster, type LinkName, type Victim } from './cluster.ts'
import { pause } from './mortal.ts'
import type { LinkMode } from './proxy.ts'
import type { Random } from './random.ts'

/** Several faults in one story, some of them at the same time. */
export type Fault = { atMs: number; forMs: number } & (
  | { kind: 'kill'; victim: Victim }
  | { kind: 'freeze'; victim: Victim }
  | { kind: 'link'; link: LinkName; mode: LinkMode }
)

const FAULTS_MIN = 3
const FAULTS_MORE = 4
const STORY_MS = 3_000 // about as long as the story takes when nothing happens
const FAULT_MS_MIN = 100
const FAULT_MS_MORE = 2_500

/** Three to six faults over the time of a story; the first two overlap. */
export function drawStorm(random: Random): Fault[] {
  const count = FAULTS_MIN + random.integer(FAULTS_MORE)
  return Array.from({ length: count }, (_, index) => {
    const forMs = FAULT_MS_MIN + random.integer(FAULT_MS_MORE)
    const atMs = index < 2 ? 200 + index * 50 : random.integer(STORY_MS)
    const time = { atMs, forMs: index < 2 ? Math.max(forMs, 400) : forMs }
    switch (random.integer(3)) {
      case 0:
        return { ...time, kind: 'kill' as const, victim: random.pick(VICTIMS) }
      case 1:
        return { ...time, kind: 'freeze' as const, victim: random.pick(VICTIMS) }
      default: {
        const link = random.pick(LINKS)
        return { ...time, kind: 'link' as const, link, mode: drawMode(random, link) }
      }
    }
  })
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

/** Lets the faults happen, each in its time; resolves when the last one is over. */
export async function raiseStorm(cluster: Cluster, faults: Fault[]): Promise<void> {
  await Promise.all(faults.map((fault) => happen(cluster, fault)))
}

async function happen(cluster: Cluster, fault: Fault): Promise<void> {
  await pause(fault.atMs)
  switch (fault.kind) {
    case 'kill':
      await cluster.mortals[fault.victim].kill()
      return
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
