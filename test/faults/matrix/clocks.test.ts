import { afterEach, expect, test } from 'vitest'
import { eventually } from '../../harness.ts'
import { fieldsOf } from '../json.ts'
import { pause } from '../mortal.ts'
import { readRun } from '../run.ts'
import { openFleet, troubled, type Fleet } from './fleet.ts'
import { proveRow } from './prove.ts'

/**
 * API and worker with clocks of their own: the purchase order, the deadlines and the delays of webhooks
 * follow the database's clock and the server's timers, so nothing of the story may change.
 */

const FILE = 'test/faults/matrix/clocks.test.ts'
const HOURS_36_MS = 36 * 3_600_000
const STEP_MS = -10 * 60_000
const STORY_MS_MAX = 120_000
const OFF_BY_MS_MAX = 60_000 // between the line of a log and our look at it
const run = readRun()

const pairs = [
  { api: HOURS_36_MS, worker: -HOURS_36_MS },
  { api: -HOURS_36_MS, worker: HOURS_36_MS },
]

let fleet: Fleet | null = null
afterEach(async () => {
  await fleet?.stop()
  fleet = null
})

test.each(run.matrix === 'all' ? pairs : pairs.slice(0, 1))(
  'the clock of the API is off by $api ms and that of the worker by $worker ms; then both step back',
  async ({ api, worker }) => {
    const onSignal = `step:${STEP_MS}`
    const opened = await openFleet('matrix_clocks', {
      apiEnv: troubled({ clockMs: api, onSignal }),
      workerEnv: troubled({ clockMs: worker, onSignal }),
    })
    fleet = opened
    const row = { file: FILE, disturbances: 1 }
    expect(await readClock(opened, 'api')).toBeCloseTo(api, -5)
    expect(await readClock(opened, 'worker')).toBeCloseTo(worker, -5)
    await proveRow(opened, run, { ...row, name: 'clocks off', disturb: async () => undefined })

    await proveRow(opened, run, {
      ...row,
      name: 'clocks step back',
      async disturb() {
        await pause(1_000)
        for (const { name, pid } of opened.mortals) {
          if ((name === 'api' || name === 'worker') && pid !== null) process.kill(pid, 'SIGUSR2')
        }
      },
    })
    const stepped = (clock: number) => Math.abs(clock - api - STEP_MS) < OFF_BY_MS_MAX
    await eventually(() => readClock(opened, 'api'), stepped)
  },
  2 * STORY_MS_MAX,
)

/** How far a process's clock is from ours, in milliseconds: its newest log line tells. */
async function readClock({ apiUrl, log }: Fleet, name: 'api' | 'worker'): Promise<number> {
  await fetch(`${apiUrl}/v2`) // makes the API write a line
  const line = log().findLast((text) => text.startsWith(`${name} {`)) ?? ''
  const entry: unknown = JSON.parse(line.slice(name.length + 1))
  return Date.parse(String(fieldsOf(entry)['time'])) - Date.now()
}
