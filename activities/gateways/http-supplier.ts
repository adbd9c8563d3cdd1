import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Dispatcher } from 'undici'
import {
  SUPPLIER_HEADERS,
  supplierAnswerText,
  supplierRequestText,
} from '../../domain/supplier-wire.ts'
import type { CodeSupplier } from './code-supplier.ts'
import {
  parseJson,
  readClaim,
  readItems,
  readOrder,
  readQuote,
  readRetryAfter,
  type SupplierTransport,
} from './supplier-answer.ts'
import { exchangeWithSupplier } from './supplier-exchange.ts'

/** How a supplier that speaks Bark's wire format is reached. */
export type HttpSupplierConnection = {
  /** Without a slash at its end; its path stands before `/orders` and the others. */
  baseUrl: string
  secret: string
  callSecondsMax: number
}

/**
 * A supplier that is connected by configuration. Requests and answers are signed; an answer without
 * the right signature says nothing about an order, whatever its status, and makes it `unknown`.
 */
export function createHttpSupplier(
  dispatcher: Dispatcher,
  connection: HttpSupplierConnection,
): CodeSupplier {
  const call = (path: string, body: unknown) => postSigned(dispatcher, connection, path, body)
  return {
    async quote(skus) {
      return readQuote(skus, await call('/quote', { skus }))
    },
    async order(items) {
      const references = items.map((item) => item.reference)
      return readOrder(references, await call('/orders', { items }))
    },
    async status(references) {
      return readItems(references, await call('/orders/status', { references }))
    },
    async cancel(references) {
      return readItems(references, await call('/orders/cancel', { references }))
    },
    async claim(claim) {
      return readClaim(await call('/claims', claim))
    },
  }
}

async function postSigned(
  dispatcher: Dispatcher,
  { baseUrl, secret, callSecondsMax }: HttpSupplierConnection,
  path: string,
  content: unknown,
): Promise<SupplierTransport> {
  const url = new URL(`${baseUrl}${path}`)
  const body = JSON.stringify(content)
  const timestamp = String(Math.floor(Date.now() / 1000))
  const requestId = randomUUID()
  const target = `${url.pathname}${url.search}`
  const requestSignature = sign(
    secret,
    supplierRequestText({ path: target, timestamp, requestId, body }),
  )
  const reply = await exchangeWithSupplier(dispatcher, {
    url: url.href,
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      [SUPPLIER_HEADERS.timestamp]: timestamp,
      [SUPPLIER_HEADERS.requestId]: requestId,
      [SUPPLIER_HEADERS.signature]: requestSignature,
    },
    body,
    callSecondsMax,
  })
  if (reply.kind !== 'answered') return reply
  const given = reply.headers[SUPPLIER_HEADERS.answerSignature]
  const right = sign(
    secret,
    supplierAnswerText({ status: reply.status, requestSignature, body: reply.text }),
  )
  if (!isSame(given, right)) {
    const word = given === undefined ? 'not signed' : 'signature wrong'
    return { kind: 'disbelieved', said: `HTTP ${reply.status}, ${word}` }
  }
  const retryAfterSeconds = readRetryAfter(reply.headers['retry-after'])
  return { kind: 'answered', status: reply.status, body: parseJson(reply.text), retryAfterSeconds }
}

function sign(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('hex')
}

function isSame(given: string | string[] | undefined, right: string): boolean {
  if (typeof given !== 'string' || given.length !== right.length) return false
  return timingSafeEqual(Buffer.from(given), Buffer.from(right))
}
