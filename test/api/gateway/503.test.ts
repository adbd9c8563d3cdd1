import { createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildApp } from '../../../api/app.ts'
import { route, type Route } from '../../../api/route.ts'
import { openDatabase } from '../../../db/client.ts'
import { createLog } from '../../../log.ts'
import { startApi } from '../../../server.ts'
import { makeAccount, type TestAccount } from '../../factories.ts'
import { eventually } from '../../harness.ts'
import { fieldsOf } from '../../faults/json.ts'
import { createClient } from '../client.ts'
import { serveApi, type ServedApi } from '../serve.ts'
import { openDoor, saidBy } from './door.ts'

let api: ServedApi
let account: TestAccount

beforeAll(async () => {
  api = await serveApi('gateway_503')
  account = await makeAccount(api.database)
})
afterAll(() => api.stop())

const log = createLog('test-503', 'silent')

/** A port on which somebody listens and never says a word. */
async function openBlackHole(): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function askWithDatabaseAt(port: number) {
  const url = `postgres://nobody@127.0.0.1:${port}/nothing`
  const config = { ...api.config, database: { ...api.config.database, url } }
  const running = await startApi(config, log)
  const client = createClient(`http://127.0.0.1:${running.port}`, account.key)
  const startedAt = performance.now()
  const answer = await client.get('/v2/products')
  const tookMs = performance.now() - startedAt
  const ready = await client.get('/readyz', { key: null })
  const alive = await client.get('/healthz', { key: null })
  await running.close()
  return { answer, tookMs, ready, alive }
}

test('a database that refuses connections is 503 at once, and the process lives', async () => {
  const gone = await openBlackHole()
  await gone.close()
  const { answer, tookMs, ready, alive } = await askWithDatabaseAt(gone.port)
  expect(answer.status).toBe(503)
  expect(answer.headers.get('retry-after')).toBe('1')
  expect(answer.body['error']).toMatchObject({
    code: 'server_error',
    reason: 'service_unavailable',
  })
  expect(tookMs).toBeLessThan(2_000)
  expect(ready.status).toBe(503)
  expect(alive.status).toBe(200)
})

test('a database that says nothing is 503 after two seconds, never a hang', async () => {
  const hole = await openBlackHole()
  const { answer, tookMs } = await askWithDatabaseAt(hole.port)
  await hole.close()
  expect(answer.status).toBe(503)
  expect(tookMs).toBeLessThan(3_000)
})

/** A route that works until it is told to stop. */
function waitingRoute(release: Promise<void>): Route {
  return route({
    operationId: 'waitForIt',
    method: 'get',
    path: '/v2/wait',
    tag: 'Test',
    summary: 'Waits',
    access: 'any_key',
    rateClass: 'read',
    idempotency: 'none',
    responses: { 204: { description: 'Done.' } },
    errors: [],
    async handler() {
      await release
      return { status: 204 }
    },
  })
}

test('what is more than the process can work on is refused at once, and room comes back', async () => {
  const held = Promise.withResolvers<void>()
  const database = openDatabase({
    url: api.config.database.url,
    poolSizeMax: 12, // nobody waits for a connection: it is the gate that refuses
    applicationName: 'gate',
    onError: () => undefined,
  })
  const config = { ...api.config, api: { ...api.config.api, inFlightMax: 3 } }
  const built = buildApp({ database, config, log }, [waitingRoute(held.promise)])
  const headers = { Authorization: `Bearer ${account.key}` }
  const ask = async () => built.app.request('/v2/wait', { headers })
  let refusals = 0
  const asked = Array.from({ length: 10 }, async () => {
    const { status } = await ask()
    if (status === 503) refusals += 1
    return status
  })
  await expect.poll(() => refusals, { interval: 5 }).toBe(7)
  const startedAt = performance.now()
  const refused = await ask()
  expect(refused.status).toBe(503)
  expect(performance.now() - startedAt).toBeLessThan(50)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(refused.headers.get('x-ratelimit-limit')).toBe('5000')
  expect(await refused.json()).toMatchObject({ error: { reason: 'busy' } })
  held.resolve()
  expect((await Promise.all(asked)).filter((status) => status === 204)).toHaveLength(3)
  expect((await ask()).status).toBe(204)
  await built.close()
  await database.close()
})

test('a flood of writes is turned away before the app, in the words of the app', async () => {
  const held = Promise.withResolvers<void>()
  const database = openDatabase({
    url: api.config.database.url,
    poolSizeMax: 12,
    applicationName: 'flood',
    onError: () => undefined,
  })
  const config = { ...api.config, api: { ...api.config.api, inFlightMax: 3 } }
  const writing = { ...waitingRoute(held.promise), method: 'post', rateClass: 'write' } as const
  const built = buildApp({ database, config, log }, [writing])
  const door = await openDoor(built)
  const post = (key: string) =>
    fetch(`${door.url}/v2/wait`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}` },
    })
  const refusals: { headers: Headers; body: unknown }[] = []
  const ask = async () => {
    const answer = await post(account.key)
    const { status, headers } = answer
    if (status === 503) refusals.push({ headers, body: await answer.json() })
    return status
  }
  const inside = Array.from({ length: 3 }, ask)
  await eventually(ask, (status) => status === 503)
  while (door.turnedAway() < 5) await ask()
  const [first, last] = [refusals[0], refusals.at(-1)]
  expect(saidBy(last)).toEqual(saidBy(first))
  expect(last?.headers.get('retry-after')).toMatch(/^[1-5]$/)
  expect(fieldsOf(last?.body)['error']).toMatchObject({
    request_id: last?.headers.get('x-request-id'),
    reason: 'busy',
  })
  // Who has no key is told so, however many there are.
  expect((await post('test_nobody')).status).toBe(401)
  held.resolve()
  expect(await Promise.all(inside)).toEqual([204, 204, 204])
  expect(await eventually(ask, (status) => status !== 503)).toBe(204)
  door.close()
  await built.close()
  await database.close()
})

test('an exhausted pool is 503 with Retry-After, and it heals', async () => {
  const config = { ...api.config, database: { ...api.config.database, poolSizeMax: 2 } }
  const running = await startApi(config, log)
  const client = createClient(`http://127.0.0.1:${running.port}`, account.key)
  const product = await client.post('/v2/products', { name: 'P', price: 1, sku: 'POOL-1' })
  const holder = await api.database.pool.connect()
  await holder.query('begin')
  await holder.query('select 1 from products where sku = $1 for update', ['POOL-1'])
  // Each of these holds a connection until its lock times out; the rest finds none.
  const path = `/v2/products/${product.body['id'] as unknown as string}`
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, n) => client.patch(path, { name: `P${n}` })),
  )
  for (const answer of answers) {
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('1')
  }
  await holder.query('rollback')
  holder.release()
  expect((await client.patch(path, { name: 'again' })).status).toBe(200)
  await running.close()
})

test('a mistake of ours is an empty 500 with the id that the log has', async () => {
  const lines: string[] = []
  const capturing = Object.assign(createLog('capture', 'silent'), {
    error: (fields: object, message: string) => lines.push(JSON.stringify({ ...fields, message })),
  })
  const broken: Route = {
    ...waitingRoute(Promise.resolve()),
    respond: () => Promise.reject(new Error('pin 1234')),
  }
  const database = openDatabase({
    url: api.config.database.url,
    poolSizeMax: 2,
    applicationName: 'broken',
    onError: () => undefined,
  })
  const built = buildApp({ database, config: api.config, log: capturing }, [broken])
  const answer = await built.app.request('/v2/wait', {
    headers: { Authorization: `Bearer ${account.key}` },
  })
  const text = await answer.text()
  expect(answer.status).toBe(500)
  expect(text).not.toContain('1234')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(answer.headers.get('x-request-id') ?? 'no id')
  await built.close()
  await database.close()
})
