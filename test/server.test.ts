import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openDatabase, type Database } from '../db/client.ts'
import { makeAccount, makeProduct } from './factories.ts'
import { createTestDatabase, type TestDatabase } from './stack.ts'

const SERVER = fileURLToPath(new URL('../server.ts', import.meta.url))

let testDatabase: TestDatabase
let database: Database
const children: ChildProcess[] = []

beforeAll(async () => {
  testDatabase = await createTestDatabase('server')
  database = openDatabase({
    url: testDatabase.url,
    poolSizeMax: 4,
    applicationName: 'test-server',
    onError: () => undefined,
  })
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await database.close()
  await testDatabase.drop()
})

/** The API as its own process, as `npm start` runs it; without any Temporal. */
async function startServer(env: Record<string, string> = {}) {
  const child = fork(SERVER, [], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: testDatabase.url,
      API_PORT: '0',
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  })
  children.push(child)
  const lines: { msg: string; port?: number }[] = []
  if (child.stdout === null) throw new Error('no output')
  const reader = createInterface({ input: child.stdout })
  reader.on('line', (line) => lines.push(JSON.parse(line) as { msg: string }))
  await expect.poll(() => lines.some(({ msg }) => msg === 'ready'), { timeout: 20_000 }).toBe(true)
  const port = lines.find(({ msg }) => msg === 'ready')?.port ?? 0
  return { child, lines, url: `http://127.0.0.1:${port}` }
}

test('it is ready on a free port, serves without Temporal and logs ids only', async () => {
  const { child, lines, url } = await startServer()
  const account = await makeAccount(database)
  await makeProduct(database, account.accountId, { sku: 'SERVED' })
  const answer = await fetch(`${url}/v2/products/SERVED?`, {
    headers: { Authorization: `Bearer ${account.key}`, Cookie: 'session=canary' },
  })
  expect(answer.status).toBe(200)
  await answer.text()
  await expect.poll(() => lines.filter(({ msg }) => msg === 'request').length).toBe(1)
  const line = lines.find(({ msg }) => msg === 'request')
  expect(line).toMatchObject({
    request_id: answer.headers.get('x-request-id'),
    method: 'GET',
    route: '/v2/products/{id}',
    status: 200,
    account_id: account.accountId,
  })
  const text = JSON.stringify(lines)
  for (const secret of [account.key, account.key.slice(5, 25), 'canary', 'SERVED']) {
    expect(text).not.toContain(secret)
  }
  child.kill('SIGTERM')
  const [code] = (await once(child, 'exit')) as [number | null]
  expect(code).toBe(0)
})

test('it answers what is under way before it ends', async () => {
  const { child, url } = await startServer()
  const account = await makeAccount(database)
  const { id } = await makeProduct(database, account.accountId)
  const holder = await database.pool.connect()
  await holder.query('begin')
  await holder.query('select 1 from products where id = $1 for update', [id])
  const waiting = fetch(`${url}/v2/products/${id}`, {
    method: 'PATCH',
    headers: { Authorization: `Bearer ${account.key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'under way' }),
  })
  const isLocked = async () => {
    const { rows } = await database.pool.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock'
         and datname = current_database()`,
    )
    return rows[0]?.n
  }
  await expect.poll(isLocked, { interval: 20 }).toBe(1)
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await holder.query('rollback')
  holder.release()
  const answer = await waiting
  expect(answer.status).toBe(200)
  expect(await answer.json()).toMatchObject({ name: 'under way' })
  const answeredAt = performance.now()
  expect(((await ended) as [number])[0]).toBe(0)
  expect(performance.now() - answeredAt).toBeLessThan(5_000)
  await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed')
})

test('it ends with its parent', async () => {
  const { child } = await startServer()
  const ended = once(child, 'exit')
  child.disconnect()
  expect(((await ended) as [number])[0]).toBe(0)
})

test('it refuses to start in production on development secrets', async () => {
  const child = fork(SERVER, [], {
    env: { PATH: process.env['PATH'], DATABASE_URL: testDatabase.url, BARK_MODE: 'production' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  children.push(child)
  const said: Buffer[] = []
  child.stderr?.on('data', (chunk: Buffer) => said.push(chunk))
  const [code] = (await once(child, 'exit')) as [number]
  expect(code).not.toBe(0)
  expect(Buffer.concat(said).toString()).toContain('must be set in production mode')
})
