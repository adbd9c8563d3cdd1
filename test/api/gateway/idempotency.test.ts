import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLog } from '../../../log.ts'
import { startApi, type RunningApi } from '../../../server.ts'
import { makeAccount, type TestAccount } from '../../factories.ts'
import { createClient, type TestClient } from '../client.ts'
import { serveApi, type ServedApi } from '../serve.ts'

let api: ServedApi
let account: TestAccount
let client: TestClient
let other: RunningApi
let otherClient: TestClient

beforeAll(async () => {
  api = await serveApi('gateway_idempotency')
  account = await makeAccount(api.database)
  client = api.client(account.key)
  other = await startApi(api.config, createLog('other', 'silent'))
  otherClient = createClient(`http://127.0.0.1:${other.port}`, account.key)
})
afterAll(async () => {
  await other.close()
  await api.stop()
})

const product = (sku: string) => ({ name: 'Card', price: 10, sku })
const under = (key: string) => ({ headers: { 'Idempotency-Key': key } })
const count = async (what: string): Promise<number> => {
  const { rows } = await api.database.pool.query<{ n: number }>(
    `select count(*)::int as n from ${what}`,
  )
  return rows[0]?.n ?? -1
}

/** Statements that wait for somebody's lock. */
const lockWaits = () =>
  count(`pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)

test('twenty requests with one key at once are carried out once, over two processes', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      (n % 2 === 0 ? client : otherClient).post('/v2/products', product('ONCE-1'), under('once')),
    ),
  )
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(201))
  expect(new Set(answers.map(({ bytes }) => bytes.toString())).size).toBe(1)
  expect(new Set(answers.map(({ headers }) => headers.get('location'))).size).toBe(1)
  const first = answers.filter(({ headers }) => headers.get('idempotent-replayed') === null)
  expect(first).toHaveLength(1)
  expect(await count(`products where sku = 'ONCE-1'`)).toBe(1)
  expect(await count(`events where type = 'product.created'`)).toBe(1)
})

test('the order of keys, spaces and the spelling of a number do not make another request', async () => {
  const first = await client.post('/v2/products', product('SAME-1'), under('same'))
  const again = await client.request('POST', '/v2/products', {
    rawBody: '{ "sku":"SAME-1",  "price":10.0, "name":"Card" }',
    ...under('same'),
  })
  expect(again.status).toBe(201)
  expect(again.headers.get('idempotent-replayed')).toBe('true')
  expect(again.bytes.equals(first.bytes)).toBe(true)
})

test('the same key with another body is refused, and nothing is made', async () => {
  await client.post('/v2/products', product('BODY-1'), under('body'))
  const answer = await client.post('/v2/products', product('BODY-2'), under('body'))
  expect(answer.status).toBe(422)
  expect(answer.body['error']).toMatchObject({ reason: 'idempotency_key_reuse' })
  expect(await count(`products where sku = 'BODY-2'`)).toBe(0)
})

test('a refusal is not kept: the key works once the reason is gone', async () => {
  await client.post('/v2/products', product('TAKEN-1'))
  const request = () => client.post('/v2/products', product('TAKEN-1'), under('taken'))
  expect((await request()).status).toBe(409)
  expect(await count(`idempotency_keys where key = 'taken'`)).toBe(0)
  await api.database.pool.query(`delete from skus where sku = 'TAKEN-1'`)
  expect((await request()).status).toBe(201)
})

test('a key belongs to one operation and one account', async () => {
  await client.post('/v2/products', product('SCOPE-1'), under('scope'))
  const customer = await client.post('/v2/customers', { email: 'scope@x.example' }, under('scope'))
  expect(customer.status).toBe(201)
  const stranger = await makeAccount(api.database)
  const theirs = await api
    .client(stranger.key)
    .post('/v2/products', product('SCOPE-1'), under('scope'))
  expect(theirs.status).toBe(201)
  expect(theirs.headers.get('idempotent-replayed')).toBeNull()
})

test('a key is kept for 24 hours and is then free again', async () => {
  await client.post('/v2/products', product('DAY-1'), under('day'))
  const { rows } = await api.database.pool.query<{ hours: number }>(
    `select round(extract(epoch from expires_at - created_at) / 3600)::int as hours
     from idempotency_keys where key = 'day'`,
  )
  expect(rows[0]?.hours).toBe(24)
  await api.database.pool.query(
    `update idempotency_keys set expires_at = clock_timestamp() - interval '1 s' where key = 'day'`,
  )
  const later = await client.post('/v2/products', product('DAY-2'), under('day'))
  expect(later.status).toBe(201)
  expect(later.headers.get('idempotent-replayed')).toBeNull()
})

test('a duplicate waits two seconds for the first and is then told to come back', async () => {
  const holder = await api.database.pool.connect()
  await holder.query('begin')
  await holder.query(
    `insert into idempotency_keys (account_id, customer_scope, operation, key, fingerprint)
     values ($1, '', 'createProduct', 'held', sha256(''))`,
    [account.accountId],
  )
  const startedAt = performance.now()
  const request = () => client.post('/v2/products', product('HELD-1'), under('held'))
  const waiting = request()
  await expect.poll(lockWaits, { interval: 10 }).toBe(1)
  const [first, second] = await Promise.all([waiting, request()])
  for (const answer of [first, second]) {
    expect(answer.status).toBe(409)
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(answer.body['error']).toMatchObject({ reason: 'idempotency_in_flight' })
  }
  expect(performance.now() - startedAt).toBeGreaterThan(1_900)
  expect(performance.now() - startedAt).toBeLessThan(3_500)
  await holder.query('rollback')
  holder.release()
  expect((await client.post('/v2/products', product('HELD-1'), under('held'))).status).toBe(201)
})

test('the stored answer is sealed: it cannot be read, moved or changed', async () => {
  await client.post('/v2/customers', { email: 'sealed@x.example' }, under('sealed'))
  const { rows } = await api.database.pool.query<{ answer: Buffer }>(
    `select answer from idempotency_keys where key = 'sealed'`,
  )
  expect(rows[0]?.answer.toString('latin1')).not.toContain('sealed@x.example')
  await client.post('/v2/customers', { email: 'moved@x.example' }, under('moved'))
  await api.database.pool.query(
    `update idempotency_keys set answer = (select answer from idempotency_keys where key = 'sealed')
     where key = 'moved'`,
  )
  const answer = await client.post('/v2/customers', { email: 'moved@x.example' }, under('moved'))
  expect(answer.status).toBe(500)
  expect(answer.bytes.toString()).not.toContain('sealed@x.example')
})

test('a process that dies before its commit leaves the key free', async () => {
  const dying = await api.database.pool.connect()
  await dying.query('begin')
  await dying.query(
    `insert into idempotency_keys (account_id, customer_scope, operation, key, fingerprint)
     values ($1, '', 'createProduct', 'dead', sha256(''))`,
    [account.accountId],
  )
  const waiting = client.post('/v2/products', product('DEAD-1'), under('dead'))
  await expect.poll(lockWaits, { interval: 10 }).toBe(1)
  dying.release(new Error('killed'))
  expect((await waiting).status).toBe(201)
})
