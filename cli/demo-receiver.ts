import { createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { buffer } from 'node:stream/consumers'

/** One request that arrived at the receiver. */
export type Received = {
  eventId: string
  /** Whether X-Webhook-Signature is the HMAC of the very bytes under the endpoint's secret. */
  signed: boolean
  answered: 200 | 503
}

export type Receiver = {
  url: string
  received: readonly Received[]
  /** Told after the endpoint was created; what arrives before is answered 503. */
  trust(secret: string): void
  close(): Promise<void>
}

/**
 * A shop's webhook endpoint on this machine. It is down for the first `failures` tries of the first
 * event that it hears of, and well for every other.
 */
export async function openReceiver(failures: number): Promise<Receiver> {
  const received: Received[] = []
  let secret: string | null = null
  const answer = (eventId: string, signature: string, body: Buffer): number => {
    const isFirst = received.length === 0 || received[0]?.eventId === eventId
    const tries = received.filter((each) => each.eventId === eventId).length
    const answered = secret === null || (isFirst && tries < failures) ? 503 : 200
    const signed = secret !== null && isSigned(body, secret, signature)
    received.push({ eventId, signed, answered })
    return answered
  }
  const server = createServer((request, response) => {
    const header = (name: string) => String(request.headers[name] ?? '')
    buffer(request).then(
      (body) => {
        const status = answer(header('webhook-id'), header('x-webhook-signature'), body)
        response.writeHead(status).end()
      },
      () => response.destroy(), // the sender went away in the middle
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Not listening on a port')
  return {
    url: `http://127.0.0.1:${address.port}/bark`,
    received,
    trust(given) {
      secret = given
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** What every receiver should do before it believes a word. */
function isSigned(body: Buffer, secret: string, signature: string): boolean {
  const right = Buffer.from(createHmac('sha256', secret).update(body).digest('hex'))
  const given = Buffer.from(signature)
  return given.length === right.length && timingSafeEqual(given, right)
}
