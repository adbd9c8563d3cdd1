import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import { isReceivedRequest, type ReceivedRequest } from './receiver-log.ts'
import { isSigned, readScript, type Answer, type Script } from './receiver-script.ts'

/**
 * A merchant's webhook endpoint to try things with: it keeps what it got and answers as told.
 * Settings: `SANDBOX_RECEIVER_PORT` (8091; 0 = any) and `SANDBOX_RECEIVER_DATA` (path of a file that
 * keeps what arrived; empty = in memory).
 *
 *   POST /anything            a webhook; answered by the script of its path, else 200
 *   PUT  /scripts?path=/x     {"answers": [Answer…], "secret"?}: one per request, the last one stays
 *   GET  /requests[?path=/x][&after=N]  what arrived, in order, without the first N
 *   GET  /healthz
 */

export type Receiver = {
  port: number
  url: string
  /** What arrived, oldest first; the oldest of very many are forgotten. */
  requests: ReceivedRequest[]
  /** Tells how the requests to a path are answered from now on. */
  script(path: string, script: Script): void
  close(): Promise<void>
}

const BODY_BYTES_MAX = 1_048_576
const REQUESTS_KEPT_MAX = 100_000
const DRIP_MS = 500

/** Listens on loopback; port 0 takes any. `file` keeps what arrived over restarts; '' = memory. */
export async function startReceiver(wantedPort = 0, file = ''): Promise<Receiver> {
  const requests = readLog(file)
  const scripts = new Map<string, Script & { next: number }>()
  const script = (path: string, told: Script): void => {
    scripts.set(path, { ...told, next: 0 })
  }

  const receive = async (request: IncomingMessage, response: ServerResponse, path: string) => {
    const body = await readBody(request)
    const told = scripts.get(path)
    const answer = told?.answers[Math.min(told.next, told.answers.length - 1)] ?? {}
    if (told !== undefined) told.next += 1
    const received: ReceivedRequest = {
      path,
      headers: readHeaders(request),
      body,
      received_at: new Date().toISOString(),
      answered: answer.instead === undefined ? (answer.status ?? 200) : null,
      signature_ok:
        told?.secret === undefined ? null : isSigned(request.headers, body, told.secret),
    }
    // Kept before it is answered: what a sender was told has arrived is in the log.
    if (file !== '') appendFileSync(file, `${JSON.stringify(received)}\n`)
    requests.push(received)
    if (requests.length > REQUESTS_KEPT_MAX) requests.shift()
    send(response, answer)
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://receiver')
    const path = url.searchParams.get('path')
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /healthz':
        return sendJson(response, 200, { status: 'ok' })
      case 'GET /requests':
        return sendJson(
          response,
          200,
          requests
            .filter((each) => path === null || each.path === path)
            .slice(Number(url.searchParams.get('after'))),
        )
      case 'PUT /scripts': {
        const told = readScript(await readBody(request))
        if (told === null || path === null) {
          return sendJson(response, 400, { error: 'PUT /scripts?path=/x {"answers": [{…}]}' })
        }
        script(path, told)
        return sendJson(response, 200, { path, ...told })
      }
      default:
        return receive(request, response, url.pathname)
    }
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      writeLog('error', 'request_failed', { error: String(error) })
      response.destroy()
    })
  })
  const port = await listen(server, wantedPort)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    script,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function send(response: ServerResponse, answer: Answer): void {
  if (answer.instead === 'hang') return
  if (answer.instead === 'close') {
    response.destroy()
    return
  }
  setTimeout(() => {
    response.writeHead(answer.status ?? 200, { 'content-type': 'text/plain', ...answer.headers })
    response.write(answer.body ?? 'received')
    if (answer.drip === true) drip(response)
    else if (answer.stream_bytes !== undefined) stream(response, answer.stream_bytes)
    else response.end()
  }, answer.delay_ms ?? 0)
}

/** One byte now and then, until the other side hangs up. */
function drip(response: ServerResponse): void {
  const timer = setInterval(() => response.write('.'), DRIP_MS)
  response.once('close', () => clearInterval(timer))
}

/** Much more than anybody wants, at the speed at which it is taken. */
function stream(response: ServerResponse, bytes: number): void {
  const chunk = Buffer.alloc(65_536, 'x')
  let left = bytes
  const more = (): void => {
    while (left > 0 && !response.destroyed) {
      left -= chunk.length
      if (!response.write(chunk)) {
        response.once('drain', more)
        return
      }
    }
    response.end()
  }
  more()
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    const part: Buffer = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
    bytes += part.length
    if (bytes > BODY_BYTES_MAX) throw new Error('The body is too large')
    chunks.push(part)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function readHeaders(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, [value ?? ''].flat().join(', ')]),
  )
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

function readLog(file: string): ReceivedRequest[] {
  if (file === '' || !existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.slice(0, -1).map((line) => {
    const received: unknown = JSON.parse(line)
    if (!isReceivedRequest(received)) throw new Error(`${file} is no log of a receiver`)
    return received
  })
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : port
}

function writeLog(level: 'info' | 'error', msg: string, fields: Record<string, unknown>): void {
  const time = new Date().toISOString()
  const line = { level, time, process: 'sandbox-receiver', ...fields, msg }
  process.stdout.write(`${JSON.stringify(line)}\n`)
}

async function main(): Promise<void> {
  const receiver = await startReceiver(
    Number(process.env.SANDBOX_RECEIVER_PORT ?? '8091'),
    process.env.SANDBOX_RECEIVER_DATA ?? '',
  )
  writeLog('info', 'ready', { port: receiver.port })
  const stop = (): void => {
    receiver.close().then(
      () => process.exit(0),
      () => process.exit(1),
    )
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  process.once('disconnect', stop)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
