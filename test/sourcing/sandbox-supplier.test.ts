import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { NO_CODE_DETAILS } from '../../secrets/seal-code.ts'
import { createSandboxSupplier } from '../../activities/gateways/sandbox-supplier.ts'

/** What a supplier may do wrong on the wire, played by a server that answers as each test says. */
let server: Server
let gateway: ReturnType<typeof createSandboxSupplier>
let reply: (request: IncomingMessage, response: ServerResponse) => void
beforeEach(async () => {
  server = createServer((request, response) => {
    request.resume()
    request.on('end', () => reply(request, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  gateway = createSandboxSupplier({ url: `http://127.0.0.1:${port}` })
})
afterEach(async () => {
  await gateway.close()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const NOW = { now: new Date('2026-11-22T12:00:00Z') }
const ITEMS = [
  { reference: 'a-1', sku: 'X' },
  { reference: 'b-1', sku: 'X' },
]
const REFERENCES = ['a-1', 'b-1']

function answerWith(status: number, body: string, headers: Record<string, string> = {}): void {
  reply = (_, response) => {
    response.writeHead(status, headers)
    response.end(body)
  }
}

async function statesOf(call: 'order' | 'status'): Promise<string[]> {
  const answer =
    call === 'order' ? await gateway.order(ITEMS, NOW) : await gateway.status(REFERENCES, NOW)
  expect(answer.results.map((result) => result.reference)).toEqual(REFERENCES)
  return answer.results.map((result) => result.state)
}

test('reads codes as texts, with their type and expiry, and tells the business time', async () => {
  let time: string | undefined
  reply = (request, response) => {
    time = String(request.headers['x-sandbox-time'])
    response.end(
      JSON.stringify({
        items: [
          { reference: 'b-1', state: 'delivered', url: 'https://r.example/1', expires_at: null },
          {
            reference: 'a-1',
            state: 'delivered',
            code: '0007',
            pin: '0042',
            serial: 'S',
            expires_at: '2027-01-01T00:00:00Z',
          },
        ],
      }),
    )
  }
  const { results, surplus } = await gateway.order(ITEMS, NOW)
  expect(results).toEqual([
    {
      reference: 'a-1',
      state: 'delivered',
      code: {
        type: 'code_pin',
        secret: { code: '0007', pin: '0042', serial: 'S', url: null },
        ...NO_CODE_DETAILS,
        expiresAt: new Date('2027-01-01T00:00:00Z'),
        cost: null,
      },
    },
    {
      reference: 'b-1',
      state: 'delivered',
      code: {
        type: 'url',
        secret: { code: null, pin: null, serial: null, url: 'https://r.example/1' },
        ...NO_CODE_DETAILS,
        cost: null,
      },
    },
  ])
  expect(surplus).toEqual([])
  expect(time).toBe('2026-11-22T12:00:00.000Z')
})

test.each([
  [
    'nothing after the request',
    (_: IncomingMessage, response: ServerResponse) => response.destroy(),
  ],
  [
    'half of a body',
    (_: IncomingMessage, response: ServerResponse) => {
      response.writeHead(200, { 'content-length': '500' })
      response.write('{"items":[{"reference":"a-1","state":"del')
      setImmediate(() => response.destroy())
    },
  ],
])('%s is unknown, of an order as of a question', async (_, doing) => {
  reply = doing
  expect(await statesOf('order')).toEqual(['unknown', 'unknown'])
  expect(await statesOf('status')).toEqual(['unknown', 'unknown'])
})

test.each([
  [
    'a server error',
    500,
    '{"items":[{"reference":"a-1","state":"none"},{"reference":"b-1","state":"none"}]}',
  ],
  ['no JSON', 200, '<html>'],
  ['JSON of another shape', 200, '[]'],
  ['an empty list', 200, '{"items":[]}'],
  [
    'states that nobody knows',
    200,
    '{"items":[{"reference":"a-1","state":"fine"},{"reference":"b-1"}]}',
  ],
  [
    'delivered without a code',
    200,
    '{"items":[{"reference":"a-1","state":"delivered","code":""}]}',
  ],
  [
    'an expiry that is none',
    200,
    '{"items":[{"reference":"a-1","state":"delivered","code":"C","expires_at":"soon"}]}',
  ],
  ['a redirect', 302, ''],
])('%s is unknown', async (_, status, body) => {
  answerWith(status, body, { location: 'http://127.0.0.1:1/' })
  expect(await statesOf('order')).toEqual(['unknown', 'unknown'])
  expect(await statesOf('status')).toEqual(['unknown', 'unknown'])
})

test('a body without end is cut at a limit and unknown', async () => {
  reply = (_, response) => {
    const write = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536))) continue
      if (!response.destroyed) response.once('drain', write)
    }
    write()
  }
  const startedMs = performance.now()
  expect(await statesOf('order')).toEqual(['unknown', 'unknown'])
  expect(performance.now() - startedMs).toBeLessThan(5_000) // half of the time-out
})

test('an order that is refused as a whole was not placed; a question that is refused is unknown', async () => {
  answerWith(429, '', { 'retry-after': '30' })
  const { results, said } = await gateway.order(ITEMS, NOW)
  expect(results).toEqual(
    REFERENCES.map((reference) => ({ reference, state: 'not_placed', retryAfterSeconds: 30 })),
  )
  expect(said).toBe('HTTP 429')
  expect(await statesOf('status')).toEqual(['unknown', 'unknown'])
})

test('nobody listening: an order was not placed, a question is unknown', async () => {
  const away = createSandboxSupplier({ url: 'http://127.0.0.1:1' }) // nothing listens on port 1
  const ordered = await away.order(ITEMS, NOW)
  expect(ordered.results.map((result) => result.state)).toEqual(['not_placed', 'not_placed'])
  const asked = await away.status(REFERENCES, NOW)
  expect(asked.results.map((result) => result.state)).toEqual(['unknown', 'unknown'])
  await away.close()
})

test('a second code and a foreign one are surplus', async () => {
  const delivered = (reference: string, code: string) => ({ reference, state: 'delivered', code })
  answerWith(
    200,
    JSON.stringify({
      items: [
        delivered('a-1', 'ONE'),
        delivered('a-1', 'TWO'),
        delivered('z-9', 'THREE'),
        { reference: 'b-1', state: 'none' },
      ],
    }),
  )
  const { results, surplus } = await gateway.order(ITEMS, NOW)
  expect(results.map((result) => result.state)).toEqual(['delivered', 'none'])
  expect(surplus.map(({ reference, code }) => [reference, code.secret.code])).toEqual([
    ['a-1', 'TWO'],
    ['z-9', 'THREE'],
  ])
})

test('what is said for the operator holds nothing of a body', async () => {
  const said: string[] = []
  for (const body of ['{"items":[{"code":"SECRET-1"', '"SECRET-2"', '{"items":"SECRET-3"}']) {
    answerWith(200, body)
    said.push((await gateway.order(ITEMS, NOW)).said)
  }
  expect(said).toEqual(['HTTP 200', 'HTTP 200, not understood', 'HTTP 200, not understood'])
})
