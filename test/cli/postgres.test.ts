import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startChild, type Child } from '../../cli/children.ts'
import { createDatabase, databaseAnswers, onServer } from '../../cli/database.ts'
import { preparePostgres } from '../../cli/postgres.ts'
import { isAlive } from '../../cli/process-list.ts'

/** For a busy machine; a poll ends as soon as it is true. */
const PATIENT = { timeout: 20_000 }
const quiet = { line: () => undefined, died: () => undefined, revived: () => undefined }
let folder: string
let child: Child | undefined

async function start() {
  const postgres = await preparePostgres(folder, { durable: false, env: process.env })
  child = await startChild(postgres.child, quiet, new AbortController().signal)
  return { url: postgres.url, pid: child.pid ?? 0, postgres }
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bark postgres '))
  chmodSync(folder, 0o755) // as root, PostgreSQL is another user and has to pass
})
afterEach(() => child?.stop())
afterAll(() => rmSync(folder, { recursive: true }))

test('keeps its data, its password and its port over a restart', async () => {
  const first = await start()
  await first.postgres.prepareDatabase()
  await onServer(first.url, (client) => client.query(`create table kept as select 'it' as was`))
  await child?.stop()
  expect(await databaseAnswers(first.url)).toBe(false)

  const second = await start()
  expect(second.url).toBe(first.url)
  const { rows } = await onServer(second.url, (client) => client.query('select was from kept'))
  expect(rows).toEqual([{ was: 'it' }])
  expect(await createDatabase(second.url)).toBe(false)
})

test('asks everybody for the password, which only its owner can read', async () => {
  const { url } = await start()
  const guessed = new URL(url)
  guessed.password = 'guess'
  expect(await databaseAnswers(url)).toBe(true)
  expect(await databaseAnswers(guessed.href)).toBe(false)
  expect(statSync(join(folder, 'postgres.json')).mode & 0o077).toBe(0)
})

test('a start ends a server that an earlier start left behind', async () => {
  const orphan = await start()
  const next = await preparePostgres(folder, { durable: false, env: process.env })
  // Its number stays until our own supervisor has seen its end.
  await expect.poll(() => isAlive(orphan.pid), PATIENT).toBe(false)
  await child?.stop() // before its supervisor starts it again
  child = await startChild(next.child, quiet, new AbortController().signal)
  expect(await databaseAnswers(orphan.url)).toBe(true)
})

test('comes back when it was killed while it started, and left a lock file that nobody can read', async () => {
  const { url, pid, postgres } = await start()
  const lock = join(postgres.child.cwd, 'postmaster.pid')
  // What each crash leaves: nothing written, half a line, a number that is somebody else's by now.
  for (const left of ['', '\n', `${process.pid}\n${postgres.child.cwd}\n`]) {
    const before = child?.pid ?? 0
    process.kill(before, 'SIGKILL')
    await expect.poll(() => isAlive(before), PATIENT).toBe(false)
    writeFileSync(lock, left)
    await expect.poll(() => databaseAnswers(url), PATIENT).toBe(true)
    expect(readFileSync(lock, 'utf8')).toMatch(new RegExp(`^${child?.pid}\n`))
  }
  expect(child?.pid).not.toBe(pid)
})

test('never takes the lock of a server that lives', async () => {
  const { pid, postgres } = await start()
  const lock = readFileSync(join(postgres.child.cwd, 'postmaster.pid'), 'utf8')
  await postgres.child.beforeStart?.()
  expect(readFileSync(join(postgres.child.cwd, 'postmaster.pid'), 'utf8')).toBe(lock)
  expect(isAlive(pid)).toBe(true)
})
