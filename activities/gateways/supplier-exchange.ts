import { request, type Dispatcher } from 'undici'
import { withinTime } from './time-limit.ts'

const ANSWER_BYTES_MAX = 1_024 * 1_024 // 200 items are about 30 KiB

/** Errors of the phase before any byte of a request is written: the order was certainly not sent. */
const NOT_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'AddressRefused',
  'NameLookupFailed',
])

/** One request to a supplier and how long it may take. */
export type SupplierRequest = {
  url: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body: string | null
  callSecondsMax: number
}

/** What came back, before anybody understands or believes it. */
export type SupplierReply =
  | {
      kind: 'answered'
      status: number
      headers: Record<string, string | string[] | undefined>
      text: string
    }
  | SupplierSilence

/** `not_sent`: the supplier certainly heard nothing. `lost`: it may have heard. */
export type SupplierSilence = { kind: 'not_sent' | 'lost'; said: string }

/** What agents of suppliers have in common; the time of a call is each call's own signal. */
export const SUPPLIER_AGENT_OPTIONS = {
  connections: 64,
  pipelining: 1,
  keepAliveTimeout: 1_000, // shorter than a server's, so that no order meets a closing socket
  maxResponseSize: ANSWER_BYTES_MAX,
} as const

/** Longer than loopback, one region or a handshake across the world takes: then nobody is there. */
export const SUPPLIER_CONNECT_MS_MAX = 3_000

/** One exchange, never repeated. Never throws for the network: silence is a reply. */
export async function exchangeWithSupplier(
  dispatcher: Dispatcher,
  { url, method, headers, body, callSecondsMax }: SupplierRequest,
): Promise<SupplierReply> {
  try {
    return await withinTime(callSecondsMax * 1_000, async (signal) => {
      const response = await request(url, {
        dispatcher,
        method,
        headers: { accept: 'application/json', ...headers },
        body,
        signal,
      })
      const text = await response.body.text()
      return { kind: 'answered', status: response.statusCode, headers: response.headers, text }
    })
  } catch (error) {
    return silenceOf(error, callSecondsMax)
  }
}

/** A failure of the network in words without anything of a body. */
function silenceOf(error: unknown, callSecondsMax: number): SupplierSilence {
  const code = errorCode(error)
  if (NOT_SENT.has(code)) return { kind: 'not_sent', said: `no connection (${code})` }
  const timedOut = code.includes('TIMEOUT') || code === 'TimeoutError'
  return {
    kind: 'lost',
    said: timedOut ? `no answer in ${callSecondsMax} s` : `connection lost (${code})`,
  }
}

function errorCode(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  if ('code' in error && typeof error.code === 'string') return error.code
  return error.name
}
