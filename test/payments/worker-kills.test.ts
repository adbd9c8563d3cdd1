import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundleWorkflows, eventually, startStack, type Stack } from '../harness.ts'
import { nodeProgram } from '../faults/cluster.ts'
import { startMortal, type Mortal } from '../faults/mortal.ts'
import { openPspGate, type PspGate } from './psp-gate.ts'
import { findDifferences, openTill, type Payment, type Refund, type Till } from './world.ts'

/**
 * A worker process that is killed with SIGKILL between the moment when the provider has done something
 * and the moment when anybody knows: authorizations, captures and refunds at once. On request only:
 * BARK_PROVE_KILLS says how many of each (200 is the proof).
 */
const RUNS = Number(process.env['BARK_PROVE_KILLS'] ?? 6)
const PER_KILL = 6 // of each kind: together fewer than a worker has places for
const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const KILL_MS = 120_000

let stack: Stack
let gate: PspGate
let worker: Mortal

beforeAll(async () => {
  stack = await startStack('worker_kills', { psp: true, worker: false })
  gate = await openPspGate(stack.psp())
  const { database, temporal } = stack.config
  worker = await startMortal(
    nodeProgram(ROOT, 'worker', 'worker.ts', {
      ...process.env,
      DATABASE_URL: database.url,
      TEMPORAL_ADDRESS: temporal.address,
      TEMPORAL_NAMESPACE: temporal.namespace,
      TEMPORAL_TASK_QUEUE: temporal.taskQueue,
      TEMPORAL_SCHEDULES: 'false',
      WORKFLOW_BUNDLE_PATH: await bundleWorkflows(),
      SANDBOX_PSP_URL: gate.url,
      LOG_LEVEL: 'info', // it says in its log when it is ready
    }),
    { line: () => undefined },
  )
}, 120_000)
afterAll(async () => {
  await worker.stop()
  await gate.close()
  await stack.stop()
})

const times = <T>(count: number, make: () => Promise<T>) =>
  Promise.all(Array.from({ length: count }, make))

/** Payments of an account, `count` of each kind, each as far as the call that nobody hears of. */
async function prepare(till: Till, count: number) {
  const captured = await times(count, () => till.create({ capture_method: 'manual' }, 0))
  const refunded = await times(count, () => till.create({}, 0))
  for (const { id } of captured) await untilStatus(till, id, 'requires_capture')
  for (const { id } of refunded) await untilStatus(till, id, 'succeeded')
  return { captured, refunded }
}

const untilStatus = (till: Till, id: string, wanted: Payment['status']) =>
  eventually(
    () => till.payment(id),
    ({ status }) => status === wanted,
    KILL_MS,
  )

test(
  `${RUNS} authorizations, captures and refunds under kills move the money once each`,
  async () => {
    let killed = 0
    for (let done = 0; done < RUNS; done += PER_KILL) {
      const count = Math.min(PER_KILL, RUNS - done)
      const till = await openTill(stack, { plan: 'enterprise' })
      gate.set('pass')
      await worker.up()
      const { captured, refunded } = await prepare(till, count)
      gate.held.clear()
      gate.set('hold')
      const authorized = await times(count, () => till.create({ amount: 700 }, 0))
      for (const { id } of captured) {
        await till.client.post(`/v2/payments/${id}/capture`, { amount: 4_000 })
      }
      const refunds: string[] = []
      for (const { id } of refunded) {
        const asked = await till.client.post<Refund>(`/v2/payments/${id}/refund`, { amount: 1_500 })
        refunds.push(asked.body.id)
      }
      await eventually(
        () => Promise.resolve(gate.held.size),
        (held) => held === 3 * count, // the provider has done them all, and nobody knows of one
        KILL_MS,
      )
      await worker.kill()
      killed += 3 * count
      gate.set('pass')
      for (const { id } of [...authorized, ...captured]) await untilStatus(till, id, 'succeeded')
      for (const id of refunds) {
        await eventually(
          () => till.refund(id),
          ({ status }) => status === 'succeeded',
          KILL_MS,
        )
      }
      const moved = (await till.ledger()).map(({ amount }) => amount)
      expect(moved.toSorted((a, b) => a - b)).toEqual(
        [-1_500, 700, 4_000, 19_999].flatMap((amount) =>
          Array.from({ length: count }, () => amount),
        ),
      )
      await eventually(
        () => findDifferences(stack, till),
        (differences) => differences.length === 0,
      )
    }
    process.stdout.write(`${killed} calls were carried out while their worker was killed\n`)
    expect(worker.kills).toBe(Math.ceil(RUNS / PER_KILL))
  },
  Math.ceil(RUNS / PER_KILL) * KILL_MS + 60_000,
)
