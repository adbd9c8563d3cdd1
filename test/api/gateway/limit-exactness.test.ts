import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeKey } from '../../factories.ts'
import { readyPort } from '../../ready-port.ts'
import { createClient } from '../client.ts'
import { serveApi, type ServedApi } from '../serve.ts'
import { secondBegins } from './second.ts'

/** The limits of one key over four processes on one database, at three times what is allowed. */

const PROCESSES = 4
const SECONDS = Number(process.env['BARK_PROVE_LIMIT_SECONDS'] ?? 3)
const SERVER = fileURLToPath(new URL('../../../server.ts', import.meta.url))

let api: ServedApi
const children: ChildProcess[] = []
const urls: string[] = []

beforeAll(async () => {
  api = await serveApi('limit_exactness')
  for (let n = 1; n < PROCESSES; n++) {
    children.push(
      fork(SERVER, [], {
        env: { DATABASE_URL: api.config.database.url, API_PORT: '0', DATABASE_POOL_SIZE_MAX: '4' },
        stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      }),
    )
  }
  const ports = await Promise.all(children.map(readyPort))
  urls.push(api.url, ...ports.map((port) => `http://127.0.0.1:${port}`))
}, 60_000)
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await api.stop()
})

/** Requests one after the other to each process in turn, all at once. */
async function ask(key: string, count: number) {
  const clients = urls.map((url) => createClient(url, key))
  return Promise.all(
    Array.from({ length: count }, (_, n) => {
      const client = clients[n % clients.length]
      if (client === undefined) throw new Error('no process')
      return client.get('/v2/products/none')
    }),
  )
}

test('in each second exactly what is allowed is served, whichever process is asked', async () => {
  const limit = 10
  const account = await makeAccount(api.database, { plan: 'enterprise' })
  const warm = await ask(account.key, PROCESSES)
  const endsAt = performance.now() + SECONDS * 1_000
  const rounds: ReturnType<typeof ask>[] = []
  // Open loop: what is held back does not slow the next ones down.
  while (performance.now() < endsAt) {
    rounds.push(ask(account.key, limit))
    await api.database.pool.query('select pg_sleep(0.33)')
  }
  const answers = [...warm, ...(await Promise.all(rounds)).flat()]
  const bySecond = Map.groupBy(answers, ({ headers }) => Number(headers.get('x-ratelimit-reset')))
  const seconds = [...bySecond].toSorted(([a], [b]) => a - b)
  expect(seconds.length).toBeGreaterThan(2)
  let carried = 0
  let previous = 0
  for (const [second, inIt] of seconds) {
    // What was served late was served in this second, and counts in it.
    const before = second - previous === 1 ? carried : 0
    const served = inIt.filter(({ status }) => status === 404).length
    expect(served).toBe(Math.min(inIt.length, 2 * limit - before))
    carried = Math.max(before + served - limit, 0)
    previous = second
  }
  const refused = answers.filter(({ status }) => status === 429)
  expect(refused.length).toBeGreaterThan(0)
  for (const { headers } of refused) expect(headers.get('retry-after')).toBe('1')
}, 60_000)

test('the hour and the day end at the very request', async () => {
  const windows = { requests_per_hour: 40, requests_per_day: 100 }
  /** Three times the allowance; null when the hour turned meanwhile, which no test can prevent. */
  const overload = async () => {
    const account = await makeAccount(api.database, { plan: 'enterprise' })
    await api.database.db
      .updateTable('organizations')
      .set(windows)
      .where('id', '=', account.organizationId)
      .execute()
    const key = await makeKey(api.database, account, { requestsPerSecond: 1_000 })
    const served = async (count: number) => {
      const answers = await ask(key, count)
      return {
        // A busy machine may answer 503 to one that was let in: it has been counted all the same.
        served: answers.filter(
          ({ status, headers }) =>
            status !== 429 && headers.get('ratelimit-policy')?.includes('"day"') === true,
        ).length,
        reasons: new Set(
          answers.flatMap(
            ({ body }) => /in this (hour|day)/.exec(JSON.stringify(body))?.slice(1, 2) ?? [],
          ),
        ),
      }
    }
    const hour = Math.floor(Date.now() / 3_600_000)
    const first = await served(240)
    await secondBegins(api.database.pool) // until then the processes know by themselves
    await api.database.pool.query(
      `update plan_windows set hour_start = hour_start - interval '1 hour' where account_id = $1`,
      [account.accountId],
    )
    const second = await served(60)
    return hour === Math.floor(Date.now() / 3_600_000) ? { first, second } : null
  }
  const seen = (await overload()) ?? (await overload())
  // Twice the hour after a quiet one; then the hour has 40 and the day 20 left.
  expect(seen).toEqual({
    first: { served: 80, reasons: new Set(['hour']) },
    second: { served: 20, reasons: new Set(['day']) },
  })
}, 60_000)
