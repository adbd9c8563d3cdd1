import type { Socket } from 'node:net'

/** How one direction of a link passes bytes on just now. */
export type PipeMode =
  | { kind: 'latency'; ms: number }
  | { kind: 'slow'; bytesPerSecond: number }
  | { kind: 'pass' | 'blackHole' | 'silence' | 'reset' | 'loseReplies' | 'cutReplies' }

/** One direction of a connection. Whatever the mode and its changes, bytes keep their order. */
export type Pipe = {
  push(chunk: Buffer): void
  /** The mode has changed: what is held may pass now. */
  look(): void
  close(): void
}

const TRICKLE_MS = 100

export function openPipe(to: Socket, modeNow: () => PipeMode): Pipe {
  const held: { bytes: Buffer; at: number }[] = []
  let timer: NodeJS.Timeout | null = null

  const again = (ms: number): void => {
    timer = setTimeout(pump, ms)
  }
  const pump = (): void => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    for (let head = held[0]; head !== undefined && !to.destroyed; head = held[0]) {
      const mode = modeNow()
      if (mode.kind === 'blackHole') return
      const waitMs = mode.kind === 'latency' ? head.at + mode.ms - performance.now() : 0
      if (waitMs > 0) return again(waitMs)
      if (mode.kind === 'slow') {
        const step = Math.max(1, Math.floor((mode.bytesPerSecond * TRICKLE_MS) / 1000))
        to.write(head.bytes.subarray(0, step))
        head.bytes = head.bytes.subarray(step)
        if (head.bytes.length === 0) held.shift()
        return again(TRICKLE_MS)
      }
      to.write(head.bytes)
      held.shift()
    }
  }
  return {
    push(chunk) {
      if (chunk.length === 0) return
      held.push({ bytes: chunk, at: performance.now() })
      if (timer === null) pump()
    },
    look: pump,
    close() {
      if (timer !== null) clearTimeout(timer)
      held.length = 0
    },
  }
}
