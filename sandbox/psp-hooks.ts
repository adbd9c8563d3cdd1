import { createHmac } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { TestBehaviour } from '../domain/test-card.ts'
import { printEvent, secondsOf, type PspEvent } from './psp-objects.ts'
import type { PspStore } from './psp-store.ts'

/** Tells every registered endpoint of every event, signed as Stripe signs. */
export type Hooks = {
  /** `how` plants what the network may do: twice, late, or in another order. */
  send(event: PspEvent, how: TestBehaviour['webhooks']): void
  close(): void
}

const RETRY_SECONDS = [1, 5, 30, 120, 600] // real time; what is lost after that is found by asking
const CALL_MS_MAX = 5_000
const LATE_MS = 1_500
const SHUFFLE_MS = 300

export function openHooks(store: PspStore, secret: string): Hooks {
  const stopping = new AbortController()
  const { signal } = stopping
  const pause = (ms: number) => delay(ms, undefined, { signal, ref: false })
  let held: PspEvent[] = []

  const post = async (url: string, body: string): Promise<boolean> => {
    const timestamp = secondsOf(Date.now())
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: {
          'Content-Type': 'application/json',
          'Stripe-Signature': `t=${timestamp},v1=${signPayload(secret, timestamp, body)}`,
        },
        body,
        signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_MS_MAX)]),
      })
      await answer.arrayBuffer()
      return answer.ok
    } catch {
      return false // nobody there, or too slow: the next try says more
    }
  }

  const tell = async (event: PspEvent): Promise<void> => {
    const body = JSON.stringify(printEvent(event))
    await Promise.all(
      store.endpoints().map(async ({ url }) => {
        for (const seconds of [...RETRY_SECONDS, null]) {
          if (signal.aborted || (await post(url, body)) || seconds === null) return
          await pause(seconds * 1000)
        }
      }),
    )
  }
  const background = (work: Promise<unknown>): void => {
    work.catch(() => undefined) // only the end of the process breaks a pause
  }
  const release = async (): Promise<void> => {
    await pause(SHUFFLE_MS)
    const events = held.toReversed()
    held = []
    for (const event of events) await tell(event)
  }

  return {
    send(event, how) {
      if (store.endpoints().length === 0) return
      if (how === 'shuffled') {
        held.push(event)
        if (held.length === 1) background(release())
        return
      }
      if (how === 'late') {
        background(pause(LATE_MS).then(() => tell(event)))
        return
      }
      background(tell(event))
      if (how === 'duplicate') background(tell(event))
    },
    close: () => stopping.abort(),
  }
}

/** `v1` of `Stripe-Signature`: hex HMAC-SHA256 of `timestamp.body`. */
function signPayload(secret: string, timestamp: number, body: string): string {
  return createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
}
