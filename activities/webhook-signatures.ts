import { createHmac } from 'node:crypto'
import { standardKeys } from '../domain/webhook-secret.ts'

/** The secrets of an endpoint that are valid now, oldest first; the last one is the current one. */
export type LiveSecrets = {
  secrets: readonly string[]
  /** Whether X-Webhook-Signature is made with the oldest or with the current secret. */
  signsWith: 'old' | 'new'
}

/** One request of a delivery: `timestampSeconds` is real time. */
export type WebhookMessage = {
  eventId: string
  deliveryId: string
  attempt: number
  timestampSeconds: number
  body: string
}

/** Every header of a webhook. Throws when there is no secret: every endpoint has one. */
export function webhookHeaders(message: WebhookMessage, live: LiveSecrets): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'Bark-Webhooks/2',
    'x-webhook-delivery': message.deliveryId,
    'x-webhook-attempt': String(message.attempt),
    ...signatureHeaders(message, live),
  }
}

/**
 * Both signatures of one request. `X-Webhook-Signature` is the hex HMAC-SHA256 of the raw body, as
 * seed 002 documents it; the three others are those of Standard Webhooks, made with every live
 * secret over id, timestamp and body, so that a replay is noticed.
 */
export function signatureHeaders(
  message: Pick<WebhookMessage, 'eventId' | 'timestampSeconds' | 'body'>,
  { secrets, signsWith }: LiveSecrets,
): Record<string, string> {
  const seeded = signsWith === 'old' ? secrets[0] : secrets.at(-1)
  if (seeded === undefined) throw new Error('An endpoint without a secret cannot sign')
  const signed = `${message.eventId}.${message.timestampSeconds}.${message.body}`
  const signatures = secrets
    .toReversed()
    .flatMap((secret) =>
      standardKeys(secret).map((key) => `v1,${hmac(Buffer.from(key, 'base64'), signed, 'base64')}`),
    )
  return {
    'x-webhook-signature': hmac(Buffer.from(seeded, 'utf8'), message.body, 'hex'),
    'webhook-id': message.eventId,
    'webhook-timestamp': String(message.timestampSeconds),
    'webhook-signature': signatures.join(' '),
  }
}

function hmac(key: Buffer, text: string, encoding: 'hex' | 'base64'): string {
  return createHmac('sha256', key).update(text, 'utf8').digest(encoding)
}
