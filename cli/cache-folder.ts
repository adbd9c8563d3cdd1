import { accessSync, constants, mkdirSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import type { Environment } from './children.ts'

/**
 * The folder for what is costly to make and the same for every clone on this machine. Made if it is
 * missing. Where the home folder cannot be written, one of our own below the temporary folder.
 */
export function cacheFolder(env: Environment): string {
  const { XDG_CACHE_HOME: xdg, HOME: home } = env
  const wanted = [
    ...(xdg !== undefined && isAbsolute(xdg) ? [join(xdg, 'bark')] : []),
    ...(home !== undefined && isAbsolute(home) ? [join(home, '.cache', 'bark')] : []),
  ]
  const usable = wanted.find(isUsable)
  if (usable !== undefined) return usable
  const own = join(tmpdir(), `bark-cache-${process.getuid?.() ?? 'user'}`)
  mkdirSync(own, { recursive: true, mode: 0o700 })
  assertOurs(own)
  return own
}

/** Whether the folder is there, or can be made, and is ours to write. */
export function isUsable(folder: string): boolean {
  try {
    mkdirSync(folder, { recursive: true })
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false // not ours to write: the next candidate
  }
}

/**
 * In a folder that everybody can write, somebody else may have made ours first, and we would run the
 * programs that they put there.
 */
export function assertOurs(folder: string): void {
  const { uid, mode } = statSync(folder)
  if (uid !== process.getuid?.() || (mode & 0o022) !== 0) {
    throw new Error(`${folder} belongs to somebody else or is writable by others: remove it`)
  }
}
