/**
 * Installs the packages when the lock has changed since they were; else it does nothing. Built-in
 * modules only. `bin/bark.mjs` begins with it, and so do the scripts of package.json that need packages.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stampFile = join(root, 'node_modules', '.bark-lock')

const lock = readFileSync(join(root, 'package-lock.json'), 'utf8')
const stamp = createHash('sha256')
  .update(lock)
  .update(`${process.platform}-${process.arch}`)
  .digest('hex')
if (read(stampFile) !== stamp) {
  if (!isInstalled()) install()
  remember(stamp)
}

/**
 * A developer's own `npm install` leaves no stamp, but it leaves npm's record of what is there.
 * @typedef {Record<string, { version?: string, integrity?: string, optional?: boolean }>} Packages
 */
function isInstalled() {
  const record = read(join(root, 'node_modules', '.package-lock.json'))
  if (record === null) return false
  const installed = packagesOf(record)
  return Object.entries(packagesOf(lock)).every(([path, wanted]) => {
    const found = installed[path]
    if (path === '') return true // ourselves
    if (found === undefined) return wanted.optional === true // for another platform
    // A record can outlive what it tells of: a folder that was deleted or copied by halves.
    const isThere = existsSync(join(root, path, 'package.json'))
    return isThere && found.version === wanted.version && found.integrity === wanted.integrity
  })
}

/**
 * @param {string} text
 * @returns {Packages}
 */
function packagesOf(text) {
  return /** @type {{ packages: Packages }} */ (JSON.parse(text)).packages
}

/** @param {string} text */
function remember(text) {
  try {
    writeFileSync(stampFile, text)
  } catch {
    // Packages that belong to somebody else are fine to use; the next start looks at them again.
  }
}

function install() {
  const startedAt = Date.now()
  process.stderr.write('  Packages       … installing\n')
  const npm = process.env.npm_execpath?.endsWith('npm-cli.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm']
  const flags = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  const { status, error } = spawnSync(npm[0], [...npm.slice(1), ...flags], {
    cwd: root,
    // Standard output belongs to the command: with --json it is one line.
    stdio: ['ignore', 2, 2],
  })
  if (status !== 0) {
    const how = error ? `could not run: ${error.message}` : `ended with code ${status}`
    process.stderr.write(`npm ci ${how}\n`)
    process.exit(1)
  }
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
  process.stderr.write(`  Packages       ${`${seconds} s`.padStart(7)}  installed\n`)
}

/** @param {string} file */
function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}
