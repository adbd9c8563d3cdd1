import { createHmac } from 'node:crypto'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ReceivedRequest } from '../../sandbox/receiver-log.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { createClient, type TestClient } from '../api/client.ts'
import { makeAccount } from '../factories.ts'
import { eventually, startStack, type Stack } from '../harness.ts'

let stack: Stack
let receiver: Receiver
let client: TestClient
beforeAll(async () => {
  receiver = await startReceiver()
  stack = await startStack('webhook-rotation', {
    env: { WEBHOOK_ALLOWED_PRIVATE_HOSTS: '127.0.0.1' },
  })
  client = createClient(stack.apiUrl, (await makeAccount(stack.database)).key)
})
afterAll(async () => {
  await stack.stop()
  await receiver.close()
})

const OLD = 'the_old_webhook_secret'
const NEW = 'the_new_webhook_secret'
type Created = { id: string }

async function webhook(path: string): Promise<string> {
  const { body } = await client.post<Created>('/v2/webhooks', {
    url: `${receiver.url}${path}`,
    events: ['order.created'],
    secret: OLD,
  })
  return body.id
}

/** Sends a test event; answers which secrets verify which signature of what arrived. */
async function signers(
  id: string,
  path: string,
): Promise<{ seeded: string[]; standard: string[] }> {
  const { body } = await client.post<{ event_id: string }>(`/v2/webhooks/${id}/test`)
  const request = await eventually(
    async () =>
      receiver.requests.find(
        (each) => each.path === path && each.headers['webhook-id'] === body.event_id,
      ),
    (each) => each !== undefined,
  )
  if (request === undefined) throw new Error('nothing arrived')
  return {
    seeded: [OLD, NEW].filter((secret) => isSeeded(request, secret)),
    standard: [OLD, NEW].filter((secret) => isStandard(request, secret)),
  }
}

function isSeeded({ headers, body }: ReceivedRequest, secret: string): boolean {
  return headers['x-webhook-signature'] === createHmac('sha256', secret).update(body).digest('hex')
}

function isStandard({ headers, body }: ReceivedRequest, secret: string): boolean {
  try {
    new Webhook(Buffer.from(secret).toString('base64')).verify(body, headers)
    return true
  } catch {
    return false
  }
}

test('in the overlap the old secret makes X-Webhook-Signature and both make the other one', async () => {
  const id = await webhook('/overlap')
  expect(await signers(id, '/overlap')).toEqual({ seeded: [OLD], standard: [OLD] })
  await client.post(`/v2/webhooks/${id}/rotate_secret`, { secret: NEW, overlap_seconds: 60 })
  expect(await signers(id, '/overlap')).toEqual({ seeded: [OLD], standard: [OLD, NEW] })
})

test('who asks so has the new secret in X-Webhook-Signature at once', async () => {
  const id = await webhook('/new')
  await client.post(`/v2/webhooks/${id}/rotate_secret`, { secret: NEW, sign_with: 'new' })
  expect(await signers(id, '/new')).toEqual({ seeded: [NEW], standard: [OLD, NEW] })
})

test('after the overlap the old secret signs nothing', async () => {
  const id = await webhook('/after')
  await client.post(`/v2/webhooks/${id}/rotate_secret`, { secret: NEW, overlap_seconds: 0 })
  expect(await signers(id, '/after')).toEqual({ seeded: [NEW], standard: [NEW] })
})
