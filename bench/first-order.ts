import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { ROOT } from '../scripts/source-files.ts'
import { NoFigure, type Figure } from './figure.ts'
import { untilDelivered } from './get-codes.ts'
import type { Stage } from './servers.ts'
import { order } from './shop.ts'
import { compare, type Side } from './windows.ts'

/** From `npm start` to the codes of the first order, against the start of two bare programs. */

export const firstOrder: Figure = {
  id: 'G1',
  title: '`npm start` on a machine that has started it before, until the first order has its codes',
  against:
    'a Hono program until its first INSERT is answered, then a bare worker until its first workflow has ended; PostgreSQL and Temporal run already',
  unit: 's',
  gate: '≤ 5, then ≤ 2',
  async run(stage, { pairs }) {
    const folder = mkdtempSync(join(tmpdir(), 'bark-bench-start-'))
    try {
      // The thrown-away first window prepares the folder: databases, schema, seed.
      const size = { pairs, seconds: 1 }
      return await compare(startAndOrder(folder), startBarePrograms(stage), size, stage)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

const running = z.object({ api: z.string(), keys: z.object({ customer: z.string() }) })

function startAndOrder(folder: string): Side {
  return {
    async measure() {
      const startedAt = performance.now()
      const args = ['start', '--silent', '--', '--json', '--port', '0', '--data', folder]
      // A group of its own: npm does not pass every signal on.
      const npm = spawn('npm', args, {
        cwd: ROOT,
        env: withoutServers(process.env),
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      // npm itself ends at once; Bark, which holds the other end of the pipe, has servers to stop first.
      const ended = once(npm, 'close')
      const said = lastOf(npm.stderr)
      try {
        const line = await firstLine(npm.stdout)
        npm.stdout.resume()
        if (line === null) throw new NoFigure(`npm start ended before it was ready: ${said()}`)
        const { api, keys } = running.parse(JSON.parse(line))
        const body = JSON.stringify({ items: [{ sku: 'LUMORA-20-USD', quantity: 2 }] })
        const { orderId } = await order(api, keys.customer, body)
        await untilDelivered(api, keys.customer, orderId)
        return { value: (performance.now() - startedAt) / 1_000, cpuMicros: {} }
      } finally {
        if (npm.pid !== undefined) process.kill(-npm.pid, 'SIGTERM')
        await ended
      }
    },
  }
}

function startBarePrograms(stage: Stage): Side {
  return {
    async measure() {
      const startedAt = performance.now()
      const bare = await stage.start('bench/bare/insert.ts')
      const answer = await fetch(`${bare.url}/orders`, { method: 'POST', body: '{"items":[]}' })
      if (answer.status !== 201) throw new NoFigure(await answer.text())
      const taskQueue = `bare-${randomUUID()}`
      const settings = { TASK_QUEUE: taskQueue }
      const worker = await stage.start('bench/bare/worker.ts', { settings })
      await stage.temporal.workflow.execute('oneLocalActivity', {
        taskQueue,
        workflowId: taskQueue,
      })
      const value = (performance.now() - startedAt) / 1_000
      await bare.stop()
      await worker.stop()
      return { value, cpuMicros: {} }
    },
  }
}

/** What it prints when everything is ready, or null if it ended before. */
async function firstLine(output: NodeJS.ReadableStream): Promise<string | null> {
  for await (const line of createInterface({ input: output })) return line
  return null
}

const SAID_CHARACTERS_MAX = 150 // a figure's reason is one line of a table

/** What a program said last; it is read all the time, because a full pipe would stop it. */
function lastOf(output: NodeJS.ReadableStream): () => string {
  let said = ''
  output.on('data', (part) => (said = `${said}${part}`.slice(-SAID_CHARACTERS_MAX)))
  return () => said.trim().replaceAll(/\s+/g, ' ')
}

/** It is to start servers of its own. */
function withoutServers(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { DATABASE_URL: _, TEMPORAL_ADDRESS: _address, ...others } = env
  return others
}
