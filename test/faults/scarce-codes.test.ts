import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { importCodes, makeAccount, makeCustomer, makeKey, makeProduct } from '../factories.ts'
import { bundleWorkflows, eventually, startStack, type Stack } from '../harness.ts'
import { nodeProgram } from './cluster.ts'
import { pause, startMortal, type Mortal } from './mortal.ts'
import { seededRandom, seedOfRun } from './random.ts'

/**
 * Twice as many requests as there are codes, while the worker is killed again and again: each code goes
 * to one order, and who gets none waits. `BARK_PROVE_SCARCITY=10000` for as many requests as are
 * promised; a kill for every five hundred.
 */
const REQUESTS = Number(process.env['BARK_PROVE_SCARCITY'] ?? 120)
const CODES = REQUESTS / 2
const CLIENTS = 32
const KILLS = Math.max(2, Math.floor(REQUESTS / 500))
const LIFE_MS_MAX = 4_000
const ASKED_AGAIN_MS = 50
/** The look counts every order: oftener it would be a load of its own. */
const LOOK_AGAIN_MS = REQUESTS > 1_000 ? 2_000 : 100
const DONE_WITHIN_MS = 120_000 + REQUESTS * 180
const ROOT = fileURLToPath(new URL('../..', import.meta.url))

let stack: Stack
let worker: Mortal
beforeAll(async () => {
  stack = await startStack('scarce-codes', { worker: false })
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
    }),
    { line: () => undefined },
  )
}, 120_000)
afterAll(async () => {
  await worker.stop()
  await stack.stop()
})

type CodeList = { requested: number; delivered: number; codes: { code: string | null }[] }

/** Asks until the answer is one of success; a busy API may say 429 or 503 before. */
async function insist(key: string, path: string, init: RequestInit = {}): Promise<unknown> {
  const headers = { ...init.headers, authorization: `Bearer ${key}` }
  for (;;) {
    const answer = await fetch(`${stack.apiUrl}${path}`, { ...init, headers })
    const body: unknown = await answer.json()
    if (answer.ok) return body
    if (answer.status !== 429 && answer.status !== 503) throw new Error(JSON.stringify(body))
    await pause(ASKED_AGAIN_MS)
  }
}

test(
  `${REQUESTS} requests for ${CODES} codes from ${CLIENTS} clients, ${KILLS} kills of the worker`,
  async () => {
    const random = seededRandom(seedOfRun())
    const { database } = stack
    const account = await makeAccount(database, { plan: 'enterprise' })
    const key = await makeKey(database, account, { requestsPerSecond: 1_000 })
    const product = await makeProduct(database, account.accountId)
    const secrets: string[] = []
    while (secrets.length < CODES) {
      const more = Math.min(1_000, CODES - secrets.length)
      const made = await importCodes(
        database,
        stack.config.keys,
        account,
        { productId: product.id },
        more,
      )
      secrets.push(...made)
    }

    let isOver = false
    const killing = async () => {
      while (!isOver && worker.kills < KILLS) {
        await worker.up()
        await pause(random.integer(LIFE_MS_MAX))
        await worker.kill()
      }
    }
    let asked = 0
    const ids: string[] = []
    const orderOn = async () => {
      const customerId = await makeCustomer(database, account.accountId)
      while (asked < REQUESTS) {
        const n = asked++
        const made = await insist(key, '/v2/transactions', {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'idempotency-key': `scarce-${n}` },
          body: JSON.stringify({
            customer_id: customerId,
            items: [{ sku: product.sku, quantity: 1 }],
          }),
        })
        ids.push((made as { id: string }).id)
      }
    }
    const clients = Array.from({ length: CLIENTS }, orderOn)
    const killed = killing()
    await Promise.all(clients)
    await killed
    isOver = true

    // Each order has its code, or its story has seen that there is none and waits.
    await eventually(
      async () => {
        await pause(LOOK_AGAIN_MS)
        const { rows } = await database.pool.query<{ done: number; waiting: number }>(
          `select count(*) filter (where t.ended_at is not null)::int as done,
             count(w.story_id)::int as waiting
           from transactions t left join waits w on w.story_id = t.id and t.ended_at is null
           where t.account_id = $1`,
          [account.accountId],
        )
        return rows[0]
      },
      (counts) => counts?.done === CODES && counts.waiting === REQUESTS - CODES,
      DONE_WITHIN_MS,
    )

    const lists: CodeList[] = []
    const reading = [...ids]
    const readOn = async () => {
      for (let id = reading.pop(); id !== undefined; id = reading.pop()) {
        lists.push((await insist(key, `/v2/transactions/${id}/codes`)) as CodeList)
      }
    }
    await Promise.all(Array.from({ length: CLIENTS }, readOn))
    expect(new Set(ids).size).toBe(REQUESTS)
    const shown = lists.flatMap(({ codes }) => codes.flatMap(({ code }) => code ?? []))
    expect(shown).toHaveLength(CODES)
    expect(new Set(shown)).toEqual(new Set(secrets))
    expect(lists.filter(({ delivered }) => delivered === 0)).toHaveLength(REQUESTS - CODES)
    process.stdout.write(
      `seed ${random.seed}: ${worker.kills} kills, ${REQUESTS} requests, ${shown.length} codes issued, ` +
        `${new Set(shown).size} different ones\n`,
    )
  },
  DONE_WITHIN_MS + 600_000,
)
