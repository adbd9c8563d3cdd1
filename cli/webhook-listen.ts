import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { webhookHeaders } from '../activities/webhook-signatures.ts'
import { wantsEvent } from '../domain/event-type.ts'
import { WEBHOOK_EXCHANGE_SECONDS_MAX } from '../domain/webhook-schedule.ts'
import { ApiRefusal, type ApiClient } from './api-client.ts'
import type { ListenState } from './listen-state.ts'

/** An event as `GET /v2/events` lists it, whatever its object is. */
const eventShape = z.looseObject({ id: z.string(), type: z.string() })
const pageShape = z.object({
  data: z.array(eventShape),
  pagination: z.object({ next_cursor: z.string(), has_more: z.boolean() }),
})

type ListedEvent = z.output<typeof eventShape>

/** What happened to an event, for whoever watches. `answer` is the status that came back. */
export type Forwarded = { id: string; type: string; answer: number }

export type Listening = {
  api: ApiClient
  /** Where the events go; any address that this machine reaches. */
  forwardTo: string
  /** Types and wildcards; null is everything, also what wildcards leave out. */
  subscriptions: readonly string[] | null
  state: ListenState
  signal: AbortSignal
  /** Called once, when the place to go on from is kept: what happens from then on is forwarded. */
  onReady(): void
  onForwarded(forwarded: Forwarded): void
  /** Called when something does not answer, and with null when it does again. */
  onTrouble(words: string | null): void
}

const POLL_MS = 500 // two of the ten reads per second that a key has
const BACK_OFF_MS = [500, 1_000, 2_000, 5_000]
const PAGE_EVENTS = 50

/**
 * Forwards events, signed as Bark signs them, until the signal. It polls, so no public address is
 * needed. An event counts as forwarded when it was answered, whatever the status; until then it is
 * tried again and nothing after it is sent, so neither a restart of the receiver nor one of this
 * process loses any. The place is kept after every event; a repeat has the same event id.
 * Rejects when the API refuses the key or the kept place.
 */
export async function listenForEvents(listening: Listening): Promise<void> {
  const { state, signal, subscriptions } = listening
  for (let pages = 0; !signal.aborted; pages++) {
    const page = await readPage(listening)
    if (page === null) return
    if (state.cursor === null) state.keepCursor(page.pagination.next_cursor)
    if (pages === 0) listening.onReady()
    for (const event of page.data) {
      if (signal.aborted) return
      if (state.hasForwarded(event.id)) continue
      if (subscriptions === null || wantsEvent(subscriptions, event.type)) {
        const answer = await forward(listening, event)
        if (answer === null) return
        listening.onForwarded({ id: event.id, type: event.type, answer })
      }
      state.keepForwarded(event.id)
    }
    state.keepCursor(page.pagination.next_cursor)
    if (!page.pagination.has_more) await pause(POLL_MS, signal)
  }
}

/** Null when it was told to stop. */
function readPage({ api, state, signal, onTrouble }: Listening) {
  const query = new URLSearchParams({
    cursor: state.cursor ?? 'latest',
    limit: String(PAGE_EVENTS),
  })
  return untilAnswered(signal, onTrouble, async () => {
    try {
      return await api.get(`/v2/events?${query.toString()}`, pageShape)
    } catch (error) {
      const isOurs = error instanceof ApiRefusal && error.status < 500 && error.status !== 429
      throw isOurs ? new HopelessError(error.message, { cause: error }) : error
    }
  })
}

/** The status that was answered; null when it was told to stop. */
function forward(listening: Listening, event: ListedEvent): Promise<number | null> {
  const { forwardTo, state, signal, onTrouble } = listening
  const body = JSON.stringify(event)
  return untilAnswered(signal, onTrouble, async () => {
    const headers = webhookHeaders(
      {
        eventId: event.id,
        deliveryId: event.id.replace('evt_', 'dlv_'),
        attempt: 1,
        timestampSeconds: Math.floor(Date.now() / 1_000),
        body,
      },
      { secrets: [state.secret], signsWith: 'new' },
    )
    const response = await post(forwardTo, {
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.timeout(WEBHOOK_EXCHANGE_SECONDS_MAX * 1_000),
      body,
      headers,
    })
    return response.status
  })
}

async function post(url: string, init: RequestInit): Promise<Response> {
  try {
    const response = await fetch(url, init)
    await response.body?.cancel()
    return response
  } catch (error) {
    throw new Error(`${new URL(url).origin} does not answer`, { cause: error })
  }
}

/** A repeat cannot help. */
class HopelessError extends Error {
  override name = 'HopelessError'
}

async function untilAnswered<Answer>(
  signal: AbortSignal,
  onTrouble: (words: string | null) => void,
  ask: () => Promise<Answer>,
): Promise<Answer | null> {
  for (let failures = 0; !signal.aborted; failures++) {
    try {
      const answer = await ask()
      if (failures > 0) onTrouble(null)
      return answer
    } catch (error) {
      if (error instanceof HopelessError) throw error
      if (failures === 0) onTrouble(error instanceof Error ? error.message : String(error))
      await pause(BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length - 1)] ?? 0, signal)
    }
  }
  return null
}

/** Ends early when the signal comes. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error
  })
}
