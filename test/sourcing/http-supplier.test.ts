import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Agent } from 'undici'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { CodeSupplier } from '../../activities/gateways/code-supplier.ts'
import { createHttpSupplier } from '../../activities/gateways/http-supplier.ts'
import { createSuppliers } from '../../activities/gateways/suppliers.ts'
import { supplierAnswerText, supplierRequestText } from '../../domain/supplier-wire.ts'
import type { AccountKeys, KeyRing } from '../../secrets/key-ring.ts'

/** Who may be believed: a server that signs, or does not, as each test says. */
const SECRET = 'a secret that two know'
const NOW = { now: new Date('2026-11-22T12:00:00Z') }
const ITEMS = [{ reference: 'a-1', sku: 'X' }]
const SOLD = {
  items: [{ reference: 'a-1', state: 'delivered', code: 'AAAA', cost: '1.25', currency: 'USD' }],
}

let server: Server
let agent: Agent
let supplier: CodeSupplier
let baseUrl: string
let seen: { request: IncomingMessage; body: string }[]
let reply: (request: IncomingMessage, body: string, response: ServerResponse) => void
beforeEach(async () => {
  seen = []
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      seen.push({ request, body })
      reply(request, body, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  agent = new Agent()
  baseUrl = `http://127.0.0.1:${port}/bark/v1`
  supplier = createHttpSupplier(agent, { baseUrl, secret: SECRET, callSecondsMax: 1 })
})
afterEach(async () => {
  await agent.destroy()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

const hmac = (text: string) => createHmac('sha256', SECRET).update(text).digest('hex')

function signed(status: number, content: unknown, requestSignature?: string): typeof reply {
  return (request, _, response) => {
    const body = JSON.stringify(content)
    const signature = requestSignature ?? String(request.headers['x-bark-signature'])
    const text = supplierAnswerText({ status, requestSignature: signature, body })
    response.writeHead(status, { 'x-supplier-signature': hmac(text) })
    response.end(body)
  }
}

test('signs what it asks, so that the supplier knows who asks, what and when', async () => {
  reply = signed(200, SOLD)
  const answer = await supplier.order(ITEMS, NOW)
  expect(answer).toMatchObject({
    reached: true,
    results: [{ state: 'delivered', code: { cost: { minor: 125n, currency: 'USD' } } }],
  })
  const [{ request, body } = { request: null, body: '' }] = seen
  const header = (name: string) => String(request?.headers[name])
  const timestamp = header('x-bark-timestamp')
  expect(Math.abs(Date.now() / 1000 - Number(timestamp))).toBeLessThan(60)
  const path = '/bark/v1/orders'
  const requestId = header('x-bark-request-id')
  expect(request).toMatchObject({ method: 'POST', url: path })
  expect(header('x-bark-signature')).toBe(
    hmac(supplierRequestText({ path, timestamp, requestId, body })),
  )
})

test('an answer that is not signed, wrongly signed, or signed for another request is not believed', async () => {
  const unsigned: typeof reply = (_, __, response) => response.end(JSON.stringify(SOLD))
  const wrong: typeof reply = (_, __, response) => {
    response.writeHead(200, { 'x-supplier-signature': 'f'.repeat(64) })
    response.end(JSON.stringify(SOLD))
  }
  for (const lie of [unsigned, wrong, signed(200, SOLD, 'a request of yesterday')]) {
    reply = lie
    const answer = await supplier.order(ITEMS, NOW)
    expect(answer).toMatchObject({ reached: false, results: [{ state: 'unknown' }] })
    expect(JSON.stringify(answer)).not.toContain('AAAA')
  }
})

test('a refusal counts as one only with a signature: a proxy in between may have passed the order on', async () => {
  reply = signed(429, {})
  expect((await supplier.order(ITEMS, NOW)).results).toMatchObject([{ state: 'not_placed' }])
  reply = (_, __, response) => {
    response.writeHead(403)
    response.end('go away')
  }
  expect((await supplier.order(ITEMS, NOW)).results).toMatchObject([{ state: 'unknown' }])
  reply = signed(502, {})
  expect(await supplier.order(ITEMS, NOW)).toMatchObject({
    reached: false,
    results: [{ state: 'unknown' }],
  })
})

test('a call ends after the time that the supplier is given', async () => {
  reply = () => undefined
  const startedAt = performance.now()
  const answer = await supplier.order(ITEMS, NOW)
  expect(performance.now() - startedAt).toBeGreaterThan(900)
  expect(answer).toMatchObject({ said: 'no answer in 1 s', results: [{ state: 'unknown' }] })
})

test('an address that may not be dialled is never dialled', async () => {
  const keys: AccountKeys = {
    seal: () => ({ sealed: Buffer.from('sealed'), keyVersion: 1 }),
    unseal: () => SECRET,
  }
  const ring: KeyRing = {
    forSealing: () => Promise.resolve(keys),
    forOpening: () => Promise.resolve(keys),
  }
  const connection = {
    adapter: 'http',
    accountId: 'acc_1',
    supplierId: 'sup_1',
    baseUrl,
    secret: Buffer.from('sealed'),
    keyVersion: 1,
    callSecondsMax: 2,
  } as const
  reply = signed(200, SOLD)
  const settings = { sandboxUrl: 'http://127.0.0.1:1', ring }
  const closed = createSuppliers({ ...settings, allowedPrivateHosts: [] })
  const refused = await (await closed.connect(connection)).order(ITEMS, NOW)
  expect(refused.results).toMatchObject([{ state: 'not_placed' }])
  expect(seen).toEqual([])
  const open = createSuppliers({ ...settings, allowedPrivateHosts: ['127.0.0.1'] })
  const answered = await (await open.connect(connection)).order(ITEMS, NOW)
  expect(answered.results).toMatchObject([{ state: 'delivered' }])
  await closed.close()
  await open.close()
})
