import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

/** bin/bark.mjs in a clone of which everything else is pretended, also npm. */
let clone: string

const installed = (version: string) => ({
  'node_modules/a': { version, integrity: `sha512-${version}` },
})
const lock = (version: string) =>
  JSON.stringify({
    packages: {
      '': { name: 'bark' },
      ...installed(version),
      'node_modules/elsewhere': { version: '1.0.0', integrity: 'sha512-e', optional: true },
    },
  })
/** What npm writes down: without the packages of other platforms. */
const record = JSON.stringify({ packages: installed('1.0.0') })

const NPM = `#!/bin/sh
echo "$@" >> npm-calls
cp package-lock.json node_modules/.package-lock.json
mkdir -p node_modules/a && echo {} > node_modules/a/package.json
echo noise of npm`

beforeEach(() => {
  clone = mkdtempSync(join(tmpdir(), 'bark clone '))
  for (const folder of ['bin', 'cli', 'node_modules', 'path']) mkdirSync(join(clone, folder))
  cpSync(new URL('../../bin', import.meta.url), join(clone, 'bin'), { recursive: true })
  writeFileSync(join(clone, 'package.json'), '{"type":"module"}')
  writeFileSync(join(clone, 'cli', 'main.ts'), 'console.log(process.argv.slice(2).join())')
  writeFileSync(join(clone, 'path', 'npm'), NPM, { mode: 0o755 })
  writeFileSync(join(clone, 'package-lock.json'), lock('1.0.0'))
})
afterEach(() => rmSync(clone, { recursive: true }))

function bark(...args: string[]) {
  const env = { PATH: `${join(clone, 'path')}:${process.env.PATH}` }
  const entry = join(clone, 'bin', 'bark.mjs')
  return spawnSync(process.execPath, [entry, ...args], { env, encoding: 'utf8' })
}

const npmCalls = () => {
  const file = join(clone, 'npm-calls')
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
}

test('installs on a fresh clone, once, and keeps standard output for the command', () => {
  expect(bark('start', '--json').stdout).toBe('start,--json\n')
  expect(bark('start').stdout).toBe('start\n')
  expect(npmCalls()).toEqual(['ci --include=dev --no-audit --no-fund --loglevel=error'])
})

test('installs again when the lock has changed', () => {
  bark()
  writeFileSync(join(clone, 'package-lock.json'), lock('1.0.1'))
  bark()
  expect(npmCalls()).toHaveLength(2)
})

test('takes what a developer has installed by hand', () => {
  writeFileSync(join(clone, 'node_modules', '.package-lock.json'), record)
  mkdirSync(join(clone, 'node_modules', 'a'))
  writeFileSync(join(clone, 'node_modules', 'a', 'package.json'), '{}')
  expect(bark('keys').stdout).toBe('keys\n')
  expect(npmCalls()).toEqual([])
})

test('installs when npm’s record tells of a package that is not there', () => {
  writeFileSync(join(clone, 'node_modules', '.package-lock.json'), record)
  expect(bark('keys').stdout).toBe('keys\n')
  expect(npmCalls()).toHaveLength(1)
})

test('says so when the installation fails', () => {
  writeFileSync(join(clone, 'path', 'npm'), '#!/bin/sh\nexit 7', { mode: 0o755 })
  const { status, stderr, stdout } = bark('start')
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toContain('npm ci ended with code 7')
})
