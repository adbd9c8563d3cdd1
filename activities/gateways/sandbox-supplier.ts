import { Agent } from 'undici'
import {
  SUPPLIER_CALL_SECONDS_DEFAULT,
  type CodeSupplier,
  type SupplierContext,
} from './code-supplier.ts'
import {
  parseJson,
  readClaim,
  readItems,
  readOrder,
  readQuote,
  readRetryAfter,
  type SupplierTransport,
} from './supplier-answer.ts'
import {
  exchangeWithSupplier,
  SUPPLIER_AGENT_OPTIONS,
  SUPPLIER_CONNECT_MS_MAX,
} from './supplier-exchange.ts'

/**
 * The sandbox supplier's side of the port (`docs/suppliers.md` describes the wire). It has its own
 * connections, one at a time per request, and retries nothing: who asks again decides that.
 */
export function createSandboxSupplier(options: {
  url: string
}): CodeSupplier & { close(): Promise<void> } {
  const agent = new Agent({
    ...SUPPLIER_AGENT_OPTIONS,
    connect: { timeout: SUPPLIER_CONNECT_MS_MAX },
  })
  const call = async (
    context: SupplierContext,
    path: string,
    body: unknown,
  ): Promise<SupplierTransport> => {
    const reply = await exchangeWithSupplier(agent, {
      url: `${options.url}${path}`,
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        'x-sandbox-time': context.now.toISOString(),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      body: body === undefined ? null : JSON.stringify(body),
      callSecondsMax: SUPPLIER_CALL_SECONDS_DEFAULT,
    })
    if (reply.kind !== 'answered') return reply
    const retryAfterSeconds = readRetryAfter(reply.headers['retry-after'])
    return { ...reply, body: parseJson(reply.text), retryAfterSeconds }
  }
  return {
    async quote(skus, context) {
      return readQuote(skus, await call(context, '/quote', { skus }))
    },
    async order(items, context) {
      const references = items.map((item) => item.reference)
      return readOrder(references, await call(context, '/orders', { items }))
    },
    async status(references, context) {
      const query = references.map((reference) => `reference=${encodeURIComponent(reference)}`)
      return readItems(references, await call(context, `/orders?${query.join('&')}`, undefined))
    },
    async cancel(references, context) {
      return readItems(references, await call(context, '/orders/cancel', { references }))
    },
    async claim(claim, context) {
      return readClaim(await call(context, '/claims', claim))
    },
    close: () => agent.close(),
  }
}
