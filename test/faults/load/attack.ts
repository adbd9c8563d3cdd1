import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

/** One kind of request at a steady rate, whether or not the ones before are answered. */
export type Stream = {
  name: string
  key: string
  method: 'GET' | 'POST'
  path: string
  /** Taken in turn; each POST gets an Idempotency-Key of its own. */
  bodies: string[]
  /** `closed`: every connection sends its next request as soon as it has its answer. */
  perSecond: number | 'closed'
  /** Requests that may be on their way; more than these wait, and their waiting counts as their time. */
  connections: number
}

export type Attack = { url: string; seconds: number; streams: Stream[] }

/** How one status was answered. Milliseconds from the instant at which each request was due. */
export type Answered = {
  count: number
  withRetryAfter: number
  /** Of refusals: how many have each `reason`. */
  reasons: Record<string, number>
  p50: number
  p99: number
}

export type StreamResult = {
  name: string
  /** By status; `none` where no answer came. */
  statuses: Record<string, Answered>
  /** Ids of what was answered 201. */
  accepted: string[]
  /** What was due and had found no free connection when the attack ended; nobody waits for it. */
  unsent: number
  /** Answers 201 by second since the start. */
  perSecond: number[]
}

const OUTPUT_BYTES_MAX = 64 << 20
const GENERATOR = fileURLToPath(new URL('generator.ts', import.meta.url))

/** Runs the attack in a process of its own, which ends by itself. */
export async function runAttack(attack: Attack): Promise<Record<string, StreamResult>> {
  const generator = promisify(execFile)(process.execPath, [GENERATOR], {
    maxBuffer: OUTPUT_BYTES_MAX,
    timeout: attack.seconds * 1_000 + 60_000,
  })
  generator.child.stdin?.end(JSON.stringify(attack)) // too long for an argument
  const { stdout } = await generator
  const results = JSON.parse(stdout) as StreamResult[] // written by generator.ts
  return Object.fromEntries(results.map((result) => [result.name, result]))
}

/** How many were answered so. */
export function countOf(result: StreamResult | undefined, status: number): number {
  return result?.statuses[String(status)]?.count ?? 0
}

/** Everything that was answered in another way than these. */
export function otherThan(result: StreamResult | undefined, statuses: number[]): object {
  const known = statuses.map(String)
  const others = Object.entries(result?.statuses ?? {}).filter(([name]) => !known.includes(name))
  return Object.fromEntries(others)
}
