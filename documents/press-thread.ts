import { parentPort } from 'node:worker_threads'
import type { PrintOrder, Printed } from './press.ts'
import { renderDocument } from './render.ts'

/** The thread behind `openPress`: one document after the other. */

const answer = (printed: Printed) => parentPort?.postMessage(printed, [])

parentPort?.on('message', ({ number, snapshot, format }: PrintOrder) => {
  renderDocument(snapshot, format).then(
    (bytes) => answer({ number, bytes }),
    (error: unknown) => answer({ number, problem: String(error) }),
  )
})
