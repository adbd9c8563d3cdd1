import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeAccount } from '../../factories.ts'
import { serveApi, type ServedApi } from '../serve.ts'
import { sendRaw } from '../raw.ts'

const apis: ServedApi[] = []
let key: string
let open: ServedApi
let strict: ServedApi
let proxied: ServedApi

beforeAll(async () => {
  const strictly = { API_ALLOW_PLAIN_HTTP: 'false' }
  open = await serveApi('transport_open')
  strict = await serveApi('transport_strict', strictly)
  proxied = await serveApi('transport_proxied', {
    ...strictly,
    API_TRUSTED_PROXIES: '10.0.0.0/8,127.0.0.0/8',
  })
  apis.push(open, strict, proxied)
  key = (await makeAccount(proxied.database)).key
})
afterAll(async () => {
  for (const api of apis) await api.stop()
})

describe('plain HTTP', () => {
  test('is refused and not redirected, whatever the client says about itself', async () => {
    const headers = { 'X-Forwarded-Proto': 'https' }
    for (const options of [{}, { headers }]) {
      const answer = await strict.client(null).get('/v2/products', options)
      expect(answer.status).toBe(403)
      expect(answer.body['error']).toMatchObject({
        code: 'authorization_error',
        reason: 'plain_http',
      })
    }
  })

  test('is refused for pages and unknown paths too', async () => {
    for (const path of ['/docs', '/openapi.json', '/v2']) {
      const answer = await fetch(`${strict.url}${path}`)
      expect(answer.status, path).toBe(403)
      await answer.text()
    }
  })

  test('does not keep a probe out', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const answer = await fetch(`${strict.url}${path}`)
      expect(answer.status, path).toBe(200)
      await answer.text()
    }
  })

  test('is https when a trusted proxy says so, and only then', async () => {
    const client = proxied.client(key)
    const https = await client.get('/v2/products', { headers: { 'X-Forwarded-Proto': 'https' } })
    expect(https.status).toBe(200)
    const http = await client.get('/v2/products', { headers: { 'X-Forwarded-Proto': 'http' } })
    expect(http.status).toBe(403)
    expect((await client.get('/v2/products')).status).toBe(403)
  })
})

describe('what Node cannot read as HTTP', () => {
  const end = 'Connection: close\r\n\r\n'
  test.each([
    [
      'both Content-Length and Transfer-Encoding',
      [
        'POST /v2/products HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n',
        '0\r\n\r\n',
      ],
    ],
    [
      'two lengths',
      [
        'POST /v2/products HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde',
      ],
    ],
    [
      'a bad chunk size',
      ['POST /v2/products HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
    ],
    [
      'headers of 20 KiB',
      [`GET /v2 HTTP/1.1\r\nHost: a\r\nX-Flood: ${'a'.repeat(20_000)}\r\n${end}`],
    ],
    [
      'a thousand headers',
      [`GET /v2 HTTP/1.1\r\nHost: a\r\n${'X-F: aaaaaaaaaaaaaaa\r\n'.repeat(1_000)}${end}`],
    ],
    ['no HTTP at all', ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hello\r\n\r\n']],
    ['an unknown version', ['GET /v2 HTTP/9.9\r\nHost: a\r\n\r\n']],
    ['a line break in a header', ['GET /v2 HTTP/1.1\r\nHost: a\r\nX-A: b\nX-B\r\n\r\n']],
  ])('%s: 400 in the shape of every error', async (_, pieces) => {
    const answer = await sendRaw(open.port, pieces)
    expect(answer.status).toBe(400)
    expect(answer.tookMs).toBeLessThan(2_000)
    const [head = '', body = ''] = answer.text.split('\r\n\r\n')
    const { error } = JSON.parse(body) as { error: Record<string, string> }
    expect(error).toMatchObject({ code: 'validation_error', reason: 'invalid_parameter' })
    expect(head).toContain(`X-Request-Id: ${error['request_id']}`)
  })

  test('a request without a Host is refused, and the server lives on', async () => {
    const answer = await sendRaw(open.port, ['GET /v2 HTTP/1.1\r\n\r\n'])
    expect(answer.status).toBe(400)
    expect((await fetch(`${open.url}/healthz`)).status).toBe(200)
  })
})

test('headers and bodies that do not arrive are given up after ten seconds', async () => {
  const head =
    `POST /v2/products HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${key}\r\n` +
    'X-Forwarded-Proto: https\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{'
  const options = { withinMs: 20_000 }
  const [slowHeaders, slowBody] = await Promise.all([
    sendRaw(open.port, ['GET /v2 HTTP/1.1\r\nHost: a\r\nX-Slow: '], options),
    sendRaw(proxied.port, [head], options),
  ])
  expect(slowBody.text).toContain('The body did not arrive in time')
  for (const answer of [slowHeaders, slowBody]) {
    expect(answer.status).toBe(400)
    expect(answer.tookMs).toBeLessThan(15_000)
  }
})

test('paths that play tricks end at the same gate', async () => {
  const send = (path: string) =>
    sendRaw(open.port, [`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`])
  for (const path of [
    '/v2/%zz',
    '/v2/products/%00',
    '/v2/products/%c0%af',
    '/v2/products/a?x=%ff',
  ]) {
    const { status } = await send(path)
    expect([400, 401, 404], path).toContain(status)
  }
  for (const path of [
    '/v2/../healthz/..',
    '//v2/products',
    '/v2/products/',
    '/V2/products',
    '/v2/%2e%2e/x',
  ]) {
    const { status } = await send(path)
    expect([401, 404], path).toContain(status)
  }
})

test('many connections beyond the bound are turned away and room comes back', async () => {
  const small = await serveApi('transport_small', { API_CONNECTIONS_MAX: '5' })
  apis.push(small)
  const held = Array.from({ length: 12 }, () =>
    sendRaw(small.port, ['GET /v2 HTTP/1.1\r\nHost: a\r\n'], { withinMs: 1_500 }),
  )
  const answers = await Promise.all(held)
  expect(answers.filter(({ tookMs }) => tookMs < 1_000).length).toBeGreaterThanOrEqual(7)
  const after = await sendRaw(small.port, [
    'GET /v2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
  ])
  expect(after.status).toBe(200)
})
