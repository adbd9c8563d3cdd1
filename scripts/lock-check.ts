import { readFileSync } from 'node:fs'
import { ROOT } from './source-files.ts'

type LockedPackage = {
  integrity?: string
  resolved?: string
  link?: boolean
  optionalDependencies?: Record<string, string>
}
export type Lock = { packages: Record<string, LockedPackage> }

/** Parses package-lock.json. npm wrote the file, so its shape is npm's, lockfile version 3. */
export function readLock(): Lock {
  const lock: unknown = JSON.parse(readFileSync(`${ROOT}package-lock.json`, 'utf8'))
  return asLock(lock)
}

/**
 * What is wrong with a lock, one sentence each. Some published packages lack builds for some
 * platforms; npm then writes a lock without their entries, which `npm ci` refuses everywhere. And a
 * lock names no registry, so that it works behind a mirror; integrity says what was meant.
 */
export function findLockProblems(lock: Lock): string[] {
  const names = new Set(
    Object.keys(lock.packages).map((path) => path.split('node_modules/').at(-1)),
  )
  return Object.entries(lock.packages).flatMap(([path, entry]) => {
    if (path === '') return []
    const problems = Object.keys(entry.optionalDependencies ?? {})
      .filter((name) => !names.has(name))
      .map(
        (name) => `${path}: its optional ${name} has no entry; pin a version that has all builds`,
      )
    if (entry.integrity === undefined && entry.link !== true) problems.push(`${path}: no integrity`)
    if (entry.resolved !== undefined) problems.push(`${path}: names a host (${entry.resolved})`)
    return problems
  })
}

function asLock(value: unknown): Lock {
  if (typeof value !== 'object' || value === null || !('packages' in value)) {
    throw new TypeError('package-lock.json has no packages: it must be of lockfile version 3')
  }
  // oxlint-disable-next-line typescript/consistent-type-assertions -- npm wrote and versions the file
  return value as Lock
}
