import { createServer, request as requestFrom, type IncomingMessage } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { PspProcess } from '../sandbox/psp-process.ts'

/** What reached the way to the payment service. */
export type SeenRequest = { method: string; path: string; key: string | null }

/**
 * `cut`: nothing arrives. `hold`: a request that moves something is carried out, and its reply is kept
 * back for ever; questions pass.
 */
export type GateMode = 'pass' | 'cut' | 'hold'

/** The way to a payment service, which a test can cut or keep replies back on, and where it counts. */
export type PspGate = {
  url: string
  /** Since the start, in order. */
  seen: SeenRequest[]
  /** Keys whose reply is kept back: carried out, and nobody heard. */
  held: Set<string>
  set(mode: GateMode): void
  close(): Promise<void>
}

/** Opens the way to a running payment service. */
export async function openPspGate(psp: PspProcess): Promise<PspGate> {
  let mode: GateMode = 'pass'
  const seen: SeenRequest[] = []
  const held = new Set<string>()
  const server = createServer((incoming, outgoing) => {
    const header = incoming.headers['idempotency-key']
    const key = typeof header === 'string' ? header : null
    const { method = '', url = '' } = incoming
    seen.push({ method, path: url, key })
    if (mode === 'cut') {
      incoming.socket.destroy()
      return
    }
    const holds = mode === 'hold' && method === 'POST' && key !== null && !held.has(key)
    forward(psp, incoming, (answer) => {
      if (holds) {
        held.add(key)
        answer.resume()
        return
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    // A server that listens on a port has an address of this shape.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    held,
    set(next) {
      mode = next
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function forward(
  { port }: PspProcess,
  incoming: IncomingMessage,
  answer: (response: IncomingMessage) => void,
): void {
  const { method, url, headers } = incoming
  const outgoing = requestFrom({ host: '127.0.0.1', port, method, path: url, headers }, answer)
  // The service cuts a connection where a test planted that: so is ours.
  outgoing.on('error', () => incoming.socket.destroy())
  incoming.pipe(outgoing)
}
