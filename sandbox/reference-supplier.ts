import { createHmac, timingSafeEqual } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import {
  SUPPLIER_CLOCK_SECONDS_MAX,
  SUPPLIER_HEADERS,
  supplierAnswerText,
  supplierRequestText,
} from '../domain/supplier-wire.ts'
import { unitOf } from './supplier-rules.ts'
import {
  answer,
  answerClaim,
  cancelOrders,
  countDown,
  placeItems,
  quoteSkus,
  Refusal,
} from './supplier-shop.ts'
import { openStore, type SupplierStore } from './supplier-store.ts'

/**
 * A small supplier that speaks the wire format of `docs/suppliers.md`: a pattern for whoever wants
 * to be connected by configuration. It sells what the sandbox supplier sells, by its own clock.
 * Settings: `REFERENCE_SUPPLIER_SECRET`, `REFERENCE_SUPPLIER_PORT` (0 = any) and
 * `REFERENCE_SUPPLIER_DATA` (path of its file; empty = in memory).
 */

type Answered = { status: number; body: unknown }

/** The HTTP side over a store. Whatever is signed rightly is answered with a signature. */
export function buildReferenceSupplier(
  store: SupplierStore,
  { secret, now = () => new Date() }: { secret: string; now?: () => Date },
): Hono {
  const app = new Hono()
  const seen = new Set<string>()
  app.post('/codes/*', async (context) => {
    const header = (name: string) => context.req.header(name) ?? ''
    const body = await context.req.text()
    const { pathname, search } = new URL(context.req.url)
    const timestamp = header(SUPPLIER_HEADERS.timestamp)
    const requestId = header(SUPPLIER_HEADERS.requestId)
    const requestSignature = header(SUPPLIER_HEADERS.signature)
    const right = sign(
      secret,
      supplierRequestText({ path: pathname + search, timestamp, requestId, body }),
    )
    // Nothing is signed for a stranger, so this answer is not believed, as it should be.
    if (!isSame(requestSignature, right)) return context.json({ error: 'Signature' }, 401)
    const print = ({ status, body: content }: Answered) => {
      const text = JSON.stringify(content)
      const signature = sign(secret, supplierAnswerText({ status, requestSignature, body: text }))
      return new Response(text, {
        status,
        headers: {
          'content-type': 'application/json',
          [SUPPLIER_HEADERS.answerSignature]: signature,
        },
      })
    }
    const ageSeconds = Math.abs(Date.now() / 1000 - Number(timestamp))
    if (!(ageSeconds <= SUPPLIER_CLOCK_SECONDS_MAX) || seen.has(requestId)) {
      return print({ status: 400, body: { error: 'This request is old or was seen before' } })
    }
    seen.add(requestId)
    return print(act(store, pathname.slice('/codes'.length), parse(body), now()))
  })
  app.get('/ledger', (context) => context.json({ sales: store.ledger() }))
  return app
}

function act(store: SupplierStore, path: string, body: unknown, now: Date): Answered {
  const references = textsOf(body, 'references')
  const answers = (asked: string[]) => ({
    status: 200,
    body: { items: asked.flatMap((reference) => answer(store, reference, now)) },
  })
  try {
    switch (path) {
      case '/quote':
        return { status: 200, body: { items: quoteSkus(textsOf(body, 'skus')) } }
      case '/orders': {
        const items = listOf(body, 'items').map((item) => ({
          reference: textOf(item, 'reference'),
          sku: textOf(item, 'sku'),
        }))
        placeItems(store, items, now)
        return answers(items.map(({ reference }) => reference))
      }
      case '/orders/status': {
        const told = answers(references)
        store.append(references.flatMap((reference) => countDown(store, reference)))
        return told
      }
      case '/orders/cancel':
        cancelOrders(store, references, now)
        return answers(references)
      case '/claims': {
        const claim = { claim: textOf(body, 'claim'), reference: textOf(body, 'reference') }
        return { status: 200, body: answerClaim(store, claim, now) }
      }
      default:
        return { status: 404, body: { error: 'There is no such page' } }
    }
  } catch (error) {
    if (error instanceof Refusal) return { status: error.status, body: { error: error.message } }
    throw error
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  const found: unknown = Object.getOwnPropertyDescriptor(value, name)?.value
  return found
}

function listOf(value: unknown, name: string): unknown[] {
  const found = fieldOf(value, name)
  return Array.isArray(found) ? found : []
}

function textsOf(value: unknown, name: string): string[] {
  return listOf(value, name).filter((one) => typeof one === 'string')
}

function textOf(value: unknown, name: string): string {
  const found = fieldOf(value, name)
  return typeof found === 'string' ? found : ''
}

function sign(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('hex')
}

function isSame(given: string, right: string): boolean {
  return given.length === right.length && timingSafeEqual(Buffer.from(given), Buffer.from(right))
}

function main(): void {
  const secret = process.env.REFERENCE_SUPPLIER_SECRET ?? ''
  if (secret === '') throw new Error('Set REFERENCE_SUPPLIER_SECRET')
  const store = openStore(process.env.REFERENCE_SUPPLIER_DATA ?? '', unitOf)
  const port = Number(process.env.REFERENCE_SUPPLIER_PORT ?? '8091')
  const { fetch } = buildReferenceSupplier(store, { secret })
  serve({ fetch, port, hostname: '127.0.0.1' }, (info) => {
    process.stdout.write(`${JSON.stringify({ msg: 'ready', port: info.port })}\n`)
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main()
