import { connect, type Socket } from 'node:net'
import { randomUUID } from 'node:crypto'
import { json } from 'node:stream/consumers'
import { setInterval } from 'node:timers/promises'
import type { Attack, Stream, StreamResult } from './attack.ts'

/**
 * A load generator in a process of its own: an open loop over bare sockets, because it must cost less
 * than what it attacks. Loopback only, for so many seconds, and then it ends whatever happens.
 */

const ANSWER_MS_MAX = 30_000
const ENDS_AFTER_MS = 20_000 // beyond the attack: the last answers
const TICK_MS = 2

const attack = (await json(process.stdin)) as Attack // written by attack.ts
const { hostname, port } = new URL(attack.url)
if (hostname !== '127.0.0.1') throw new Error('Only loopback is attacked')
// Nobody catches it, so the process ends.
setTimeout(
  () => {
    throw new Error('The attack is over and answers are missing')
  },
  attack.seconds * 1_000 + ENDS_AFTER_MS,
).unref()

type Request = { dueAt: number; text: string }
type Answer = { status: number; retryAfter: boolean; body: string }

async function run(stream: Stream): Promise<StreamResult> {
  const result: StreamResult = {
    name: stream.name,
    statuses: {},
    accepted: [],
    perSecond: [],
    unsent: 0,
  }
  const taken: Record<string, number[]> = {}
  const idle = Array.from({ length: stream.connections }, () => openConnection())
  const running: Promise<void>[] = []
  const startedAt = performance.now()

  const note = (request: Request, answer: Answer | null): void => {
    const status = answer === null ? 'none' : String(answer.status)
    taken[status] ??= []
    taken[status].push(performance.now() - request.dueAt)
    result.statuses[status] ??= { count: 0, withRetryAfter: 0, reasons: {}, p50: 0, p99: 0 }
    const seen = result.statuses[status]
    seen.count += 1
    const reason = answer === null ? undefined : /"reason":"(\w+)"/.exec(answer.body)?.[1]
    if (reason !== undefined) seen.reasons[reason] = (seen.reasons[reason] ?? 0) + 1
    if (answer?.retryAfter === true) seen.withRetryAfter += 1
    const second = Math.floor((performance.now() - startedAt) / 1_000)
    if (answer?.status === 201) {
      result.perSecond[second] = (result.perSecond[second] ?? 0) + 1
      result.accepted.push(/"id":"(\w+)"/.exec(answer.body)?.[1] ?? '')
    }
  }
  if (stream.perSecond === 'closed') {
    let nth = 0
    const endsAt = startedAt + attack.seconds * 1_000
    const lane = async (connection: Connection): Promise<void> => {
      for (let now = performance.now(); now < endsAt; now = performance.now()) {
        const request = { dueAt: now, text: print(stream, nth++) }
        note(request, await connection.ask(request.text))
      }
    }
    await Promise.all(idle.map(lane))
    return finish()
  }
  const { perSecond } = stream
  const total = Math.floor(attack.seconds * perSecond)
  // How many are due by now, and how many of them were begun: what is between waits for a connection.
  let due = 0
  let begun = 0
  const serve = async (connection: Connection): Promise<void> => {
    while (begun < due) {
      const nth = begun++
      const dueAt = startedAt + (nth / perSecond) * 1_000
      const request = { dueAt, text: print(stream, nth) }
      note(request, await connection.ask(request.text))
    }
    idle.push(connection)
  }
  for await (const _ of setInterval(TICK_MS)) {
    due = Math.min(total, Math.ceil(((performance.now() - startedAt) / 1_000) * perSecond))
    while (begun < due && idle.length > 0) {
      const connection = idle.pop()
      if (connection !== undefined) running.push(serve(connection))
    }
    if (due >= total) break
  }
  result.unsent = due - begun
  due = begun
  await Promise.all(running)
  return finish()

  function finish(): StreamResult {
    for (const connection of idle) connection.close()
    for (const [status, seen] of Object.entries(result.statuses)) {
      const sorted = (taken[status] ?? []).toSorted((a, b) => a - b)
      seen.p50 = quantile(sorted, 0.5)
      seen.p99 = quantile(sorted, 0.99)
    }
    result.perSecond = Array.from(result.perSecond, (count: number | undefined) => count ?? 0)
    return result
  }
}

function print(stream: Stream, n: number): string {
  const body = stream.bodies[n % stream.bodies.length] ?? ''
  const key = stream.method === 'POST' ? `Idempotency-Key: ${randomUUID()}\r\n` : ''
  const length = body === '' ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`
  return (
    `${stream.method} ${stream.path} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n` +
    `Authorization: Bearer ${stream.key}\r\nContent-Type: application/json\r\n` +
    `${key}${length}\r\n${body}`
  )
}

type Connection = { ask(text: string): Promise<Answer | null>; close(): void }

/** One request at a time; a connection that breaks is opened again for the next one. */
function openConnection(): Connection {
  let socket: Socket | null = null
  let heard = ''
  let end: (answer: Answer | null) => void = () => undefined

  function open(): Socket {
    const opened = connect({ host: hostname, port: Number(port), noDelay: true })
    opened.setEncoding('latin1')
    opened.setTimeout(ANSWER_MS_MAX)
    opened.on('data', (chunk: string) => {
      heard += chunk
      const answer = parse(heard)
      if (answer !== null) end(answer)
    })
    const lose = (): void => {
      opened.destroy()
      if (socket === opened) socket = null
      end(null)
    }
    for (const event of ['error', 'close', 'timeout']) opened.on(event, lose)
    return opened
  }

  return {
    ask(text) {
      socket ??= open()
      heard = ''
      return new Promise((resolve) => {
        end = (answer) => {
          end = () => undefined // an idle one may break: the next request opens another
          resolve(answer)
        }
        socket?.write(text)
      })
    },
    close: () => socket?.destroy(),
  }
}

/** The answer once it is whole; the API always says its length. */
function parse(text: string): Answer | null {
  const head = text.indexOf('\r\n\r\n')
  if (head === -1) return null
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1] ?? '0')
  if (text.length < head + 4 + length) return null
  return {
    status: Number(text.slice(9, 12)),
    retryAfter: /\r\nretry-after: \d+/i.test(text.slice(0, head)),
    body: text.slice(head + 4, head + 200),
  }
}

function quantile(sorted: number[], share: number): number {
  return Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0)
}

const results = await Promise.all(attack.streams.map(run))
process.stdout.write(`${JSON.stringify(results)}\n`)
