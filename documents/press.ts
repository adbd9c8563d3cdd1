import { Worker } from 'node:worker_threads'
import type { InvoiceSnapshot } from '../domain/invoice.ts'
import type { DocumentFormat } from './render.ts'

/** What the thread is asked, and what it answers. */
export type PrintOrder = { number: number; snapshot: InvoiceSnapshot; format: DocumentFormat }
export type Printed = { number: number } & ({ bytes: Uint8Array } | { problem: string })

/** Renders documents in a thread of its own, so that a long PDF holds up nothing else. */
export type Press = {
  /** The same bytes as `renderDocument`. Rejects when rendering throws, or when the thread dies. */
  print(snapshot: InvoiceSnapshot, format: DocumentFormat): Promise<Uint8Array>
  close(): Promise<void>
}

type Waiting = { resolve(bytes: Uint8Array): void; reject(error: Error): void }

/** The thread starts with the first document; one that died is followed by another. */
export function openPress(): Press {
  const waiting = new Map<number, Waiting>()
  let orders = 0
  let thread: Worker | null = null

  const start = (): Worker => {
    const started = new Worker(new URL('./press-thread.ts', import.meta.url))
    const fail = (error: Error) => {
      if (thread !== started) return
      thread = null
      for (const { reject } of waiting.values()) reject(error)
      waiting.clear()
    }
    started.on('message', (printed: Printed) => {
      const order = waiting.get(printed.number)
      waiting.delete(printed.number)
      if ('bytes' in printed) order?.resolve(printed.bytes)
      else order?.reject(new Error(printed.problem))
    })
    started.on('error', fail)
    started.on('exit', () => fail(new Error('The thread that renders documents has ended')))
    // A process that has nothing else to do may end.
    started.unref()
    return started
  }

  return {
    print(snapshot, format) {
      thread ??= start()
      orders += 1
      const order: PrintOrder = { number: orders, snapshot, format }
      return new Promise((resolve, reject) => {
        waiting.set(order.number, { resolve, reject })
        thread?.postMessage(order, [])
      })
    },
    async close() {
      await thread?.terminate()
    },
  }
}
