import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Agent } from 'undici'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CodeSupplier } from '../../activities/gateways/code-supplier.ts'
import { createHttpSupplier } from '../../activities/gateways/http-supplier.ts'
import { createSandboxSupplier } from '../../activities/gateways/sandbox-supplier.ts'
import { buildReferenceSupplier } from '../../sandbox/reference-supplier.ts'
import { unitOf } from '../../sandbox/supplier-rules.ts'
import { openStore } from '../../sandbox/supplier-store.ts'
import { startSupplierProcess } from '../sandbox/supplier-process.ts'

/** What every adapter keeps. A new adapter is a new entry below, and nothing else. */
type Opened = { supplier: CodeSupplier; at(now: Date): void; close(): Promise<void> }

const ADAPTERS: Record<string, () => Promise<Opened>> = {
  async sandbox() {
    const process = await startSupplierProcess()
    const supplier = createSandboxSupplier({ url: process.url })
    return {
      supplier,
      at: () => undefined,
      async close() {
        await supplier.close()
        await process.kill('SIGTERM')
      },
    }
  },
  async 'generic HTTP-JSON'() {
    const store = openStore('', unitOf)
    let now = new Date()
    const secret = 'a secret of the reference supplier'
    const { fetch } = buildReferenceSupplier(store, { secret, now: () => now })
    const server = serve({ fetch, port: 0, hostname: '127.0.0.1' })
    await new Promise<void>((resolve) => server.once('listening', () => resolve()))
    const { port } = server.address() as AddressInfo
    const agent = new Agent()
    const baseUrl = `http://127.0.0.1:${port}/codes`
    return {
      supplier: createHttpSupplier(agent, { baseUrl, secret, callSecondsMax: 10 }),
      at(later) {
        now = later
      },
      async close() {
        await agent.destroy()
        await new Promise((resolve) => server.close(resolve))
      },
    }
  },
}

describe.each(Object.entries(ADAPTERS))('the %s supplier', (_, open) => {
  let opened: Opened
  let supplier: CodeSupplier
  beforeAll(async () => {
    opened = await open()
    supplier = opened.supplier
  })
  afterAll(() => opened.close())

  const start = new Date('2026-11-22T12:00:00Z')
  const after = (seconds: number) => {
    const now = new Date(start.getTime() + seconds * 1000)
    opened.at(now)
    return { now }
  }
  let count = 0
  const reference = () => `unit_${++count}-1`

  test('sells a reference once, however often it is ordered', async () => {
    const items = [{ reference: reference(), sku: 'TEST-INSTANT' }]
    const first = await supplier.order(items, after(0))
    const again = await supplier.order(items, after(0))
    expect(first).toMatchObject({ reached: true, surplus: [], results: [{ state: 'delivered' }] })
    expect(again.results).toEqual(first.results)
    const asked = await supplier.status([items[0]?.reference ?? ''], after(0))
    expect(asked.results).toEqual(first.results)
  })

  test('says what is on its way, and when to ask', async () => {
    const items = [{ reference: reference(), sku: 'TEST-DELAYED' }]
    const references = items.map((item) => item.reference)
    const taken = await supplier.order(items, after(0))
    expect(taken.results).toMatchObject([{ state: 'processing', retryAfterSeconds: 10 }])
    const early = await supplier.status(references, after(4))
    expect(early.results).toMatchObject([{ state: 'processing', retryAfterSeconds: 6 }])
    const ready = await supplier.status(references, after(10))
    expect(ready.results).toMatchObject([{ state: 'delivered', code: { type: 'code_pin' } }])
  })

  test('says beside a code what it is worth, from when till when, and how it is used', async () => {
    const items = [{ reference: reference(), sku: 'TEST-PARTIAL' }]
    const [result] = (await supplier.order(items, after(0))).results
    expect(result).toMatchObject({
      state: 'delivered',
      code: {
        activationAt: start,
        expiresAt: new Date('2027-11-22T12:00:00Z'),
        faceValue: '25.00 EUR',
        redeemInstructions: 'Enter the code at the checkout.',
      },
    })
  })

  test('refuses for good what it does not have, and never heard of what was not ordered', async () => {
    const refused = reference()
    const none = await supplier.order([{ reference: refused, sku: 'TEST-OUT-OF-STOCK' }], after(0))
    expect(none.results).toMatchObject([{ reference: refused, state: 'none' }])
    const unheard = await supplier.status([reference()], after(0))
    expect(unheard.results).toMatchObject([{ state: 'not_placed' }])
  })

  test('a reference for another SKU is refused as a whole, and places nothing', async () => {
    const used = reference()
    const fresh = reference()
    await supplier.order([{ reference: used, sku: 'TEST-INSTANT' }], after(0))
    const clash = [
      { reference: fresh, sku: 'TEST-INSTANT' },
      { reference: used, sku: 'TEST-DELAYED' },
    ]
    const answer = await supplier.order(clash, after(0))
    expect(answer.results.map(({ state }) => state)).toEqual(['not_placed', 'not_placed'])
    expect((await supplier.status([fresh], after(0))).results).toMatchObject([
      { state: 'not_placed' },
    ])
  })

  test('undoes what is not delivered, and sells it never again', async () => {
    const [waiting, delivered, unheard] = [reference(), reference(), reference()]
    const items = [
      { reference: waiting, sku: 'TEST-DELAYED' },
      { reference: delivered, sku: 'TEST-INSTANT' },
    ]
    await supplier.order(items, after(0))
    const undone = await supplier.cancel([waiting, delivered, unheard], after(1))
    expect(undone.results.map(({ state }) => state)).toEqual(['none', 'delivered', 'none'])
    const late = [...items, { reference: unheard, sku: 'TEST-INSTANT' }]
    const states = (await supplier.order(late, after(60))).results.map(({ state }) => state)
    expect(states).toEqual(['none', 'delivered', 'none'])
  })

  test('quotes what it sells, with the cost, and leaves out what it does not', async () => {
    const quote = await supplier.quote(['TEST-INSTANT', 'NOTHING'], after(0))
    expect(quote).toMatchObject({
      reached: true,
      offers: [{ sku: 'TEST-INSTANT', cost: { minor: 2000n, currency: 'USD' } }],
    })
  })

  test('takes a claim once, and stands by its answer', async () => {
    const sold = reference()
    await supplier.order([{ reference: sold, sku: 'TEST-INSTANT' }], after(0))
    const claim = { claim: `clm_${sold}`, reference: sold, reason: 'invalid' }
    const first = await supplier.claim(claim, after(0))
    expect(first).toMatchObject({ state: 'replaced', code: { type: 'code' } })
    expect(await supplier.claim(claim, after(5))).toEqual(first)
    const unknown = { ...claim, claim: 'clm_other', reference: reference() }
    expect(await supplier.claim(unknown, after(0))).toMatchObject({ state: 'rejected' })
  })

  test('a supplier that nobody reaches was certainly not asked; a question stays open', async () => {
    const away = createSandboxSupplier({ url: 'http://127.0.0.1:1' }) // nothing listens on port 1
    const agent = new Agent()
    const gone = createHttpSupplier(agent, {
      baseUrl: 'http://127.0.0.1:1/codes',
      secret: 'a secret of nobody',
      callSecondsMax: 2,
    })
    for (const one of [away, gone]) {
      const ordered = await one.order([{ reference: reference(), sku: 'X' }], after(0))
      expect(ordered).toMatchObject({ reached: false, results: [{ state: 'not_placed' }] })
      const asked = await one.status([reference()], after(0))
      expect(asked).toMatchObject({ reached: false, results: [{ state: 'unknown' }] })
    }
    await away.close()
    await agent.destroy()
  })
})
