import { createServer, connect, type AddressInfo, type Socket } from 'node:net'
import { openPipe, type Pipe } from './pipe.ts'

/**
 * A TCP proxy on one link between two processes. It can slow the link, swallow one side, cut it, and
 * it can stop at an exact message: before it leaves, after it arrived but with the reply withheld,
 * or after the reply was delivered. A message is what one side sends before the other one speaks.
 */

export type LinkMode =
  | { kind: 'pass' }
  | { kind: 'latency'; ms: number }
  /** Nothing arrives, one way or both, until the link heals: then all of it does, as TCP sends again. */
  | { kind: 'blackHole'; only?: 'requests' | 'replies' }
  /** The other side is gone without a word: what was open stays silent for ever, also after healing. */
  | { kind: 'silence' }
  /** Cuts what is open, and every new connection at once. */
  | { kind: 'reset' }
  /**
   * The other side gets the request; its reply is swallowed and then the connection is cut. `which` is
   * asked at the beginning of each reply; without it every one is lost.
   */
  | { kind: 'loseReplies'; which?: () => boolean }
  /** Replies trickle. */
  | { kind: 'slow'; bytesPerSecond: number }
  /** Each reply ends after so many bytes, and the connection with it. */
  | { kind: 'cutReplies'; afterBytes: number }

/** `spring` gets the first bytes of the message that it stopped at. */
export type Trap = { message: number; moment: Moment; spring: (message: Buffer) => void }

export const MOMENTS = ['beforeRequest', 'replyWithheld', 'replyDelivered'] as const
export type Moment = (typeof MOMENTS)[number]

export type Link = {
  name: string
  port: number
  /** Requests seen since the start or the last trap. */
  messages(): number
  /** Replies that `loseReplies` has swallowed. */
  lost(): number
  setMode(mode: LinkMode): void
  /** Springs once, at the n-th request from now on; answers whether it has. */
  setTrap(trap: Trap): { sprung(): boolean }
  /** Takes away a trap that has not sprung. */
  clearTrap(): void
  close(): Promise<void>
}

type Pair = { near: Socket; far: Socket | null; pipes: Pipe[]; silent: boolean }

/** Opens a link to a port on this machine. */
export async function openLink(name: string, targetPort: number): Promise<Link> {
  let mode: LinkMode = { kind: 'pass' }
  let trap: Trap | null = null
  let messages = 0
  let lost = 0
  const pairs = new Set<Pair>()

  const server = createServer((near) => {
    const pair: Pair = { near, far: null, pipes: [], silent: mode.kind === 'silence' }
    near.on('error', () => cut(pair))
    near.on('close', () => close(pair))
    if (mode.kind === 'reset') near.resetAndDestroy()
    else pairs.add(pair)
    if (mode.kind !== 'reset' && !pair.silent) join(pair)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // a TCP server that listens has one

  function join(pair: Pair): void {
    const { near } = pair
    const far = connect({ host: '127.0.0.1', port: targetPort, noDelay: true })
    const requests = openPipe(far, () => modeOf('requests'))
    const replies = openPipe(near, () => modeOf('replies'))
    Object.assign(pair, { far, pipes: [requests, replies] })
    near.setNoDelay(true)
    let spoke: 'near' | 'far' = 'far'
    let replyBytes = 0
    /** The trap that waits for the reply to the present request, if any. */
    let armed: { trap: Trap; message: Buffer } | null = null

    near.on('data', (chunk) => {
      if (pair.silent) return
      if (spoke === 'far') {
        spoke = 'near'
        replyBytes = 0
        messages += 1
        if (trap !== null && messages >= trap.message) {
          armed = { trap, message: chunk }
          trap = null
        }
        if (armed?.trap.moment === 'beforeRequest') {
          armed.trap.spring(chunk)
          cut(pair)
          return
        }
      }
      requests.push(chunk)
    })
    far.on('data', (chunk) => {
      if (pair.silent) return
      const isBeginning = spoke === 'near'
      spoke = 'far'
      if (armed !== null) {
        const { message } = armed
        const { moment, spring } = armed.trap
        armed = null
        if (moment === 'replyDelivered') replies.push(chunk)
        spring(message)
        if (moment === 'replyWithheld') cut(pair)
        return
      }
      const { which = () => true } = mode.kind === 'loseReplies' ? mode : {}
      if (mode.kind === 'loseReplies' && isBeginning && which()) {
        lost += 1
        cut(pair)
      } else if (mode.kind === 'cutReplies') {
        replies.push(chunk.subarray(0, Math.max(0, mode.afterBytes - replyBytes)))
        replyBytes += chunk.length
        if (replyBytes >= mode.afterBytes) cut(pair)
      } else {
        replies.push(chunk)
      }
    })
    far.on('error', () => cut(pair))
    far.on('close', () => close(pair))
  }

  function modeOf(direction: 'requests' | 'replies'): LinkMode {
    const isOther = mode.kind === 'blackHole' && mode.only !== undefined && mode.only !== direction
    return isOther || (mode.kind === 'slow' && direction === 'requests') ? { kind: 'pass' } : mode
  }

  /** Both sides are told at once, by a reset. */
  function cut(pair: Pair): void {
    if (pair.silent) return
    pairs.delete(pair)
    pair.near.resetAndDestroy()
    pair.far?.resetAndDestroy()
  }

  /** What one side ends the other one hears of, unless the line is dead. */
  function close(pair: Pair): void {
    if (pair.silent) return
    pairs.delete(pair)
    for (const pipe of pair.pipes) pipe.close()
    pair.near.destroy()
    pair.far?.destroy()
  }

  return {
    name,
    port,
    messages: () => messages,
    lost: () => lost,
    setMode(next) {
      mode = next
      for (const pair of [...pairs]) {
        if (next.kind === 'reset') cut(pair)
        if (next.kind === 'silence') pair.silent = true
        for (const pipe of pair.pipes) pipe.look()
      }
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
      for (const pair of [...pairs]) {
        pair.silent = false
        cut(pair)
      }
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
