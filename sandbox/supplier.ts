import { fileURLToPath } from 'node:url'
import { serve, type HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { unitOf } from './supplier-rules.ts'
import {
  answer,
  answerClaim,
  cancelOrders,
  countDown,
  placeItems,
  quoteSkus,
  Refusal,
  type AskedItem,
} from './supplier-shop.ts'
import { openStore, type SupplierStore } from './supplier-store.ts'

/**
 * The sandbox supplier: a pretend shop for codes with its own process, store and ledger, so that
 * what Bark stored can be compared with what was sold. Settings: `SANDBOX_SUPPLIER_PORT` (0 = any)
 * and `SANDBOX_SUPPLIER_DATA` (path of its file; empty = in memory).
 */

const ITEMS_MAX = 1_000
const BODY_BYTES_MAX = 512 * 1024
const REFERENCE = /^[\w.:-]{1,120}$/

/** The HTTP side over a store. */
export function buildSupplier(store: SupplierStore): Hono<{ Bindings: HttpBindings }> {
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.get('/healthz', (context) => context.json({ status: 'ok' }))

  const limit = bodyLimit({
    maxSize: BODY_BYTES_MAX,
    onError: (context) =>
      context.json({ error: `A body has at most ${BODY_BYTES_MAX} bytes` }, 413),
  })
  app.post('/orders', limit, async (context) => {
    const now = readNow(context.req.header('X-Sandbox-Time'))
    const items = readItems(await context.req.json().catch(() => null))
    const cut = placeItems(store, items, now)
    if (cut) {
      context.env.incoming.socket.destroy()
      return RESPONSE_ALREADY_SENT
    }
    return context.json({ items: items.flatMap(({ reference }) => answer(store, reference, now)) })
  })

  app.get('/orders', (context) => {
    const now = readNow(context.req.header('X-Sandbox-Time'))
    const references = readReferences(context.req.queries('reference') ?? [])
    const items = references.flatMap((reference) => answer(store, reference, now))
    store.append(references.flatMap((reference) => countDown(store, reference)))
    return context.json({ items })
  })

  app.post('/orders/cancel', limit, async (context) => {
    const now = readNow(context.req.header('X-Sandbox-Time'))
    const references = readReferences(readTexts(await readJson(context.req), 'references'))
    cancelOrders(store, references, now)
    return context.json({ items: references.flatMap((reference) => answer(store, reference, now)) })
  })

  app.post('/quote', limit, async (context) =>
    context.json({ items: quoteSkus(readTexts(await readJson(context.req), 'skus')) }),
  )

  app.post('/claims', limit, async (context) => {
    const now = readNow(context.req.header('X-Sandbox-Time'))
    const body = await readJson(context.req)
    const claim = textField(body, 'claim')
    const reference = textField(body, 'reference')
    if (!REFERENCE.test(claim) || !REFERENCE.test(reference)) {
      throw new Refusal('A claim has a claim and a reference')
    }
    return context.json({ reference, ...answerClaim(store, { claim, reference }, now) })
  })

  app.get('/ledger', (context) => {
    const sales = store.ledger()
    return context.json({ count: sales.length, sales })
  })

  app.notFound((context) => context.json({ error: 'There is no such page' }, 404))
  app.onError((error, context) => {
    if (error instanceof Refusal) return context.json({ error: error.message }, error.status)
    writeLog('error', 'request_failed', { error: error.message })
    return context.json({ error: 'The sandbox supplier failed; its log says why' }, 500)
  })
  return app
}

function readNow(header: string | undefined): Date {
  const now = header === undefined ? new Date() : new Date(header)
  if (Number.isNaN(now.getTime())) throw new Refusal('X-Sandbox-Time is not an RFC 3339 instant')
  return now
}

function readItems(body: unknown): AskedItem[] {
  const items = typeof body === 'object' && body !== null && 'items' in body ? body.items : null
  if (!Array.isArray(items) || items.length === 0 || items.length > ITEMS_MAX) {
    throw new Refusal(`items must be an array of 1 to ${ITEMS_MAX} {reference, sku}`)
  }
  const asked = items.map((item: unknown) => {
    const reference = textField(item, 'reference')
    const sku = textField(item, 'sku')
    if (!REFERENCE.test(reference) || sku === '')
      throw new Refusal('An item has no reference or sku')
    return { reference, sku }
  })
  readReferences(asked.map((item) => item.reference))
  return asked
}

function readReferences(references: string[]): string[] {
  if (references.length === 0 || references.length > ITEMS_MAX) {
    throw new Refusal(`Ask for 1 to ${ITEMS_MAX} references`)
  }
  if (new Set(references).size < references.length) throw new Refusal('A reference comes twice')
  return references
}

function readJson(request: { json(): Promise<unknown> }): Promise<unknown> {
  return request.json().catch(() => null)
}

/** The texts of a list in a body; a list that is not there is empty. */
function readTexts(body: unknown, name: string): string[] {
  if (typeof body !== 'object' || body === null) return []
  const list: unknown = Object.getOwnPropertyDescriptor(body, name)?.value
  return Array.isArray(list) ? list.filter((one) => typeof one === 'string') : []
}

function textField(item: unknown, name: 'reference' | 'sku' | 'claim'): string {
  if (typeof item !== 'object' || item === null) return ''
  const value: unknown = Object.getOwnPropertyDescriptor(item, name)?.value
  return typeof value === 'string' ? value : ''
}

function writeLog(level: 'info' | 'error', msg: string, fields: Record<string, unknown>): void {
  const line = {
    level,
    time: new Date().toISOString(),
    process: 'sandbox-supplier',
    ...fields,
    msg,
  }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

function main(): void {
  const store = openStore(process.env.SANDBOX_SUPPLIER_DATA ?? '', unitOf)
  const port = Number(process.env.SANDBOX_SUPPLIER_PORT ?? '8090')
  const server = serve({ fetch: buildSupplier(store).fetch, port, hostname: '127.0.0.1' }, (info) =>
    writeLog('info', 'ready', { port: info.port, codes_sold: store.ledger().length }),
  )
  const stop = (): void => {
    server.close(() => {
      store.close()
      process.exit(0)
    })
    if ('closeAllConnections' in server) server.closeAllConnections()
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  process.once('disconnect', stop)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
