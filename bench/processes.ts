import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Processor time and memory of processes from outside, so that the bare programs need no code for it. */

/** By name: the process ids that count as one. */
export type Watched = Record<string, () => number[]>

/** Reads the clocks of all; `since` later gives microseconds by name. Empty where there is no /proc. */
export function readProcessorTime(watched: Watched): { since(): Record<string, number> } {
  const read = () =>
    new Map(Object.entries(watched).map(([name, pids]) => [name, sumMicros(pids())]))
  const before = read()
  return {
    since() {
      const after = read()
      return Object.fromEntries(
        [...after].flatMap(([name, micros]) => {
          const start = before.get(name)
          return micros === null || start === null || start === undefined
            ? []
            : [[name, micros - start]]
        }),
      )
    },
  }
}

/** The memory that a process holds now, or the most that it has held. Throws where there is no /proc. */
export function memoryMib(pid: number, what: 'now' | 'peak'): number {
  const name = what === 'now' ? 'VmRSS' : 'VmHWM'
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]
  if (kib === undefined) throw new Error(`The system does not say ${name} of process ${pid}`)
  return Number(kib) / 1_024
}

/** The process and all that it started, now. */
export function processTree(root: number): number[] {
  const children = new Map<number, number[]>()
  for (const pid of listProcesses()) {
    const parent = readStat(pid)?.parent
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), pid])
  }
  const tree = [root]
  for (const pid of tree) tree.push(...(children.get(pid) ?? []))
  return tree
}

/** Ticks of /proc per second. */
const TICKS_PER_SECOND = ticksPerSecond()

function sumMicros(pids: number[]): number | null {
  if (TICKS_PER_SECOND === null) return null
  const ticks = pids.reduce((sum, pid) => sum + (readStat(pid)?.ticks ?? 0), 0)
  return (ticks * 1_000_000) / TICKS_PER_SECOND
}

/** Of a process, or undefined when it is gone. Children that ended count with their parent. */
function readStat(pid: number): { parent: number; ticks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name stands in parentheses and may hold anything; what follows are numbers.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    // Own time, and that of children that ended: a connection's process that ends takes nothing away.
    const ticks = fields.slice(11, 15).reduce((sum, value) => sum + Number(value), 0)
    return { parent: Number(fields[1]), ticks }
  } catch {
    return undefined
  }
}

function listProcesses(): number[] {
  try {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => pid > 0)
  } catch {
    return [] // not Linux: the figures come without processor time
  }
}

function ticksPerSecond(): number | null {
  if (listProcesses().length === 0) return null
  return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
}
