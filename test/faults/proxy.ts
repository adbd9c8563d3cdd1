import { createServer, connect, type AddressInfo, type Socket } from 'node:net'

/**
 * A TCP proxy on one link between two processes. It can slow the link, swallow one side, cut it, and
 * it can stop at an exact message: before it leaves, after it arrived but with the reply withheld,
 * or after the reply was delivered. A message is what one side sends before the other one speaks.
 */

export type LinkMode =
  | { kind: 'pass' }
  | { kind: 'latency'; ms: number }
  /** Accepts and swallows both ways. */
  | { kind: 'blackHole' }
  /** Cuts what is open, and every new connection at once. */
  | { kind: 'reset' }
  /** The other side gets the request; its reply is swallowed and then the connection is cut. */
  | { kind: 'loseReplies' }
  /** Replies trickle. */
  | { kind: 'slow'; bytesPerSecond: number }
  /** Each reply ends after so many bytes, and the connection with it. */
  | { kind: 'cutReplies'; afterBytes: number }

export type Moment = (typeof MOMENTS)[number]

/** `spring` gets the first bytes of the message that it stopped at. */
export type Trap = { message: number; moment: Moment; spring: (message: Buffer) => void }

export const MOMENTS = ['beforeRequest', 'replyWithheld', 'replyDelivered'] as const

export type Link = {
  name: string
  port: number
  /** Requests seen since the start or the last trap. */
  messages(): number
  setMode(mode: LinkMode): void
  /** Springs once, at the n-th request from now on; answers whether it has. */
  setTrap(trap: Trap): { sprung(): boolean }
  /** Takes away a trap that has not sprung. */
  clearTrap(): void
  close(): Promise<void>
}

const TRICKLE_MS = 100

/** Opens a link to a port on this machine. */
export async function openLink(name: string, targetPort: number): Promise<Link> {
  let mode: LinkMode = { kind: 'pass' }
  let trap: Trap | null = null
  let messages = 0
  const pairs = new Set<{ near: Socket; far: Socket }>()

  const server = createServer((near) => {
    if (mode.kind === 'reset') {
      near.resetAndDestroy()
      return
    }
    const far = connect({ host: '127.0.0.1', port: targetPort, noDelay: true })
    const pair = { near, far }
    pairs.add(pair)
    near.setNoDelay(true)
    let spoke: 'near' | 'far' = 'far'
    let replyBytes = 0
    /** The trap that waits for the reply to the present request, if any. */
    let armed: { trap: Trap; message: Buffer } | null = null
    const cut = () => {
      pairs.delete(pair)
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
    near.on('data', (chunk) => {
      if (spoke === 'far') {
        spoke = 'near'
        replyBytes = 0
        messages += 1
        if (trap !== null && messages >= trap.message) {
          const { moment, spring } = trap
          armed = { trap, message: chunk }
          trap = null
          if (moment === 'beforeRequest') {
            armed = null
            spring(chunk)
            cut()
            return
          }
        }
      }
      if (mode.kind === 'blackHole') return
      later(mode, () => far.write(chunk))
    })
    far.on('data', (chunk) => {
      spoke = 'far'
      if (armed !== null) {
        const { message } = armed
        const { moment, spring } = armed.trap
        armed = null
        if (moment === 'replyDelivered') near.write(chunk)
        spring(message)
        if (moment === 'replyWithheld') cut()
        return
      }
      switch (mode.kind) {
        case 'blackHole':
          return
        case 'loseReplies':
          cut()
          return
        case 'cutReplies':
          near.write(chunk.subarray(0, Math.max(0, mode.afterBytes - replyBytes)))
          replyBytes += chunk.length
          if (replyBytes >= mode.afterBytes) cut()
          return
        case 'slow':
          trickle(near, far, chunk, mode.bytesPerSecond)
          return
        default:
          later(mode, () => near.write(chunk))
      }
    })
    for (const socket of [near, far]) {
      socket.on('error', cut)
      socket.on('close', () => {
        pairs.delete(pair)
        near.destroy()
        far.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a TCP server that listens has one

  const cutAll = () => {
    for (const { near, far } of pairs) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
    pairs.clear()
  }
  return {
    name,
    port,
    messages: () => messages,
    setMode(next) {
      mode = next
      if (next.kind === 'reset') cutAll()
    },
    setTrap(next) {
      let sprung = false
      messages = 0
      trap = {
        ...next,
        spring(message) {
          sprung = true
          next.spring(message)
        },
      }
      return { sprung: () => sprung }
    },
    clearTrap() {
      trap = null
    },
    close() {
      cutAll()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function later(mode: LinkMode, act: () => void): void {
  if (mode.kind === 'latency') setTimeout(act, mode.ms)
  else act()
}

function trickle(near: Socket, far: Socket, chunk: Buffer, bytesPerSecond: number): void {
  const step = Math.max(1, Math.floor((bytesPerSecond * TRICKLE_MS) / 1000))
  let sent = 0
  far.pause()
  const timer = setInterval(() => {
    if (near.destroyed || sent >= chunk.length) {
      clearInterval(timer)
      far.resume()
      return
    }
    near.write(chunk.subarray(sent, sent + step))
    sent += step
  }, TRICKLE_MS)
}
