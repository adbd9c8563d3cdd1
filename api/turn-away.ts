import type { IncomingMessage, ServerResponse } from 'node:http'
import { newId } from '../new-id.ts'
import type { RefusalLines } from './middleware/access-log.ts'
import type { Authenticator } from './middleware/auth.ts'
import { busy, type Gate } from './middleware/gate.ts'
import { limitedRequest, limitHeaders, uncounted } from './middleware/rate-limit.ts'
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
 * While the gate refuses, writes under a known key are answered before the app begins with them: the
 * same 503 for a fraction of its cost, which under ten times the load is most of what there is to do
 * (docs/decisions/0018). Whatever needs more than a look at memory goes the long way, and so do
 * the refusals that get a line in the log.
 */
export function createTurnAway(keeper: Doorkeeper): TurnAway {
  const { authenticator, spentKeys, gate, refusalLines, docsUrl } = keeper
  return ({ method, headers }, response) => {
    if (!gate.isRefusing() || !refusalLines.areUsedUp()) return false
    if (method === 'GET' || method === 'HEAD') return false // may have a share that is reserved
    if (headers.accept?.includes('application/problem+json') === true) return false
    const known = authenticator.recall(headers.authorization)
    if (known === null) return false
    const request = limitedRequest(known, 'write')
    if (spentKeys.find(request) !== null) return false
    const retryAfterSeconds = gate.refuses({ accountId: request.accountId, reserved: false })
    if (retryAfterSeconds === null) return false
    const id = newId('request')
    const refusal = printRefusal(busy(retryAfterSeconds), id, docsUrl)
    const body = Buffer.from(JSON.stringify(refusal.body))
    refusalLines.leaveOut()
    response.writeHead(refusal.status, {
      ...refusal.headers,
      ...limitHeaders('write', uncounted(request)),
      'X-Request-Id': id,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
      'Content-Type': 'application/json',
      'Content-Length': body.length,
    })
    response.end(body)
    return true
  }
}
