import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { randomUUID } from 'node:crypto'
import { afterEach, expect, test } from 'vitest'
import { eventually } from '../../harness.ts'
import { openHistory } from '../history.ts'
import { checkDatabase } from '../invariants.ts'
import { pause, type Mortal } from '../mortal.ts'
import { readRun } from '../run.ts'
import { openFleet, troubled, type Fleet } from './fleet.ts'
import { proveRow } from './prove.ts'

/** Processes that freeze, are blocked, run out of memory or of files, and one of two that dies. */

const FILE = 'test/faults/matrix/processes.test.ts'
const STORY_MS_MAX = 150_000
const HEARTBEAT_MS = 10_000 // HEARTBEAT_TIMEOUT of workflows/contract.ts
const run = readRun()
const long = run.matrix === 'all'

let fleet: Fleet
afterEach(() => fleet.stop())

/** The running processes of this name, in the order of their start. */
function named(name: string): Mortal[] {
  return fleet.mortals.filter((mortal) => mortal.name === name)
}

function signal(mortal: Mortal, what: NodeJS.Signals): void {
  if (mortal.pid !== null) process.kill(mortal.pid, what)
}

test(
  'a worker that stood still while another one took its work over does nothing twice when it goes on',
  async () => {
    fleet = await openFleet('matrix_zombie')
    await fleet.startWorker()
    const proof = await proveRow(fleet, run, {
      name: 'zombie worker',
      file: FILE,
      disturbances: 2,
      async disturb() {
        await pause(400)
        const [zombie] = named('worker')
        zombie?.pause()
        await pause(long ? 30_000 : HEARTBEAT_MS + 1_500)
        zombie?.resume()
      },
    })
    expect(proof.seconds).toBeLessThan(STORY_MS_MAX / 1_000)
    // It lives, and works: the other one ends and a whole story is told by it.
    const [zombie, other] = named('worker')
    if (other !== undefined) await fleet.retire(other)
    expect(zombie?.ownDeaths).toEqual([])
    await proveRow(fleet, run, {
      name: 'the zombie alone',
      file: FILE,
      disturbances: 0,
      disturb: async () => undefined,
    })
  },
  2 * STORY_MS_MAX,
)

test(
  'blocked event loops of API and worker, then the memory of both is full: the story goes on',
  async () => {
    const BLOCKED_MS = long ? 10_000 : 2_500
    const block = troubled({ onSignal: `block:${BLOCKED_MS}` })
    fleet = await openFleet('matrix_blocked', { apiEnv: block, workerEnv: block })
    await proveRow(fleet, run, {
      name: `event loops blocked for ${BLOCKED_MS} ms`,
      file: FILE,
      disturbances: 2,
      async disturb() {
        await pause(400)
        for (const mortal of [...named('api'), ...named('worker')]) signal(mortal, 'SIGUSR2')
      },
    })
    expect([...named('api'), ...named('worker')].flatMap(({ ownDeaths }) => ownDeaths)).toEqual([])
  },
  STORY_MS_MAX,
)

test(
  'a process that eats all its memory dies, is started again, and no promise breaks',
  async () => {
    const hungry = troubled({ onSignal: 'memory' })
    const options = `${hungry['NODE_OPTIONS']} --max-old-space-size=96`
    const env = { ...hungry, NODE_OPTIONS: options }
    fleet = await openFleet('matrix_memory', { apiEnv: env, workerEnv: env })
    await proveRow(fleet, run, {
      name: 'out of memory',
      file: FILE,
      disturbances: 2,
      async disturb() {
        await pause(400)
        for (const mortal of [...named('api'), ...named('worker')]) signal(mortal, 'SIGUSR2')
        await eventually(
          async () => [...named('api'), ...named('worker')].map((one) => one.ownDeaths.length),
          (deaths) => deaths.every((count) => count > 0),
          60_000,
        )
      },
    })
    for (const { ownDeaths } of [...named('api'), ...named('worker')]) {
      expect(ownDeaths.join()).toMatch(/SIGABRT|code 134/)
    }
  },
  STORY_MS_MAX,
)

test('an API without free file descriptors refuses, lives, and answers as soon as there are some', async () => {
  const FILES_MAX = 64
  fleet = await openFleet('matrix_files', { workerEnv: false })
  const [api] = named('api')
  execFileSync('prlimit', [`--pid=${api?.pid}`, `--nofile=${FILES_MAX}`])
  const port = Number(new URL(fleet.apiUrl).port)
  const sockets: Socket[] = Array.from({ length: 3 * FILES_MAX }, () =>
    connect({ host: '127.0.0.1', port }).on('error', () => undefined),
  )
  const client = openHistory(fleet.apiUrl, 'test_nothing')
  await eventually(
    () => client.ask({ name: 'no file left', path: '/healthz' }),
    ({ status }) => status !== 200,
  )
  for (const socket of sockets) socket.destroy()
  const healthy = await eventually(
    () => client.ask({ name: `again ${randomUUID()}`, path: '/healthz' }),
    ({ status }) => status === 200,
    5_000,
  )
  expect(healthy.status).toBe(200)
  expect(api?.ownDeaths).toEqual([])
  expect(await checkDatabase(fleet.database.db)).toEqual([])
})
