import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openApiClient, type ApiClient } from '../../cli/api-client.ts'
import { UsageError } from '../../cli/command.ts'
import { openListenState } from '../../cli/listen-state.ts'
import { run as stuck } from '../../cli/stuck.ts'
import { run as trigger } from '../../cli/trigger.ts'
import { listenForEvents, type Forwarded } from '../../cli/webhook-listen.ts'
import { run } from '../../cli/webhooks.ts'
import { startReceiver, type Receiver } from '../../sandbox/receiver.ts'
import { openLink } from '../faults/proxy.ts'
import { eventually, startStack, type Stack } from '../harness.ts'
import { openShop, type OpenShop } from '../shop.ts'
import { commandContext, type Spoken } from './context.ts'

let stack: Stack
let dataDir: string
beforeAll(async () => {
  stack = await startStack('cli-webhooks')
  dataDir = mkdtempSync(join(tmpdir(), 'bark-webhooks-'))
})
afterAll(async () => {
  await stack.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

function contextOf(shop: OpenShop, json = false): Spoken {
  return commandContext(stack.config, {
    json,
    dataDir,
    running: { api: stack.apiUrl, keys: { account: shop.account.key, customer: null } },
  })
}

/** A listener in this process; `stop` is Ctrl-C. */
function startListening(
  file: string,
  forwardTo: string,
  api: ApiClient,
  subscriptions: string[] | null = null,
) {
  const state = openListenState(file, 'here')
  const stopper = new AbortController()
  const forwarded: Forwarded[] = []
  const trouble: (string | null)[] = []
  let isReady = false
  const listening = listenForEvents({
    api,
    forwardTo,
    subscriptions,
    state,
    signal: stopper.signal,
    onReady: () => {
      isReady = true
    },
    onForwarded: (event) => forwarded.push(event),
    onTrouble: (words) => trouble.push(words),
  })
  return {
    secret: state.secret,
    forwarded,
    trouble,
    listening,
    ready: () => eventually(async () => isReady, Boolean),
    async stop() {
      stopper.abort()
      await listening
    },
  }
}

async function createProducts(shop: OpenShop, count: number): Promise<string[]> {
  const ids = []
  for (let n = 0; n < count; n++) {
    const product = { name: 'P', price: 1, sku: `L-${crypto.randomUUID()}` }
    ids.push((await shop.client.post<{ id: string }>('/v2/products', product)).body.id)
  }
  return ids
}

const objectIds = (receiver: Receiver) =>
  receiver.requests.map(({ body }): string => JSON.parse(body).data.object.id)

describe('bark webhooks listen', () => {
  test('forwards what happens from now on; both signatures verify with one secret', async () => {
    const shop = await openShop(stack)
    const receiver = await startReceiver()
    await createProducts(shop, 2)
    // Whatever any process of the server writes holds events back; late ones count as from now on.
    await eventually(
      async () => (await shop.client.get<{ data: unknown[] }>('/v2/events')).body.data.length,
      (count) => count === 2,
    )
    const api = openApiClient(stack.apiUrl, shop.account.key)
    const listener = startListening(join(dataDir, 'verify.json'), `${receiver.url}/here`, api)
    receiver.script('/here', {
      answers: [{ status: 200 }, { status: 500 }],
      secret: listener.secret,
    })
    await listener.ready()
    const ids = await createProducts(shop, 2)
    await eventually(
      async () => receiver.requests.length,
      (count) => count === 2,
    )
    await listener.stop()
    expect(objectIds(receiver)).toEqual(ids)
    for (const { body, headers, signature_ok } of receiver.requests) {
      expect(signature_ok).toBe(true)
      expect(new Webhook(listener.secret).verify(body, headers)).toEqual(JSON.parse(body))
      const { body: listed } = await shop.client.get(`/v2/events/${headers['webhook-id']}`)
      expect(JSON.parse(body)).toEqual(listed)
    }
    expect(listener.forwarded.map(({ answer }) => answer)).toEqual([200, 500])
    await receiver.close()
  })

  test('loses nothing and repeats nothing when it, the receiver or the API stops', async () => {
    const shop = await openShop(stack)
    const file = join(dataDir, 'restarts.json')
    let receiver = await startReceiver()
    const { port, url } = receiver
    const api = openApiClient(stack.apiUrl, shop.account.key)
    const link = await openLink('api', Number(new URL(stack.apiUrl).port))
    const linked = openApiClient(`http://127.0.0.1:${link.port}`, shop.account.key)
    const first = startListening(file, url, linked)
    await first.ready()
    const expected = await createProducts(shop, 2)
    await eventually(
      async () => first.forwarded.length,
      (count) => count === 2,
    )
    const received = objectIds(receiver)

    await receiver.close()
    expected.push(...(await createProducts(shop, 3)))
    await eventually(
      async () => first.trouble,
      (trouble) => trouble.length === 1,
    )
    receiver = await startReceiver(port)
    await eventually(
      async () => first.forwarded.length,
      (count) => count === 5,
    )
    expect(first.trouble).toEqual([`${url} does not answer`, null])

    link.setMode({ kind: 'reset' })
    expected.push(...(await createProducts(shop, 1)))
    await eventually(
      async () => first.trouble,
      (trouble) => trouble.length === 3,
    )
    link.setMode({ kind: 'pass' })
    await eventually(
      async () => first.forwarded.length,
      (count) => count === 6,
    )

    await first.stop()
    await link.close()
    expected.push(...(await createProducts(shop, 60))) // more than one page
    const second = startListening(file, url, api)
    await eventually(
      async () => second.forwarded.length,
      (count) => count === 60,
    )
    expected.push(...(await createProducts(shop, 1)))
    await eventually(
      async () => second.forwarded.length,
      (count) => count === 61,
    )
    await second.stop()
    expect([...received, ...objectIds(receiver)]).toEqual(expected)
    expect(second.secret).toBe(first.secret)
    expect(statSync(file).mode & 0o077).toBe(0)
    await receiver.close()
  })

  test('takes up to where it was killed, and sends only what is subscribed to', async () => {
    const shop = await openShop(stack)
    const file = join(dataDir, 'filter.json')
    const receiver = await startReceiver()
    const api = openApiClient(stack.apiUrl, shop.account.key)
    const before = startListening(file, receiver.url, api, ['customer.*'])
    await before.ready()
    const start = readFileSync(file, 'utf8')
    await createProducts(shop, 1)
    const { body } = await shop.client.post<{ id: string }>('/v2/customers', {
      email: 'a@b.example',
    })
    await eventually(
      async () => before.forwarded.length,
      (count) => count === 1,
    )
    await before.stop()
    // As a kill -9 leaves it: the event was forwarded, and its page not finished.
    const kept = JSON.parse(start)
    kept.places.here.forwarded = before.forwarded.map(({ id }) => id)
    writeFileSync(file, JSON.stringify(kept))
    const again = startListening(file, receiver.url, api, ['customer.*'])
    const next = await shop.client.post<{ id: string }>('/v2/customers', { email: 'c@d.example' })
    await eventually(
      async () => again.forwarded.length,
      (count) => count === 1,
    )
    await again.stop()
    expect(objectIds(receiver)).toEqual([body.id, next.body.id])
    await receiver.close()
  })

  test('ends when the API refuses the key', async () => {
    const api = openApiClient(stack.apiUrl, 'test_nobody')
    const listener = startListening(join(dataDir, 'refused.json'), 'http://127.0.0.1:1', api)
    await expect(listener.listening).rejects.toThrow(/401/)
  })

  test('says what it was told wrongly', async () => {
    const { context } = contextOf(await openShop(stack))
    for (const args of [
      [],
      ['forward'],
      ['listen'],
      ['listen', '--forward-to', 'localhost'],
      ['listen', '--forward-to', 'ftp://localhost'],
      ['listen', '--forward-to', 'http://localhost', '--events', 'order.lost'],
      ['recover', '--since', 'yesterday'],
      ['failing', '--all'],
    ]) {
      await expect(run(args, context), args.join(' ')).rejects.toThrow(UsageError)
    }
  })
})

describe('bark webhooks recover, replay-missing and failing', () => {
  test('catch up in as many calls as it takes, and never twice', async () => {
    const shop = await openShop(stack)
    const receiver = await startReceiver()
    receiver.script('/down', { answers: [{ status: 500 }] })
    const { body: webhook } = await shop.client.post<{ id: string }>('/v2/webhooks', {
      url: `${receiver.url}/down`,
      events: ['product.created'],
    })
    await createProducts(shop, 3)
    await shop.advance('PT9H')
    const { context: operator, out: list } = contextOf(shop)
    expect(await run(['failing'], operator)).toBe(0)
    expect(list.join('\n')).toContain(`${webhook.id}  ${shop.account.accountId}`)
    expect(list.join('\n')).toContain('3 given up, 0 still tried, last answer: HTTP 500')

    // `bark stuck` lists it too, with a command that works as it is printed.
    const stuckContext = contextOf(shop)
    expect(await stuck([], stuckContext.context)).toBe(1)
    const told = stuckContext.out.find((one) => one.startsWith(webhook.id)) ?? ''
    expect(told).toContain('only fails: HTTP 500; 0 deliveries are open, 3 were given up')
    const [, printed = ''] = /bark webhooks (recover --webhook \w+)/.exec(told) ?? []

    receiver.script('/down', { answers: [{ status: 200 }] })
    const { context, out } = contextOf(shop, true)
    for (const args of [printed.split(' '), ['recover']]) {
      expect(await run(args, context)).toBe(0)
    }
    const later = await shop.client.post<{ id: string }>('/v2/webhooks', {
      url: `${receiver.url}/later`,
      events: ['product.created'],
    })
    for (const args of [['replay-missing', '--webhook', later.body.id], ['replay-missing']]) {
      expect(await run(args, context)).toBe(0)
    }
    const created = out.map((line): number[] =>
      JSON.parse(line).webhooks.map((each: { created: number }) => each.created),
    )
    expect(created).toEqual([[3], [0], [3], [0, 0]])
    await eventually(
      async () => receiver.requests.filter((each) => each.answered === 200).length,
      (count) => count === 6,
    )
    await receiver.close()
  })
})

describe('bark trigger', () => {
  test('causes an event by its real act and says which', async () => {
    const shop = await openShop(stack)
    for (const type of ['product.created', 'order.cancelled', 'webhook.disabled']) {
      const { context, out } = contextOf(shop, true)
      expect(await trigger([type, '--sku', shop.pooled.sku], context)).toBe(0)
      const event = JSON.parse(out[0] ?? '')
      expect(event.type).toBe(type)
      const { status } = await shop.client.get(`/v2/events/${event.id}`)
      expect(status).toBe(200)
    }
    const { body } = await shop.client.get<{ data: unknown[] }>('/v2/webhooks')
    expect(body.data).toEqual([])
  })

  test('finds a product in stock by itself; refuses what nothing causes', async () => {
    const shop = await openShop(stack)
    const { context, out } = contextOf(shop)
    expect(await trigger(['order.fulfilled'], context)).toBe(0)
    expect(out[0]).toMatch(/^order\.fulfilled {2}evt_\w+ {2}\/v2\/orders\/ord_\w+$/)
    for (const args of [[], ['order.lost'], ['order.created', 'x'], ['shipment.created']]) {
      await expect(trigger(args, context), args.join(' ')).rejects.toThrow(UsageError)
    }
  })
})
