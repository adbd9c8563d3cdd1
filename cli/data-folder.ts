import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { findPostgresHome } from './postgres-home.ts'
import { beginningOf } from './process-list.ts'

/** Below the clone. */
export const DEFAULT_DATA_FOLDER = '.bark'

const LOCK_FILE = 'supervisor.pid'
const LOCK_TRIES_MAX = 5

/**
 * What `--reset` removes. A list, and never the folder itself: `--data` may name a folder that holds
 * other things too.
 */
const CONTENTS = [
  'postgres',
  'postgres.new',
  'postgres.json',
  'demo',
  'keys.json',
  'running.json',
  'supplier.json',
  'temporal.db',
  'temporal.db-shm',
  'temporal.db-wal',
  'webhook-listen.json',
]

/** Open to pass, so that PostgreSQL's own user reaches its part; what is secret is closed by itself. */
export function openDataFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
}

/**
 * Takes the folder for this process, or returns the number of the live process that has it. A lock of
 * a process that was killed is taken over.
 */
export function lockDataFolder(folder: string): number | null {
  const file = join(folder, LOCK_FILE)
  for (let tries = 0; tries < LOCK_TRIES_MAX; tries++) {
    try {
      writeFileSync(file, `${process.pid}\n${beginningOf(process.pid)}\n`, { flag: 'wx' })
      return null
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const holder = holderOf(folder)
    if (holder !== null) return holder
    rmSync(file, { force: true })
  }
  throw new Error(`${file} cannot be taken: another start is as quick as this one`)
}

export function unlockDataFolder(folder: string): void {
  rmSync(join(folder, LOCK_FILE), { force: true })
}

/** The live process that holds the folder, or null. */
export function holderOf(folder: string): number | null {
  const file = join(folder, LOCK_FILE)
  if (!existsSync(file)) return null
  const [pid, beginning] = readFileSync(file, 'utf8').split('\n')
  const alive =
    beginning !== undefined && beginning !== '' && beginningOf(Number(pid)) === beginning
  return alive ? Number(pid) : null
}

/** Removes what Bark keeps in the folder. Only while holding its lock. */
export function emptyDataFolder(folder: string): void {
  // As root the cluster may lie elsewhere, with only a link here.
  const { cluster } = findPostgresHome(folder)
  rmSync(cluster, { recursive: true, force: true })
  const bundles = readdirSync(folder).filter((name) => name.startsWith('workflow-bundle'))
  for (const name of [...CONTENTS, ...bundles]) {
    rmSync(join(folder, name), { recursive: true, force: true })
  }
}
