import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Api } from '../../../api/app.ts'
import { fieldsOf } from '../../faults/json.ts'

/** An app on a socket, as server.ts serves it, which says how many it answered before the app. */
export async function openDoor({ app, turnAway }: Api) {
  const byApp = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  let turnedAway = 0
  const server = createServer((request, response) => {
    if (turnAway(request, response)) turnedAway += 1
    else byApp(request, response).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on a port
  return {
    url: `http://127.0.0.1:${port}`,
    turnedAway: () => turnedAway,
    close: () => server.close(),
  }
}

/** What a refusal says, without what is of the instant and of the request: to compare two of them. */
export function saidBy(answer: { headers: Headers; body: unknown } | undefined) {
  const instant = ['date', 'ratelimit', 'x-ratelimit-reset', 'retry-after']
  return {
    ...Object.fromEntries(answer?.headers ?? []),
    ...fieldsOf(fieldsOf(answer?.body)['error']),
    ...Object.fromEntries(instant.map((name) => [name, 'then'])),
    ...Object.fromEntries(['x-request-id', 'request_id'].map((name) => [name, 'its own'])),
  }
}
