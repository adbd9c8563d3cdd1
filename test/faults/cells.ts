import { connectTemporal } from './check-workflows.ts'
import { checkStory } from './checker.ts'
import { VICTIMS, type Cluster, type Victim } from './cluster.ts'
import { NotAcknowledged, type Operation } from './history.ts'
import type { Violation } from './invariants.ts'
import { makeMerchant, type Told } from './merchant.ts'
import { LINKS, type LinkName } from './links.ts'
import type { Mortal } from './mortal.ts'
import { MOMENTS, type Moment } from './proxy.ts'
import type { Random } from './random.ts'
import { describeRecovery } from './recovery.ts'
import { tellStory } from './story.ts'

const CELL_SECONDS_MAX = 120

/** One kill at one message: the n-th that the link carries while the story is told. */
export type Cell = { link: LinkName; message: number; moment: Moment; victim: Victim }

export type CellResult = {
  cell: Cell
  /** The trap sprang, the process died of it, and another one came. */
  hit: boolean
  /** How many the story told. */
  orders: number
  /** What the client was doing just then, and the message that was stopped at. */
  step: string
  stoppedAt: string
  /** What the client was told, from that moment on, until its operation was acknowledged. */
  clientSaw: string
  /** The process that was killed, and the one that came for it. */
  pids: (number | null)[]
  /** What the workflows of the story had to do again. */
  systemDid: string[]
  /** From the kill until the process was ready again. */
  backMs: number
  /** From the kill to the end of the story and its drain. */
  recoveredMs: number
  violations: Violation[]
}

/** `worker-temporal 17 beforeRequest worker`: how a cell is named on a command line. */
export function printCell({ link, message, moment, victim }: Cell): string {
  return [link, message, moment, victim].join(' ')
}

/** Throws for what is no cell. */
export function parseCell(text: string): Cell {
  const [link, message, moment, victim] = text.split(' ')
  return {
    link: oneOf(LINKS, link),
    message: Number(message),
    moment: oneOf(MOMENTS, moment),
    victim: oneOf(VICTIMS, victim),
  }
}

function oneOf<T extends string>(names: readonly T[], given: string | undefined): T {
  const found = names.find((name) => name === given)
  if (found === undefined) throw new Error(`${given} is none of ${names.join(', ')}`)
  return found
}

/** Tells the story once without a fault and counts the messages of each link. */
export async function recordMessages(cluster: Cluster): Promise<Record<LinkName, number>> {
  const before = new Map(LINKS.map((link) => [link, cluster.links[link].messages()]))
  const told = await tellStory(cluster, await makeMerchant(cluster))
  const counts = LINKS.map((link) => [
    link,
    cluster.links[link].messages() - (before.get(link) ?? 0),
  ])
  // How late a webhook is on a busy machine is not the question here.
  const violations = await checkStory(cluster, told, { count: 0, seconds: CELL_SECONDS_MAX })
  if (violations.length > 0) {
    throw new Error(`without any fault: ${JSON.stringify(violations)}`)
  }
  return Object.fromEntries(counts) as Record<LinkName, number> // every link has a count
}

/** Every message of some links × moment × victim. */
export function allCells(
  messages: Record<LinkName, number>,
  links: readonly LinkName[] = LINKS,
): Cell[] {
  return links.flatMap((link) =>
    Array.from({ length: messages[link] }, (_, index) =>
      MOMENTS.flatMap((moment) =>
        VICTIMS.map((victim) => ({ link, message: index + 1, moment, victim })),
      ),
    ).flat(),
  )
}

/**
 * So many cells, chosen by the seed: victims, moments and links in turn, so that a dozen has every
 * victim at every moment and seven have every link.
 */
export function sampleCells(
  messages: Record<LinkName, number>,
  count: number,
  random: Random,
): Cell[] {
  const pairs = random.shuffle(
    VICTIMS.flatMap((victim) => MOMENTS.map((moment) => ({ victim, moment }))),
  )
  const links = random.shuffle(LINKS)
  return Array.from({ length: count }, (_, index) => {
    const { victim, moment } = at(pairs, index)
    const link = at(links, index)
    return { link, message: 1 + random.integer(messages[link]), moment, victim }
  })
}

/** Tells the story with one kill in it, and checks everything. */
export async function runCell(cluster: Cluster, cell: Cell): Promise<CellResult> {
  const victim = cluster.mortals[cell.victim]
  cluster.clearLog()
  const merchant = await makeMerchant(cluster)
  const { operations } = merchant.client
  const killsBefore = victim.kills
  const deathsBefore = countOwnDeaths(cluster)
  const pidBefore = victim.pid
  const sprungIn: { operation: number; at: number; message: string; backMs: Promise<number> }[] = []
  const link = cluster.links[cell.link]
  const trap = link.setTrap({
    message: cell.message,
    moment: cell.moment,
    spring(message) {
      const killedAt = Date.now()
      sprungIn.push({
        operation: operations.length - 1,
        at: killedAt,
        message: readableStart(message),
        backMs: comeBack(victim).then(() => Date.now() - killedAt),
      })
    },
  })
  const startedAt = Date.now()
  const { told, violations } = await tell(cluster, () => tellStory(cluster, merchant))
  link.clearTrap()
  const [sprung] = sprungIn
  const recoveredMs = Date.now() - (sprung?.at ?? startedAt)
  const backMs = (await sprung?.backMs) ?? 0
  let systemDid: string[] = []
  if (told !== null) {
    await cluster.heal()
    const seconds = (Date.now() - startedAt) / 1000
    violations.push(...(await checkStory(cluster, told, { count: 1, seconds })))
    systemDid = await readRecovery(cluster, told)
  }
  if (countOwnDeaths(cluster) > deathsBefore) {
    const rows = Object.values(cluster.mortals).map(({ name, ownDeaths }) => ({ name, ownDeaths }))
    violations.push({ invariant: 'I27', what: 'another process died of the kill', rows })
  }
  return {
    cell,
    hit: trap.sprung() && victim.kills === killsBefore + 1 && victim.pid !== pidBefore,
    pids: [pidBefore, victim.pid],
    orders: told?.orders.length ?? 0,
    step: nameStep(operations[sprung?.operation ?? 0]),
    stoppedAt: sprung?.message ?? '',
    clientSaw: describeTries(operations.slice(sprung?.operation ?? 0)),
    systemDid,
    backMs,
    recoveredMs,
    violations,
  }
}

async function comeBack(victim: Mortal): Promise<void> {
  await victim.kill()
  await victim.up()
}

async function readRecovery(cluster: Cluster, { accountId }: Told): Promise<string[]> {
  const temporal = await connectTemporal(cluster.temporalAddress)
  try {
    return await describeRecovery(temporal.client, accountId)
  } finally {
    await temporal.close()
  }
}

/** The same words in every telling: without ids. */
function nameStep(operation: Operation | undefined): string {
  if (operation === undefined) return 'before the story'
  return operation.name.replace(/ of txn_\w+$/, '').replace(/inv_\w+$/, 'the invoice')
}

/** Deaths that nobody ordered. */
export function countOwnDeaths(cluster: Cluster): number {
  return Object.values(cluster.mortals).reduce((sum, { ownDeaths }) => sum + ownDeaths.length, 0)
}

/** A cell that names a message which this telling did not reach is tried again at an earlier one. */
export async function runCellUntilHit(cluster: Cluster, cell: Cell): Promise<CellResult> {
  let result = await runCell(cluster, cell)
  while (!result.hit && result.violations.length === 0 && result.cell.message > 1) {
    const message = Math.ceil(result.cell.message / 2)
    result = await runCell(cluster, { ...cell, message })
  }
  return result
}

/** Something promised that does not come is a violation like any other. */
export async function tell(
  cluster: Pick<Cluster, 'log'>,
  story: () => Promise<Told>,
): Promise<{ told: Told | null; violations: Violation[] }> {
  try {
    return { told: await story(), violations: [] }
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    const rows = error instanceof NotAcknowledged ? error.operation.tries.slice(-3) : []
    const log = cluster
      .log()
      .filter((line) => /^(api|worker) .*"level":"(warn|error)"|\[harness\]/.test(line))
      .map((line) => line.slice(0, 400))
    return {
      told: null,
      violations: [{ invariant: 'I27', what, rows: [...rows, ...log.slice(-20)] }],
    }
  }
}

/** What the operation under way at the kill was told: `no answer, 503, 201`. */
function describeTries([operation]: Operation[]): string {
  if (operation === undefined) return 'nothing'
  const seen = operation.tries.map(({ status, replayed }) => {
    if (status === null) return 'no answer'
    return replayed ? `${status} replayed` : String(status)
  })
  return seen.filter((word, index) => word !== seen[index - 1]).join(', ')
}

/** The readable beginning of a message: a request line, a statement, a method. */
function readableStart(message: Buffer): string {
  const text = message.toString('latin1')
  const request = /^[A-Z]+ \S+(?= HTTP\/1\.1\r)/.exec(text)?.[0]
  const readable = (request ?? text).replaceAll(/[^\x20-\x7e]+/g, ' ').replaceAll(/\s+/g, ' ')
  return readable.trim().slice(0, 100)
}

function at<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length]
  if (found === undefined) throw new Error('an empty list')
  return found
}
