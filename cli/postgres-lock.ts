import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { commandOf, isAlive } from './process-list.ts'

/**
 * PostgreSQL writes this file a moment after it has made it. A file that is without a number for
 * longer was left by a server that was killed just then.
 */
const LOCK_WRITE_MS_MAX = 250

/** The server that runs on a cluster's folder now, by the lock file in it; null = none does. */
export function lockHolder(cluster: string): number | null {
  const pid = readLock(cluster)?.pid ?? null
  return pid !== null && isHolder(pid, cluster) ? pid : null
}

/**
 * Removes a lock file that names no living server of this folder: one without a number (a second
 * kill while the server started), or with a number that belongs to somebody else by now. PostgreSQL
 * refuses to start beside either and would never come back. A file that names a dead process stays:
 * PostgreSQL takes that one over by itself. That no orphan of an earlier server still writes it makes
 * sure of without the file too, by the shared memory that belongs to the folder.
 */
export async function clearDeadLock(cluster: string): Promise<void> {
  if (readLock(cluster)?.pid === null) await delay(LOCK_WRITE_MS_MAX)
  const lock = readLock(cluster)
  if (lock === null) return
  const isDead = lock.pid === null || (isAlive(lock.pid) && !isHolder(lock.pid, cluster))
  if (isDead) rmSync(lockFile(cluster), { force: true })
}

/** What the lock file says; null if there is none. */
function readLock(cluster: string): { pid: number | null } | null {
  let text: string
  try {
    text = readFileSync(lockFile(cluster), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  }
  const pid = Number(text.split('\n')[0])
  return { pid: Number.isInteger(pid) && pid > 0 ? pid : null }
}

/** Numbers repeat, after a restart of the machine at the latest: the command line tells. */
function isHolder(pid: number, cluster: string): boolean {
  return isAlive(pid) && commandOf(pid).includes(cluster)
}

function lockFile(cluster: string): string {
  return join(cluster, 'postmaster.pid')
}
