import { afterAll, beforeAll, expect, test } from 'vitest'
import { ROUTES } from '../../../api/routes.ts'
import { revokeApiKey } from '../../../db/api-keys.ts'
import { formatApiKey } from '../../../domain/api-key.ts'
import { newId } from '../../../new-id.ts'
import { makeAccount, makeKey, type TestAccount } from '../../factories.ts'
import { openCountedApi, serveApi, type ServedApi } from '../serve.ts'

let api: ServedApi
let account: TestAccount
let counted: ReturnType<typeof openCountedApi>

beforeAll(async () => {
  api = await serveApi('gateway_401')
  account = await makeAccount(api.database)
  counted = openCountedApi(api.config)
})
afterAll(async () => {
  await counted.close()
  await api.stop()
})

const unknown = formatApiKey('test', new Uint8Array(40).fill(9))

test.each([
  ['nothing', null],
  ['an empty scheme', ''],
  ['another scheme', 'Basic dXNlcjpwYXNz'],
  ['garbage', 'Bearer let-me-in'],
  ['a wrong checksum', `Bearer ${unknown.slice(0, -1)}_`],
  ['an unknown key', `Bearer ${unknown}`],
  ['two keys', `Bearer ${unknown} ${unknown}`],
  ['SQL', "Bearer ' or 1=1 --"],
  ['ten thousand characters', `Bearer ${'a'.repeat(10_000)}`],
])('%s is refused in the same words', async (_, authorization) => {
  const client = api.client(null)
  const headers: Record<string, string> = authorization === null ? {} : { authorization }
  const answer = await client.get('/v2/products', { headers })
  expect(answer.status).toBe(401)
  expect(answer.body['error']).toMatchObject({
    code: 'authentication_error',
    reason: 'invalid_key',
    message: 'The API key is missing or not valid.',
  })
  expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="bark"')
})

test('every keyed route refuses a caller without a key', async () => {
  const client = api.client(null)
  const seen: string[] = []
  for (const route of ROUTES.filter(({ access }) => access !== 'public')) {
    const path = route.path.replaceAll(/\{\w+\}/g, 'x')
    const answer = await client.request(route.method.toUpperCase(), path)
    expect(answer.status, route.operationId).toBe(401)
    seen.push(route.operationId)
  }
  expect(seen).toContain('createProduct')
  expect(seen.length).toBeGreaterThan(10)
})

test('garbage costs no statement, and a known key one look-up in a second', async () => {
  const client = counted.client(account.key)
  counted.takeStatements()
  for (let n = 0; n < 20; n++) await client.get('/v2/products', { key: `test_${'b'.repeat(46)}` })
  expect(counted.takeStatements().filter((text) => !text.includes('outbox'))).toEqual([])
  await Promise.all(Array.from({ length: 10 }, () => client.get('/v2/products/none')))
  const lookUps = counted.takeStatements().filter((text) => text.includes('from api_keys'))
  expect(lookUps).toHaveLength(1)
})

test('a revoked key stops working within a second, in every process', async () => {
  const id = newId('apiKey')
  const key = await makeKey(api.database, account, { id })
  const clients = [api.client(key), counted.client(key)]
  for (const client of clients) expect((await client.get('/v2/products')).status).toBe(200)
  await revokeApiKey(api.database.db, account.accountId, id)
  const revokedAt = performance.now()
  for (const client of clients) {
    const status = async () => (await client.get('/v2/products')).status
    await expect.poll(status, { interval: 20, timeout: 5_000 }).toBe(401)
  }
  expect(performance.now() - revokedAt).toBeLessThan(1_500)
})

test('a key works until the instant at which it expires', async () => {
  const expiresAt = Date.now() + 700
  const key = await makeKey(api.database, account, { expiresAt: new Date(expiresAt) })
  const client = api.client(key)
  expect((await client.get('/v2/products')).status).toBe(200)
  const status = async () => (await client.get('/v2/products')).status
  await expect.poll(status, { interval: 20, timeout: 5_000 }).toBe(401)
  expect(Date.now()).toBeGreaterThanOrEqual(expiresAt)
  expect(Date.now()).toBeLessThan(expiresAt + 500)
})

test('a live key whose account is a test account opens nothing', async () => {
  const key = await makeKey(api.database, { accountId: account.accountId, mode: 'live' })
  expect((await api.client(key).get('/v2/products')).status).toBe(401)
})

test('the key is stored as a hash only', async () => {
  const { rows } = await api.database.pool.query<{ row: string }>(
    `select to_jsonb(k)::text as row from api_keys k`,
  )
  const text = rows.map(({ row }) => row).join()
  expect(text).toContain(account.key.slice(-4))
  expect(text).not.toContain(account.key.slice(5, 15))
})
