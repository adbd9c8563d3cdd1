import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from '@hono/zod-openapi'
import { Hono } from 'hono'
import { storePspEvent, type PspEventFacts } from '../db/psp-events.ts'
import { DomainError } from '../domain/error.ts'
import type { ApiEnv } from './context.ts'
import type { ApiDeps } from './deps.ts'
import { readBytes } from './middleware/body.ts'

/**
 * Where payment providers tell what happened. An event is verified by its signature, kept as it came,
 * once by its id, and answered; what it says is never believed: the story that it is about is told
 * to ask the provider itself.
 */

const TOLERANCE_SECONDS = 300 // as Stripe advises: an old signature may be a copied one
const WANTED = /^(payment_intent\.|refund\.|charge\.refund|charge\.dispute\.)/

const eventShape = z.object({
  id: z.string().min(1).max(255),
  type: z.string().min(1).max(255),
  account: z.string().max(255).nullish(),
  data: z.object({
    object: z.looseObject({
      id: z.string().max(255).optional(),
      object: z.string().max(100).optional(),
      payment_intent: z.union([z.string(), z.object({ id: z.string() })]).nullish(),
      metadata: z.record(z.string(), z.unknown()).nullish(),
    }),
  }),
})

/** `POST /psp/{sandbox|stripe}/events`: no key, the signature is the proof. */
export function pspEventRoutes(deps: ApiDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  const { sandboxWebhookSecret, stripeWebhookSecret } = deps.config.payments
  for (const [provider, secret] of [
    ['sandbox', sandboxWebhookSecret],
    ['stripe', stripeWebhookSecret],
  ] as const) {
    app.post(`/psp/${provider}/events`, async (ctx) => {
      ctx.set('routePath', `/psp/${provider}/events`)
      const bytes = Buffer.from(await readBytes(ctx))
      verifySignature(secret, ctx.req.header('stripe-signature') ?? '', bytes)
      const event = readEvent(bytes)
      const state = await storePspEvent(deps.database.db, { provider, ...event }, bytes)
      deps.orders.outbox.nudge()
      return ctx.json({ received: true, state })
    })
  }
  return app
}

/** @throws DomainError `invalid_key` for a signature that is forged, stale or missing */
export function verifySignature(
  secret: string | undefined,
  header: string,
  body: Buffer,
  nowSeconds = Math.floor(Date.now() / 1000),
): void {
  const parts = header.split(',').map((part) => part.trim().split('='))
  const timestamp = Number(parts.find(([name]) => name === 't')?.[1] ?? Number.NaN)
  const isFresh = Math.abs(nowSeconds - timestamp) <= TOLERANCE_SECONDS
  if (secret !== undefined && isFresh) {
    const right = createHmac('sha256', secret).update(`${timestamp}.`).update(body).digest()
    for (const [name, value = ''] of parts) {
      const given = Buffer.from(value, 'hex')
      if (name === 'v1' && given.length === right.length && timingSafeEqual(given, right)) return
    }
  }
  throw new DomainError('invalid_key', 'The signature of this event is not valid.')
}

function readEvent(bytes: Buffer): Omit<PspEventFacts, 'provider'> {
  const parsed = eventShape.safeParse(parseJson(bytes))
  if (!parsed.success) throw new DomainError('invalid_body', 'This is no event.')
  const { id, type, account, data } = parsed.data
  const { object } = data
  const intent = object.payment_intent
  const named = typeof intent === 'string' ? intent : intent?.id
  const own = (name: string): string | null => {
    const value = object.metadata?.[name]
    return typeof value === 'string' ? value : null
  }
  return {
    id,
    type,
    provider_account: account ?? null,
    payment_provider_id: object.object === 'payment_intent' ? (object.id ?? null) : (named ?? null),
    payment_id: own('bark_payment'),
    refund_id: own('bark_refund'),
    dispute_provider_id: object.object === 'dispute' ? (object.id ?? null) : null,
    wanted: WANTED.test(type),
  }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return null
  }
}
