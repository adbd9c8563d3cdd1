import { join } from 'node:path'
import { cacheFolder } from './cache-folder.ts'
import type { ChildSpec, Environment } from './children.ts'

const READY_SECONDS_MAX = 60
const STOP_SECONDS_MAX = 15 // answers that are under way, activities that hand back

/**
 * How our own Node programs are run: settings by environment, ready by a log line, ended by IPC. What
 * Node compiles is kept for the next start, by its content, in the cache folder.
 */
export function nodeProgram(
  name: 'api' | 'worker' | 'supplier' | 'psp',
  file: string,
  root: string,
  env: Environment,
): ChildSpec {
  return {
    name,
    command: process.execPath,
    args: [join(root, file)],
    env: { NODE_COMPILE_CACHE: join(cacheFolder(env), 'compiled'), ...env },
    cwd: root,
    parentLink: 'ipc',
    stop: [{ signal: 'SIGTERM', secondsMax: STOP_SECONDS_MAX }],
    ready: 'ready-line',
    readySecondsMax: READY_SECONDS_MAX,
  }
}
