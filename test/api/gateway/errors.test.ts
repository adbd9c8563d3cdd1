import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeAccount, makeCustomer, makeKey, type TestAccount } from '../../factories.ts'
import type { TestClient } from '../client.ts'
import { sendRaw } from '../raw.ts'
import { serveApi, type ServedApi } from '../serve.ts'

let api: ServedApi
let account: TestAccount
let client: TestClient

beforeAll(async () => {
  api = await serveApi('gateway_errors')
  account = await makeAccount(api.database)
  client = api.client(account.key)
})
afterAll(() => api.stop())

const body = { name: 'P', price: 1, sku: 'ERR-1' }

test('an unknown path is 404 in the shape of every error, with and without a key', async () => {
  for (const key of [account.key, null]) {
    const answer = await client.get('/v2/nothing-here', { key })
    expect(answer.status).toBe(404)
    expect(answer.body['error']).toMatchObject({ code: 'not_found', reason: 'not_found' })
  }
})

test('a known path with another method is 405 and lists the methods', async () => {
  for (const method of ['DELETE', 'OPTIONS', 'PURGE']) {
    const answer = await client.request(method, '/v2/products')
    expect(answer.status, method).toBe(405)
    expect(answer.headers.get('allow')).toBe('GET, POST')
  }
})

test('HEAD answers like GET without a body', async () => {
  const answer = await client.request('HEAD', '/v2/products')
  expect(answer.status).toBe(200)
  expect(answer.bytes).toHaveLength(0)
})

test('problem details come when they are asked for', async () => {
  const answer = await client.get('/v2/products/none', {
    headers: { Accept: 'application/problem+json' },
  })
  expect(answer.status).toBe(404)
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(answer.body).toMatchObject({
    status: 404,
    title: 'not found',
    reason: 'not_found',
    instance: answer.headers.get('x-request-id'),
  })
})

test('a key without the scope is 403 and is told which one is needed', async () => {
  const key = await makeKey(api.database, account, { scopes: ['products:read'] })
  const reader = api.client(key)
  expect((await reader.get('/v2/products')).status).toBe(200)
  const answer = await reader.post('/v2/products', body)
  expect(answer.status).toBe(403)
  expect(answer.body['error']).toMatchObject({
    code: 'authorization_error',
    reason: 'forbidden_scope',
    message: 'This key has not the scope products:write.',
  })
})

test('a key that is bound to a customer edits neither products nor customers', async () => {
  const customerId = await makeCustomer(api.database, account.accountId)
  const bound = api.client(await makeKey(api.database, account, { customerId }))
  const product = await client.post<{ id: string }>('/v2/products', { ...body, sku: 'BOUND-1' })
  const { id } = product.body
  const answers = [
    await bound.post('/v2/products', body),
    await bound.put(`/v2/products/${id}`, { name: 'x' }),
    await bound.delete(`/v2/products/${id}`),
    await bound.post('/v2/customers', { email: 'a@b.example' }),
    await bound.patch(`/v2/customers/${customerId}`, { company: 'x' }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403])
  expect((await bound.get(`/v2/products/${id}`)).status).toBe(200)
})

const ofSize = (bytes: number) => {
  const empty = JSON.stringify({ ...body, description: '' })
  return JSON.stringify({ ...body, description: 'x'.repeat(bytes - empty.length) })
}

test('a body of more than 256 KiB is 413, declared or in chunks', async () => {
  const tooLarge = ofSize(256 * 1024 + 1)
  const declared = await client.request('POST', '/v2/products', { rawBody: tooLarge })
  expect(declared.status).toBe(413)
  expect(declared.body['error']).toMatchObject({ reason: 'payload_too_large' })
  const chunked = await fetch(`${api.url}/v2/products`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${account.key}`, 'Content-Type': 'application/json' },
    body: new Blob([tooLarge]).stream(),
    duplex: 'half',
  })
  expect(chunked.status).toBe(413)
  await chunked.text()
})

test('a body that is announced as too large is refused before it is sent', async () => {
  const head =
    `POST /v2/products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${account.key}\r\n` +
    'Content-Type: application/json\r\nContent-Length: 999999999\r\n\r\n'
  const answer = await sendRaw(api.port, [head])
  expect(answer.status).toBe(413)
  expect(answer.tookMs).toBeLessThan(2_000)
})

test('a body of 256 KiB is read', async () => {
  const answer = await client.request('POST', '/v2/products', { rawBody: ofSize(256 * 1024) })
  expect(answer.status).toBe(422)
  expect(answer.body['error']).toMatchObject({ details: [{ field: 'description' }] })
})

test.each([
  ['text/plain', {}],
  ['application/x-www-form-urlencoded', {}],
  ['application/json; charset=latin1', {}],
  ['multipart/form-data; boundary=x', {}],
  ['', {}],
  ['application/json', { 'Content-Encoding': 'gzip' }],
])('content type %j with %j is 400', async (type, headers) => {
  const answer = await client.request('POST', '/v2/products', {
    rawBody: JSON.stringify(body),
    headers: { 'Content-Type': type, ...headers },
  })
  expect(answer.status).toBe(400)
  expect(answer.body['error']).toMatchObject({ reason: 'invalid_body' })
})

test('the usual spellings of the content type are taken', async () => {
  const types = [
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON;charset=UTF-8',
  ]
  for (const [n, type] of types.entries()) {
    const answer = await client.request('POST', '/v2/products', {
      rawBody: JSON.stringify({ ...body, sku: `TYPE-${n}` }),
      headers: { 'Content-Type': type },
    })
    expect(answer.status, type).toBe(201)
  }
})

test('a POST without a body says what is missing', async () => {
  const answer = await client.post('/v2/products')
  expect(answer.status).toBe(400)
  expect(answer.body['error']).toMatchObject({ reason: 'invalid_body' })
})

test.each([
  '?limit=201',
  '?limit=0',
  '?limit=-1',
  '?limit=1.5',
  '?limit=9e9',
  '?page=0',
  '?page=x',
  '?page=201&limit=50',
  '?page=1&cursor=',
  '?limit=1&limit=2',
  '?colour=red',
  '?status=gone',
  '?sort=id',
  '?order=up',
  '?category=Not%20A%20Slug',
  '?search=%00',
  '?search=%ff',
  '?search=%',
  '?__proto__=1',
  `?search=${'x'.repeat(101)}`,
])('the query %s is 400 and names the parameter', async (query) => {
  const answer = await client.get<{ error: { code: string; details: object[] } }>(
    `/v2/products${query}`,
  )
  expect(answer.status).toBe(400)
  const { error } = answer.body
  expect(error.code).toBe('validation_error')
  expect(error.details.length).toBeGreaterThan(0)
})

test('a page too far away is told about cursors', async () => {
  const answer = await client.get('/v2/products?page=201&limit=50')
  expect(answer.body['error']).toMatchObject({ hint: 'Walk with ?cursor= instead.' })
})

test.each(['', ' ', 'é', 'a'.repeat(256)])('the Idempotency-Key %j is 400', async (key) => {
  const answer = await client.post('/v2/products', body, { headers: { 'Idempotency-Key': key } })
  expect(answer.status).toBe(400)
  expect(answer.body['error']).toMatchObject({ details: [{ field: 'Idempotency-Key' }] })
})

test('the client’s own request id is not taken for ours', async () => {
  const answer = await client.get('/v2', { headers: { 'X-Request-Id': 'mine' } })
  expect(answer.headers.get('x-request-id')).toMatch(/^req_/)
})

test('the version is told to everybody', async () => {
  const answer = await client.get('/v2', { key: null })
  expect(answer.body).toMatchObject({ object: 'api_version', version: '2.3.0' })
})

test('readiness says how full the outbox is', async () => {
  const answer = await client.get('/readyz', { key: null })
  expect(answer.body).toMatchObject({ status: 'ready', outbox: { status: 'accepting' } })
  await api.database.pool.query(
    `insert into outbox (account_id, verb, workflow, subject, created_at)
     values ($1, 'start', 'fulfillTransaction', '{}', clock_timestamp() - interval '16 minutes')`,
    [account.accountId],
  )
  const late = await client.get('/readyz', { key: null })
  expect(late.status).toBe(200)
  expect(late.body).toMatchObject({ outbox: { status: 'full' } })
  await api.database.pool.query('delete from outbox')
})
