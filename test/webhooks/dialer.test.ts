import { readFileSync } from 'node:fs'
import { createServer as createTlsServer } from 'node:https'
import { createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  ANSWER_BYTES_READ_MAX,
  createWebhookDialer,
  type WebhookDialer,
} from '../../activities/gateways/webhook-dialer.ts'
import { DIAL_ERRORS } from '../../activities/gateways/webhook-errors.ts'
import { isPublicAddress } from '../../domain/webhook-address.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { SELF_SIGNED } from './self-signed.ts'

let receiver: Receiver
let dialer: WebhookDialer
const EXCHANGE_MS_MAX = 700

beforeAll(async () => {
  receiver = await startReceiver()
  dialer = createWebhookDialer({
    allowedPrivateHosts: ['127.0.0.1', '[::1]'],
    exchangeMsMax: EXCHANGE_MS_MAX,
  })
})
afterAll(async () => {
  await dialer.close()
  await receiver.close()
})

const post = (path: string, body = '{}') =>
  dialer.post({ url: `${receiver.url}${path}`, headers: { 'x-test': 'yes' }, body })

describe('what comes back', () => {
  test('a whole answer: status, headers, body, duration', async () => {
    receiver.script('/whole', {
      answers: [{ status: 202, headers: { 'retry-after': '7' }, body: 'thank you', delay_ms: 60 }],
    })
    const answer = await post('/whole', '{"a":"ü"}')
    expect(answer).toMatchObject({ statusCode: 202, body: 'thank you', error: null, cause: null })
    expect(answer.headers).toMatchObject({ 'retry-after': '7', 'content-type': 'text/plain' })
    expect(answer.durationMs).toBeGreaterThanOrEqual(60)
    expect(receiver.requests.at(-1)).toMatchObject({
      path: '/whole',
      body: '{"a":"ü"}',
      headers: { 'x-test': 'yes', 'content-length': '10', connection: 'close' },
    })
  })

  test('a redirect is not followed', async () => {
    receiver.script('/moved', {
      answers: [{ status: 307, headers: { location: `${receiver.url}/target` } }],
    })
    expect(await post('/moved')).toMatchObject({ statusCode: 307, error: 'redirect_not_followed' })
    expect(receiver.requests.filter((each) => each.path === '/target')).toEqual([])
  })

  test('cookies are blanked and a NUL does not reach the database', async () => {
    receiver.script('/odd', { answers: [{ headers: { 'set-cookie': 'session=1' }, body: 'a\0b' }] })
    const answer = await post('/odd')
    expect(answer.headers?.['set-cookie']).toBe('***')
    expect(answer.body).toBe('a\ufffdb')
  })

  test('a hundred megabytes are left unread, and sixteen kilobytes are kept', async () => {
    receiver.script('/flood', { answers: [{ stream_bytes: 100_000_000, body: 'flood ' }] })
    const before = process.memoryUsage().rss
    const answer = await post('/flood')
    expect(answer).toMatchObject({ statusCode: 200, error: null })
    expect(answer.body).toHaveLength(16_384)
    expect(answer.durationMs).toBeLessThan(EXCHANGE_MS_MAX)
    expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000)
    expect(ANSWER_BYTES_READ_MAX).toBe(65_536)
  })

  test('headers beyond their limit are an invalid answer', async () => {
    receiver.script('/headers', { answers: [{ headers: { 'x-long': 'x'.repeat(20_000) } }] })
    expect(await post('/headers')).toMatchObject({ statusCode: null, error: 'invalid_answer' })
  })
})

describe('the whole exchange has one limit', () => {
  test.each([
    ['an endpoint that never answers', { instead: 'hang' as const }, null],
    ['a body that drips', { drip: true }, 200],
    ['a late status line', { delay_ms: 1_500 }, null],
  ])('%s', async (name, answer, statusCode) => {
    const path = `/${name.replaceAll(' ', '-')}`
    receiver.script(path, { answers: [answer] })
    const got = await post(path)
    expect(got).toMatchObject({ statusCode, error: 'timeout' })
    expect(got.durationMs).toBeGreaterThanOrEqual(EXCHANGE_MS_MAX - 5)
    expect(got.durationMs).toBeLessThan(EXCHANGE_MS_MAX + 400)
  })

  test('a server that accepts and says nothing', async () => {
    const silent = await listen(createServer(() => undefined))
    const got = await dialer.post({
      url: `http://127.0.0.1:${silent.port}/`,
      headers: {},
      body: '',
    })
    expect(got).toMatchObject({ statusCode: null, error: 'timeout' })
    await silent.close()
  })
})

describe('no answer at all', () => {
  test('a closed connection', async () => {
    receiver.script('/close', { answers: [{ instead: 'close' }] })
    expect(await post('/close')).toMatchObject({ statusCode: null, error: 'connection_closed' })
  })

  test('nobody listens', async () => {
    const server = await listen(createServer())
    await server.close()
    const url = `http://127.0.0.1:${server.port}/`
    expect(await dialer.post({ url, headers: {}, body: '' })).toMatchObject({
      error: 'connection_refused',
    })
  })

  test('not HTTP', async () => {
    const server = await listen(createServer((socket) => socket.end('SSH-2.0-OpenSSH\r\n')))
    const url = `http://127.0.0.1:${server.port}/`
    expect(await dialer.post({ url, headers: {}, body: '' })).toMatchObject({
      error: 'invalid_answer',
    })
    await server.close()
  })

  test('a certificate that nobody vouches for: nothing is sent', async () => {
    let requests = 0
    const server = await listen(
      createTlsServer(SELF_SIGNED, (_, response) => {
        requests += 1
        response.end()
      }),
    )
    const url = `https://127.0.0.1:${server.port}/`
    expect(await dialer.post({ url, headers: {}, body: '' })).toMatchObject({
      statusCode: null,
      error: 'tls_failed',
    })
    expect(requests).toBe(0)
    await server.close()
  })

  test('https to a server that speaks plain http', async () => {
    const url = `https://127.0.0.1:${receiver.port}/`
    expect(await dialer.post({ url, headers: {}, body: '' })).toMatchObject({ error: 'tls_failed' })
  })
})

describe('the address that is dialled', () => {
  /**
   * Dials a name whose answer changes. 127.0.0.1 stands for a public address here and 127.0.0.9 for
   * a private one, so that nothing leaves the machine; counts look-ups and connections.
   */
  const withResolver = async (
    answers: string[][],
    dial: (dialer: WebhookDialer, url: string) => Promise<void>,
    isPublic: (address: string) => boolean = (address) => address === '127.0.0.1',
  ) => {
    let connections = 0
    const server = await listen(
      createServer((socket) => {
        connections += 1
        socket.destroy()
      }),
      8443,
    )
    let looks = 0
    const guarded = createWebhookDialer({
      allowedPrivateHosts: [],
      exchangeMsMax: EXCHANGE_MS_MAX,
      isPublic,
      resolve: async () => answers[Math.min(looks++, answers.length - 1)] ?? [],
    })
    try {
      await dial(guarded, `https://rebinding.example:${server.port}/`)
      return { connections, looks }
    } finally {
      await guarded.close()
      await server.close()
    }
  }
  const dialOnce = (url: string, guarded: WebhookDialer) =>
    guarded.post({ url, headers: {}, body: '' })

  test.each(['127.0.0.1', '::1', '::ffff:127.0.0.1', '10.1.2.3', '169.254.169.254', 'fd00::1'])(
    'a name that leads to %s is refused and nothing is dialled',
    async (address) => {
      const { connections } = await withResolver(
        [[address]],
        async (guarded, url) => {
          expect(await dialOnce(url, guarded)).toMatchObject({
            statusCode: null,
            error: 'address_refused',
          })
        },
        isPublicAddress,
      )
      expect(connections).toBe(0)
    },
  )

  test('the address that was checked is the one that is dialled, with one look-up', async () => {
    const { connections, looks } = await withResolver(
      [['127.0.0.1'], ['127.0.0.9']],
      async (guarded, url) => {
        expect((await dialOnce(url, guarded)).error).toMatch(/connection_closed|tls_failed/)
      },
    )
    expect({ connections, looks }).toEqual({ connections: 1, looks: 1 })
  })

  test('an answer that changed is checked at the next dial', async () => {
    const { connections, looks } = await withResolver(
      [['127.0.0.1'], ['127.0.0.9']],
      async (guarded, url) => {
        await dialOnce(url, guarded)
        expect((await dialOnce(url, guarded)).error).toBe('address_refused')
      },
    )
    expect({ connections, looks }).toEqual({ connections: 1, looks: 2 })
  })

  test('of several addresses only the public one is dialled', async () => {
    const { connections } = await withResolver(
      [['127.0.0.9', '127.0.0.1', '10.0.0.1']],
      async (guarded, url) => {
        expect((await dialOnce(url, guarded)).error).toMatch(/connection_closed|tls_failed/)
      },
    )
    expect(connections).toBe(1)
  })

  test.each([
    'https://127.0.0.1:8443/',
    'https://[::1]:8443/',
    'https://[::ffff:7f00:1]:8443/',
    'https://0x7f.1:8443/',
    'http://127.0.0.1:8443/',
  ])('the literal %s, for which no look-up is asked, is refused', async (literal) => {
    const { connections, looks } = await withResolver([['127.0.0.1']], async (guarded) => {
      expect(await guarded.post({ url: literal, headers: {}, body: '' })).toMatchObject({
        error: 'address_refused',
      })
    })
    expect({ connections, looks }).toEqual({ connections: 0, looks: 0 })
  })

  test('an allow-listed host may be loopback, but only that host', async () => {
    const allowing = createWebhookDialer({ allowedPrivateHosts: [`127.0.0.1:${receiver.port}`] })
    const answer = await allowing.post({ url: `${receiver.url}/allowed`, headers: {}, body: '' })
    expect(answer.statusCode).toBe(200)
    const other = await allowing.post({ url: 'http://127.0.0.1:9/', headers: {}, body: '' })
    expect(other.error).toBe('address_refused')
    await allowing.close()
  })

  test('a name that cannot be looked up', async () => {
    const guarded = createWebhookDialer({
      allowedPrivateHosts: [],
      resolve: () => Promise.reject(new Error('SERVFAIL')),
    })
    const url = 'https://nowhere.example/'
    expect(await guarded.post({ url, headers: {}, body: '' })).toMatchObject({
      error: 'name_not_resolved',
    })
    await guarded.close()
  })
})

test('every word for a failure is explained to merchants', () => {
  const page = readFileSync(new URL('../../docs/webhooks.md', import.meta.url), 'utf8')
  expect(DIAL_ERRORS.filter((word) => !page.includes(`\`${word}\``))).toEqual([])
})

async function listen(
  server: Server,
  wanted = 0,
): Promise<{ port: number; close(): Promise<void> }> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(wanted, '127.0.0.1', resolve)
  })
  const address = server.address()
  const sockets = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => sockets.add(socket))
  return {
    port: typeof address === 'object' && address !== null ? address.port : wanted,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
