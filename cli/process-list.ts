import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Whether a process with this number exists, ours or not. */
export function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** The command line of a process, empty if there is none. */
export function commandOf(pid: number): string {
  return ask(
    () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' '),
    () => execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }),
  )
}

/**
 * Tells this process from a later one with the same number: the instant at which it began, in the
 * system's own words. Empty if there is none.
 */
export function beginningOf(pid: number): string {
  return ask(
    () => {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The second field is the program's name in brackets and may hold spaces.
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
    },
    () => execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }),
  )
}

function ask(linux: () => string, others: () => string): string {
  try {
    return (process.platform === 'linux' ? linux() : others()).trim()
  } catch {
    return '' // both fail in the same way when the process is gone
  }
}
