import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { buildApp } from './api/app.ts'
import { printUnreadable } from './api/errors.ts'
import { readEnv, toConfig, type Config } from './config.ts'
import { openDatabase } from './db/client.ts'
import { createLog, type Log } from './log.ts'
import { newId } from './new-id.ts'

// Node's own limits are minutes or none.
const HEADERS_MS_MAX = 10_000
const REQUEST_MS_MAX = 20_000 // the gateway gives a body ten seconds; this is the net below it
const IDLE_MS_MAX = 65_000 // a little longer than the idle time of common load balancers
const CHECK_MS = 1_000
// A client waits: 503 is the better answer after that. Waiting for a connection counts, and locks are
// given up after two seconds anyway.
const CONNECT_MS_MAX = 1_000
const STATEMENT_MS_MAX = 8_000
const IDLE_CHECK_MS = 50
const DRAIN_MS_MAX = 10_000 // a long poll for codes may need 25 s: its client asks again

export type RunningApi = {
  port: number
  /** Answers what is under way, for at most ten seconds, then ends every connection. */
  close(): Promise<void>
}

/**
 * Composition root: database, app, socket. Starts and serves without Temporal; any number may run.
 *
 * @param options.ownsGlobals whether `Response` and `Request` of this process may be replaced by those of
 *   the adapter, whose bodies are no streams of the web: that is a tenth of what a small answer costs
 */
export async function startApi(
  config: Config,
  log: Log,
  { ownsGlobals = false }: { ownsGlobals?: boolean } = {},
): Promise<RunningApi> {
  const database = openDatabase({
    url: config.database.url,
    poolSizeMax: config.database.poolSizeMax,
    applicationName: 'bark-api',
    onError: (error) => log.warn({ error }, 'database connection lost'),
    connectMsMax: CONNECT_MS_MAX,
    statementMsMax: STATEMENT_MS_MAX,
  })
  const api = buildApp({ database, config, log })
  const answer = getRequestListener(api.app.fetch, { overrideGlobalObjects: ownsGlobals })
  const limits = {
    headersTimeout: HEADERS_MS_MAX,
    requestTimeout: REQUEST_MS_MAX,
    keepAliveTimeout: IDLE_MS_MAX,
    connectionsCheckingInterval: CHECK_MS,
  }
  const server = createServer(limits, (request, response) => {
    if (api.turnAway(request, response)) return
    answer(request, response).catch(() => response.destroy())
  })
  server.maxConnections = config.api.connectionsMax
  server.on('clientError', answerUnreadable)
  server.listen(config.api.port, config.api.host)
  await once(server, 'listening')
  return {
    port: addressOf(server).port,
    async close() {
      await drain(server)
      await api.close()
      await database.close()
    },
  }
}

/** What Node could not read as HTTP never reaches the app, and still gets the shape of every error. */
function answerUnreadable(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { body, headers } = printUnreadable(error.code ?? '', newId('request'))
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 400 Bad Request\r\n${lines.join('')}\r\n${body}`)
}

async function drain(server: Server): Promise<void> {
  const closed = once(server, 'close')
  server.close()
  // A connection falls idle when its last answer is out, and would stay so for its keep-alive time.
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS)
  const late = setTimeout(() => server.closeAllConnections(), DRAIN_MS_MAX)
  await closed
  clearInterval(idle)
  clearTimeout(late)
}

/** Holds because `server` listens on a port and not on a path. */
function addressOf(server: Server): AddressInfo {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('Not listening on a port')
  return address
}

async function main(): Promise<void> {
  const config = toConfig(readEnv(process.env))
  const log = createLog('api', config.log.level)
  const api = await startApi(config, log, { ownsGlobals: true })
  log.info({ port: api.port }, 'ready')
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
    process.once('disconnect', () => resolve())
  })
  await api.close()
  // A listener on 'disconnect' keeps the channel to the parent open, and this process with it.
  if (process.connected) process.disconnect()
}

if (import.meta.main) await main()
