import { lookup as systemLookup } from 'node:dns'
import { Agent, request } from 'undici'
import {
  isAllowedPrivateHost,
  isPublicAddress,
  readWebhookUrl,
} from '../../domain/webhook-address.ts'
import { WEBHOOK_EXCHANGE_SECONDS_MAX } from '../../domain/webhook-schedule.ts'
import { checkedLookup, resolvePublicName, type ResolveName } from './public-lookup.ts'
import { withinTime } from './time-limit.ts'
import { AddressRefused, wordFor, type DialError } from './webhook-errors.ts'

export type WebhookRequest = { url: string; headers: Record<string, string>; body: string }

/** What came back, or why nothing did. Never an exception: a bad endpoint is expected. */
export type WebhookAnswer = {
  /** Null when no status line came. */
  statusCode: number | null
  headers: Record<string, string> | null
  /** The first 16 KiB as text; null when no status line came. */
  body: string | null
  error: DialError | null
  durationMs: number
  /** For the log of the operator: addresses and system errors that a merchant must not see. */
  cause: unknown
}

/** The way out to merchants' endpoints. */
export type WebhookDialer = {
  post(request: WebhookRequest): Promise<WebhookAnswer>
  close(): Promise<void>
}

export const ANSWER_BYTES_READ_MAX = 65_536
const ANSWER_BYTES_KEPT_MAX = 16_384
const ANSWER_HEADER_BYTES_MAX = 16_384

/**
 * Dials with an agent of its own. A public host's name is looked up at each dial, and the connection
 * goes to one of the addresses that were checked, never to what a second look-up would say; there
 * is no connection reuse, so no check is older than its request. Redirects are not followed.
 */
export function createWebhookDialer(settings: {
  allowedPrivateHosts: readonly string[]
  /** For tests, which stay on loopback: how public names are looked up, and what counts as public. */
  resolve?: ResolveName
  isPublic?: (address: string) => boolean
  exchangeMsMax?: number
}): WebhookDialer {
  const exchangeMsMax = settings.exchangeMsMax ?? WEBHOOK_EXCHANGE_SECONDS_MAX * 1_000
  // The signal of each request is what ends it, to the millisecond; these only clean up behind it.
  const cleanUpMs = exchangeMsMax + 2_000
  const limits = {
    pipelining: 0, // one request per connection: a reused one may be closed by the other side just then
    headersTimeout: cleanUpMs,
    bodyTimeout: cleanUpMs,
    maxHeaderSize: ANSWER_HEADER_BYTES_MAX,
  }
  const connectMs = { timeout: cleanUpMs }
  const lookup = checkedLookup(
    settings.resolve ?? resolvePublicName,
    settings.isPublic ?? isPublicAddress,
  )
  const publicAgent = new Agent({ ...limits, connect: { ...connectMs, lookup } })
  const privateAgent = new Agent({ ...limits, connect: { ...connectMs, lookup: systemLookup } })

  return {
    async post({ url: text, headers, body }) {
      const startedAt = performance.now()
      const answer: WebhookAnswer = {
        statusCode: null,
        headers: null,
        body: null,
        error: null,
        durationMs: 0,
        cause: null,
      }
      try {
        const { url, problem } = readWebhookUrl(text, settings.allowedPrivateHosts)
        if (problem !== null) throw new AddressRefused(problem)
        const isPrivate = isAllowedPrivateHost(url, settings.allowedPrivateHosts)
        await withinTime(exchangeMsMax, async (signal) => {
          const response = await request(url, {
            method: 'POST',
            headers,
            body,
            dispatcher: isPrivate ? privateAgent : publicAgent,
            signal,
          })
          answer.statusCode = response.statusCode
          answer.headers = readHeaders(response.headers)
          answer.body = ''
          answer.body = await readText(response.body)
          if (response.statusCode >= 300 && response.statusCode <= 399) {
            answer.error = 'redirect_not_followed'
          }
        })
      } catch (error) {
        answer.error = wordFor(error)
        answer.cause = error
      }
      answer.durationMs = Math.round(performance.now() - startedAt)
      return answer
    },

    async close() {
      await Promise.all([publicAgent.destroy(), privateAgent.destroy()])
    },
  }
}

function readHeaders(
  headers: Record<string, string | string[] | undefined>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      name === 'set-cookie' ? '***' : storable([value].flat().join(', ')),
    ]),
  )
}

/** Reads at most 64 KiB, then hangs up, and keeps at most 16 KiB. */
async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const kept: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body) {
    if (bytes < ANSWER_BYTES_KEPT_MAX) kept.push(chunk)
    bytes += chunk.length
    if (bytes >= ANSWER_BYTES_READ_MAX) break
  }
  return storable(Buffer.concat(kept).subarray(0, ANSWER_BYTES_KEPT_MAX).toString('utf8'))
}

/** PostgreSQL stores every text but one that holds a NUL. */
function storable(text: string): string {
  return text.replaceAll('\u0000', '\ufffd')
}
