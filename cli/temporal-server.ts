import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { cacheFolder, isUsable } from './cache-folder.ts'
import type { Environment } from './children.ts'

/** Told from time to time during a long step, so that it shows that it is alive. */
export type OnProgress = (text: string) => void

const LAST_LINES_MAX = 12

/** The own Temporal server from the cache, or null if it was never built from these sources. */
export function cachedTemporalServer(root: string, env: Environment): string | null {
  const binary = binaryPath(root, env)
  return existsSync(binary) ? binary : null
}

/**
 * Builds the own Temporal server with Go: minutes the first time on a machine, seconds when only our
 * sources changed. Two builds at once do the work twice and harm nothing. Rejects with the compiler's
 * last lines, or in words if there is no Go.
 */
export async function buildTemporalServer(
  root: string,
  env: Environment,
  options: { onProgress: OnProgress; signal: AbortSignal },
): Promise<string> {
  const binary = binaryPath(root, env)
  const fresh = `${binary}.${process.pid}`
  const timesFile = join(cacheFolder(env), 'temporal-server-build.json')
  const lastSeconds = readSeconds(timesFile)
  const startedAt = performance.now()
  const elapsed = () => Math.round((performance.now() - startedAt) / 1000)
  let packages = 0
  const tell = setInterval(() => {
    const last =
      lastSeconds === null ? 'some minutes, once per machine' : `last time ${lastSeconds} s`
    options.onProgress(`building with Go: ${elapsed()} s, ${packages} packages (${last})`)
  }, 1_000)
  try {
    await goBuild(root, fresh, goEnvironment(env), options.signal, () => packages++)
    renameSync(fresh, binary)
    removeOlder(binary)
    // A quick rebuild says nothing about how long the first build takes.
    if (lastSeconds === null || packages > 100) {
      writeFileSync(timesFile, JSON.stringify({ seconds: elapsed() }))
    }
    return binary
  } finally {
    clearInterval(tell)
    rmSync(fresh, { force: true })
  }
}

function goBuild(
  root: string,
  output: string,
  env: Environment,
  signal: AbortSignal,
  onPackage: () => void,
): Promise<void> {
  // Without a version stamp: it would need git, and git refuses a clone of another user.
  const flags = ['-buildvcs=false', '-ldflags=-s -w', '-v']
  const child = spawn('go', ['build', ...flags, '-o', output, '.'], {
    cwd: sourceFolder(root),
    env,
    signal,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const lines: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => {
    onPackage()
    lines.push(line)
    if (lines.length > LAST_LINES_MAX) lines.shift()
  })
  // Ctrl-C in the middle must not leave a compiler running.
  const stop = () => child.kill()
  process.once('exit', stop)
  return new Promise<void>((resolve, reject) => {
    child.once('error', () =>
      reject(new Error('there is no Go on this machine (`go` on the PATH)')),
    )
    child.once('close', (code) => {
      if (code === 0) resolve()
      else reject(new Error(`the Go build failed:\n    ${lines.join('\n    ')}`))
    })
  })
}

/** Named by what it is made from, so that a changed source is a new binary. */
function binaryPath(root: string, env: Environment): string {
  const hash = createHash('sha256').update(`${process.platform}/${process.arch}\n`)
  const folder = sourceFolder(root)
  for (const name of readdirSync(folder).sort()) {
    if (!/\.go$|^go\.(mod|sum)$/.test(name)) continue
    hash.update(`${name}\n`).update(readFileSync(join(folder, name)))
  }
  return join(cacheFolder(env), `temporal-server-${hash.digest('hex').slice(0, 16)}`)
}

function sourceFolder(root: string): string {
  return join(root, 'scripts', 'temporal-server')
}

/** Go keeps modules and objects in the home folder; where that cannot be written, with our cache. */
function goEnvironment(env: Environment): Environment {
  if (env['HOME'] !== undefined && isUsable(env['HOME'])) return env
  const folder = join(cacheFolder(env), 'go')
  mkdirSync(folder, { recursive: true })
  return {
    ...env,
    GOCACHE: env['GOCACHE'] ?? join(folder, 'objects'),
    GOPATH: env['GOPATH'] ?? folder,
  }
}

/** One binary has 150 MB; only the newest two are kept, for a clone on another branch. */
function removeOlder(binary: string): void {
  const folder = join(binary, '..')
  const others = readdirSync(folder)
    .filter((name) => /^temporal-server-[0-9a-f]{16}$/.test(name))
    .map((name) => join(folder, name))
    .filter((path) => path !== binary)
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs)
  for (const path of others.slice(1)) rmSync(path, { force: true })
}

function readSeconds(file: string): number | null {
  if (!existsSync(file)) return null
  const value: unknown = JSON.parse(readFileSync(file, 'utf8'))
  return typeof value === 'object' && value !== null && 'seconds' in value
    ? Number(value.seconds)
    : null
}
