import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Refused } from '../domain/error.ts'
import { newId } from '../new-id.ts'
import type { RefusalLines } from './middleware/access-log.ts'
import type { Authenticator } from './middleware/auth.ts'
import { busy, type Gate } from './middleware/gate.ts'
import { limitedRequest, limitHeaders, rateRefusal, uncounted } from './middleware/rate-limit.ts'
import type { SpentKeys } from './middleware/spent-keys.ts'
import { printRefusal } from './errors.ts'

/** Answers a request that the gate would refuse anyway; false leaves it to the app. */
export type TurnAway = (request: IncomingMessage, response: ServerResponse) => boolean

type Doorkeeper = {
  authenticator: Authenticator
  spentKeys: SpentKeys
  gate: Gate
  refusalLines: RefusalLines
  docsUrl: string
}

/**
 * In a flood, what would only be refused is answered before the app begins with it, with the same
 * answer for a fraction of its cost (docs/decisions/0018): 429 to whom this process knows to be
 * refused for the rest of the second, and 503 to writes while the gate refuses. Whatever needs more
 * than a look at memory goes the long way, and so do the refusals that get a line in the log.
 */
export function createTurnAway(keeper: Doorkeeper): TurnAway {
  const { authenticator, spentKeys, gate, refusalLines, docsUrl } = keeper

  return ({ method, url, headers }, response) => {
    if (!refusalLines.areUsedUp() || !KEYED_PATHS.test(url ?? '')) return false
    if (headers.accept?.includes('application/problem+json') === true) return false
    const known = authenticator.recall(headers.authorization)
    if (known === null) return false
    const isRead = method === 'GET' || method === 'HEAD'
    const rateClass = isRead ? 'read' : 'write'
    const request = limitedRequest(known, rateClass)
    const spent = spentKeys.find(request)
    if (spent === null && isRead) return false // it may have a share that is reserved
    const refusal = spent === null ? gateRefusal(gate, request.accountId) : rateRefusal(spent)
    if (refusal === null) return false
    refusalLines.leaveOut()
    const id = newId('request')
    const printed = printRefusal(refusal, id, docsUrl)
    const body = JSON.stringify(printed.body)
    response.writeHead(printed.status, {
      ...printed.headers,
      ...limitHeaders(rateClass, spent ?? uncounted(request)),
      'X-Request-Id': id,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(body),
    })
    // A text, and not bytes, leaves in one piece with the headers.
    response.end(body)
    return true
  }
}

const KEYED_PATHS = /^\/v2\/./

function gateRefusal(gate: Gate, accountId: string): Refused | null {
  if (!gate.isRefusing()) return null
  const retryAfterSeconds = gate.refuses({ accountId, reserved: false })
  return retryAfterSeconds === null ? null : busy(retryAfterSeconds)
}
