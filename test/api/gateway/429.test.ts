import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildApp } from '../../../api/app.ts'
import { createRequestCounter } from '../../../api/middleware/request-counter.ts'
import { countRequest, countRequests } from '../../../db/rate-limits.ts'
import { createLog } from '../../../log.ts'
import { makeAccount, makeKey, type TestAccount } from '../../factories.ts'
import { eventually } from '../../harness.ts'
import { serveApi, type ServedApi } from '../serve.ts'
import { openDoor, saidBy } from './door.ts'
import { secondBegins } from './second.ts'

let api: ServedApi
let account: TestAccount

beforeAll(async () => {
  api = await serveApi('gateway_429')
  account = await makeAccount(api.database, { plan: 'enterprise' })
})
afterAll(() => api.stop())

/** Counts a read of a key that may make ten, on a plan without windows. */
async function countSecond(keyId: string) {
  const limits = { perSecond: 10, perHour: null, perDay: null }
  const request = { keyId, accountId: account.accountId, rateClass: 'read', limits } as const
  const [second] = (await countRequest(api.database.pool, request)).windows
  if (second === undefined) throw new Error('no second was counted')
  return second
}

test('the count of a second is exact over parallel connections', async () => {
  await secondBegins(api.database.pool)
  const counts = await Promise.all(Array.from({ length: 60 }, () => countSecond('key_exact')))
  expect(new Set(counts.map(({ resetSeconds }) => resetSeconds)).size).toBe(1)
  const numbers = counts.map(({ count }) => count).toSorted((a, b) => a - b)
  expect(numbers.filter((count) => count <= 10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  expect(numbers.filter((count) => count > 10 && count <= 20)).toHaveLength(10)
  expect(numbers.filter((count) => count > 20)).toHaveLength(40)
})

test('requests that come while one is counted are counted together, each as if alone', async () => {
  const { pool } = api.database
  const statements: number[] = []
  const counter = createRequestCounter(api.database, (on, request, number) => {
    statements.push(number)
    return countRequests(on, request, number)
  })
  const limits = { perSecond: 10, perHour: null, perDay: null }
  const of = (keyId: string) =>
    ({ keyId, accountId: account.accountId, rateClass: 'read', limits }) as const
  await secondBegins(pool)
  const [one, another] = await Promise.all(
    ['key_together', 'key_beside'].map((keyId) =>
      Promise.all(Array.from({ length: 30 }, () => counter.count(of(keyId)))),
    ),
  )
  for (const counts of [one, another]) {
    expect(counts?.map(({ windows }) => windows[0]?.count)).toEqual(
      Array.from({ length: 30 }, (_, n) => n + 1),
    )
    expect(counts?.filter(({ refusedBy }) => refusedBy === 'second')).toHaveLength(10)
  }
  expect(statements.toSorted((a, b) => a - b)).toEqual([1, 1, 29, 29])
})

test('a counter that fails tells everybody who waits for it, and counts again', async () => {
  let fails = true
  const counter = createRequestCounter(api.database, (...asked) => {
    if (fails) return Promise.reject(new Error('away'))
    return countRequests(...asked)
  })
  const limits = { perSecond: 10, perHour: null, perDay: null }
  const request = {
    keyId: 'key_fails',
    accountId: account.accountId,
    rateClass: 'read',
    limits,
  } as const
  const told = await Promise.allSettled(Array.from({ length: 3 }, () => counter.count(request)))
  expect(told.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  fails = false
  expect((await counter.count(request)).windows[0]?.count).toBe(1)
})

test('what was served late counts in the next second too', async () => {
  await secondBegins(api.database.pool)
  const count = () => countSecond('key_carry')
  for (let n = 0; n < 25; n++) await count()
  await secondBegins(api.database.pool)
  expect((await count()).count).toBe(11) // ten were carried over, so this one is late again
  await secondBegins(api.database.pool)
  expect((await count()).count).toBe(2)
  await secondBegins(api.database.pool)
  expect((await count()).count).toBe(1)
})

test('a quiet second forgets, and so does a clock that stepped back', async () => {
  const count = () => countSecond('key_quiet')
  await count()
  await api.database.pool.query(
    `update rate_limits set count = 20, window_start = window_start + interval '10 minutes'
     where key_id = 'key_quiet'`,
  )
  expect((await count()).count).toBe(1)
})

test('ten reads at once, ten held until the second is over, the rest refused', async () => {
  const client = api.client(account.key)
  await client.get('/v2/products') // the key is looked up, the connections are open
  const burst = async () => {
    for (let seconds = 0; seconds < 3; seconds++) await secondBegins(api.database.pool)
    const startedAt = performance.now()
    return Promise.all(
      Array.from({ length: 40 }, async () => {
        const answer = await client.get('/v2/products/none')
        return { answer, tookMs: performance.now() - startedAt }
      }),
    )
  }
  // On a busy machine a burst may reach into the next second, or find the process busy: then it is no
  // answer to the question.
  const isOneSecond = (answers: Awaited<ReturnType<typeof burst>>) =>
    new Set(answers.map(({ answer }) => answer.headers.get('x-ratelimit-reset'))).size === 1 &&
    answers.every(({ answer }) => answer.status !== 503)
  const answers = await eventually(burst, isOneSecond, 60_000)
  const passed = answers.filter(({ answer }) => answer.status === 404)
  const refused = answers.filter(({ answer }) => answer.status === 429)
  expect(passed.length).toBe(20)
  expect(refused.length).toBe(20)
  // The held ones wait for the end of the second, which began a few milliseconds before.
  expect(passed.filter(({ tookMs }) => tookMs > 800)).toHaveLength(10)
  expect(passed.every(({ tookMs }) => tookMs < 2_000)).toBe(true)
  for (const { answer } of refused) {
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(answer.headers.get('x-ratelimit-remaining')).toBe('0')
    expect(answer.body['error']).toMatchObject({ code: 'rate_limit_exceeded' })
  }
}, 70_000)

test('the headers say what is left and when the second ends', async () => {
  const key = await makeKey(api.database, account)
  const client = api.client(key)
  await client.get('/v2/products/none')
  await secondBegins(api.database.pool)
  const first = await client.get('/v2/products/none')
  const second = await client.get('/v2/products/none')
  expect(first.headers.get('x-ratelimit-limit')).toBe('10')
  expect(first.headers.get('ratelimit-policy')).toBe('"read";q=10;w=1')
  const left = (answer: typeof first) => Number(answer.headers.get('x-ratelimit-remaining'))
  expect(left(first) - left(second)).toBe(1)
  const reset = Number(first.headers.get('x-ratelimit-reset'))
  expect(Math.abs(reset - Date.now() / 1000)).toBeLessThan(2)
})

test('reads and writes are counted apart, and a key can have its own rate', async () => {
  const key = await makeKey(api.database, account, { requestsPerSecond: 3 })
  const client = api.client(key)
  expect((await client.get('/v2/products')).headers.get('x-ratelimit-limit')).toBe('3')
  const write = await api.client(account.key).post('/v2/products', {})
  expect(write.status).toBe(422)
  expect(write.headers.get('x-ratelimit-limit')).toBe('100')
  expect(write.headers.get('ratelimit-policy')).toBe('"write";q=100;w=1')
})

test('a refused request has no effect', async () => {
  const key = await makeKey(api.database, account, { requestsPerSecond: 1 })
  const client = api.client(key)
  await secondBegins(api.database.pool)
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      client.post('/v2/products', { name: 'P', price: 1, sku: `LIMITED-${n}` }),
    ),
  )
  const made = answers.filter(({ status }) => status === 201).length
  expect(made).toBe(2)
  const { rows } = await api.database.pool.query<{ n: number }>(
    `select count(*)::int as n from products where sku like 'LIMITED-%'`,
  )
  expect(rows[0]?.n).toBe(made)
})

test('a flood beyond the limit is turned away before the app, in the words of the app', async () => {
  const key = await makeKey(api.database, account, { requestsPerSecond: 1 })
  const { database, config } = api
  const built = buildApp({ database, config, log: createLog('test-429', 'silent') })
  const door = await openDoor(built)
  const ask = async (path: string) => {
    const answer = await fetch(`${door.url}${path}`, {
      headers: { Authorization: `Bearer ${key}` },
    })
    return { status: answer.status, headers: answer.headers, body: await answer.json() }
  }
  await ask('/v2/products')
  const askAll = (number: number) =>
    Promise.all(Array.from({ length: number }, () => ask('/v2/products/none')))
  /** Within one second: first those that have a line in the log, at twenty each, and then the others. */
  const flood = async () => {
    await secondBegins(database.pool)
    const early = askAll(3) // one is served, one is held back, one is refused
    const before = door.turnedAway()
    const long = await askAll(30)
    const between = door.turnedAway()
    const short = await askAll(5)
    const isApart = before === between && door.turnedAway() === between + short.length
    const areRefused = [...long, ...short].every(({ status }) => status === 429)
    await early
    return isApart && areRefused ? [long[0], short[0]] : []
  }
  const [byApp, byDoor] = await eventually(flood, ({ length }) => length === 2, 60_000)
  expect(saidBy(byDoor)).toEqual(saidBy(byApp))
  expect(byDoor?.headers.get('retry-after')).toBe('1')
  // Paths that need no key are answered whatever was refused.
  expect((await ask('/healthz')).status).toBe(200)
  door.close()
  await built.close()
}, 80_000)
