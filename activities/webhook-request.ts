import { ApplicationFailure } from '@temporalio/common'
import type { ClaimedAttempt, DeliveryKey } from '../db/attempts.ts'
import { renderEvent } from '../wire/event.ts'
import type { WebhookRequest } from './gateways/webhook-dialer.ts'
import type { ActivityDeps } from './deps.ts'
import { webhookHeaders } from './webhook-signatures.ts'

/** Values that would let a reader of the log sign or replay a request. */
const REDACTED_HEADERS = ['x-webhook-signature', 'webhook-signature']

/**
 * The signed request of an attempt: the same body each time, with fresh signatures. Throws a failure
 * that is never retried when it cannot be made, because then the rows or the keys are at fault.
 */
export async function signedRequest(
  { ring }: ActivityDeps['keys'],
  { accountId, deliveryId }: DeliveryKey,
  claim: ClaimedAttempt,
): Promise<WebhookRequest> {
  // Outside of the try: a database that is away is no fault of the rows.
  const keys = await ring.forOpening(
    accountId,
    claim.secrets.map((secret) => secret.key_version),
  )
  try {
    const body = JSON.stringify(renderEvent(claim.event, claim.transaction))
    const secrets = claim.secrets.map(({ id, sealed, key_version: keyVersion }) =>
      keys.unseal({ rowId: id, sealed: Buffer.from(sealed, 'base64'), keyVersion }),
    )
    const headers = webhookHeaders(
      {
        eventId: claim.event.id,
        deliveryId,
        attempt: claim.number,
        timestampSeconds: Math.floor(Date.now() / 1_000),
        body,
      },
      { secrets, signsWith: claim.signs_with },
    )
    return { url: claim.url, body, headers }
  } catch (error) {
    // The rows or the keys are at fault, and will be so next time: a person must look.
    const why = error instanceof Error ? error.message : String(error)
    throw ApplicationFailure.nonRetryable(`The request cannot be made: ${why}`, 'CannotBeSent')
  }
}

/** The headers of a request as they are kept. */
export function redactHeaders(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      REDACTED_HEADERS.includes(name) ? '***' : value,
    ]),
  )
}
