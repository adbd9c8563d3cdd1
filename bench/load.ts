import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'undici'
import { perUnit } from './figure.ts'
import { readProcessorTime, type Watched } from './processes.ts'
import type { Side } from './windows.ts'

/** HTTP load on loopback. It stops by itself, and an answer that is not expected ends the figure. */

export type Call = {
  method: 'GET' | 'POST'
  path: string
  headers?: Record<string, string>
  body?: string
}

export type Target = {
  url: string
  /** The n-th call of the run; n only grows. */
  next(n: number): Call
  /** The only status that counts as right. */
  status: number
  /** Refused in order, as under a load that is too much: neither right nor wrong. */
  refusal?: number
}

/** Answers of one window: the right ones, and how long right ones and refusals took in milliseconds. */
export type Answers = {
  count: number
  seconds: number
  sortedMs: number[]
  refusedSortedMs: number[]
}

export const CONNECTIONS = 64

export type Load = {
  /** Every connection sends its next call as soon as it has its answer. */
  closed(seconds: number): Promise<Answers>
  /** `perSecond` calls begin at even distances, whether or not the ones before are answered. */
  open(seconds: number, perSecond: number): Promise<Answers>
  close(): Promise<void>
}

/** Opens the connections. `close` ends them. */
export function openLoad(target: Target, connections = CONNECTIONS): Load {
  const clients = Array.from({ length: connections }, () => new Client(target.url))
  let n = 0
  const send = async (client: Client, dueAt: number, to: Answers): Promise<void> => {
    const { method, path, headers, body } = target.next(n++)
    const answer = await client.request({
      method,
      path,
      ...(headers === undefined ? {} : { headers }),
      ...(body === undefined ? {} : { body }),
    })
    const isRight = answer.statusCode === target.status
    if (!isRight && answer.statusCode !== target.refusal) {
      throw new Error(`${method} ${path}: ${answer.statusCode} ${await answer.body.text()}`)
    }
    await answer.body.dump()
    const takenMs = isRight ? to.sortedMs : to.refusedSortedMs
    takenMs.push(performance.now() - dueAt)
  }
  return {
    async closed(seconds) {
      const window = openWindow()
      const endAt = window.startedAt + seconds * 1_000
      await Promise.all(
        clients.map(async (client) => {
          for (;;) {
            const sentAt = performance.now()
            if (sentAt >= endAt) return
            await send(client, sentAt, window.answers)
          }
        }),
      )
      return window.close()
    },
    async open(seconds, perSecond) {
      const window = openWindow()
      const { startedAt, answers } = window
      const total = Math.floor(seconds * perSecond)
      const free = [...clients]
      const waiting: (() => void)[] = []
      // From the instant at which the call was due: waiting for a connection counts as its time.
      const one = async (dueAt: number): Promise<void> => {
        if (free.length === 0) await new Promise<void>((resolve) => waiting.push(resolve))
        const client = free.pop()
        if (client === undefined) throw new Error('woken without a connection')
        await send(client, dueAt, answers)
        free.push(client)
        waiting.shift()?.()
      }
      const running: Promise<void>[] = []
      while (running.length < total) {
        const due = Math.min(total, ((performance.now() - startedAt) / 1_000) * perSecond)
        while (running.length < due) {
          running.push(one(startedAt + (running.length / perSecond) * 1_000))
        }
        await delay(1)
      }
      await Promise.all(running)
      return window.close()
    },
    async close() {
      await Promise.all(clients.map((client) => client.close()))
    },
  }
}

/** How many right answers a second a load gets when every connection is always busy. */
export function throughput(load: Load, watched: Watched): Side {
  return {
    async measure(seconds) {
      const time = readProcessorTime(watched)
      const { count, seconds: taken } = await load.closed(seconds)
      return { value: count / taken, cpuMicros: perUnit(time.since(), count) }
    },
  }
}

/** Does `one` so many times, at most `lanes` of them at a time. Passes the first error on. */
export async function inParallel(
  total: number,
  lanes: number,
  one: (n: number) => Promise<void>,
): Promise<void> {
  let begun = 0
  const lane = async (): Promise<void> => {
    while (begun < total) await one(begun++)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

function openWindow() {
  const startedAt = performance.now()
  const answers: Answers = { count: 0, seconds: 0, sortedMs: [], refusedSortedMs: [] }
  return {
    startedAt,
    answers,
    close: (): Answers => ({
      count: answers.sortedMs.length,
      seconds: (performance.now() - startedAt) / 1_000,
      sortedMs: answers.sortedMs.toSorted((a, b) => a - b),
      refusedSortedMs: answers.refusedSortedMs.toSorted((a, b) => a - b),
    }),
  }
}
