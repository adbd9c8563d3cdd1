import { randomBytes } from 'node:crypto'
import { z } from '@hono/zod-openapi'
import type { WebhookChange } from '../../../db/webhooks.ts'
import { DomainError } from '../../../domain/error.ts'
import {
  ADDITIVE_EVENT_TYPES,
  EVENT_SUBSCRIPTIONS,
  isEventSubscription,
} from '../../../domain/event-type.ts'
import { readWebhookUrl, WEBHOOK_URL_CHARACTERS_MAX } from '../../../domain/webhook-address.ts'
import {
  ROTATION_OVERLAP_SECONDS_DEFAULT,
  ROTATION_OVERLAP_SECONDS_MAX,
  toStandardSecret,
  WEBHOOK_SECRET_CHARACTERS_MAX,
  WEBHOOK_SECRET_CHARACTERS_MIN,
} from '../../../domain/webhook-secret.ts'
import type { ApiDeps } from '../../deps.ts'
import { instantField, line, metadataField, prose } from '../../fields.ts'

const EVENTS_MAX = 50 // more than there are: a list beyond it is a mistake
const GENERATED_SECRET_BYTES = 24

const ADDITIVE_TYPES = ADDITIVE_EVENT_TYPES.filter((type) => type !== 'webhook.test')
  .map((type) => `\`${type}\``)
  .join(', ')

const secretField = line(WEBHOOK_SECRET_CHARACTERS_MAX)
  .min(WEBHOOK_SECRET_CHARACTERS_MIN, `At least ${WEBHOOK_SECRET_CHARACTERS_MIN} characters`)
  .openapi({ example: 'your_webhook_secret' })

const throttleObject = z.strictObject({
  per_second: z.int().min(1).max(1_000).nullable().openapi({
    description: 'Attempts per second; null is as many as there are.',
  }),
  in_flight: z.int().min(1).max(100).openapi({ description: 'Attempts at the same time.' }),
})

const fields = {
  url: z.string().min(1).max(WEBHOOK_URL_CHARACTERS_MAX).openapi({
    description: 'Public https on port 443 or 8443. Its name is looked up at each attempt.',
    example: 'https://your-domain.com/webhook',
  }),
  events: z
    .array(
      z
        .string()
        .refine(isEventSubscription, 'No such event')
        .openapi({ enum: [...EVENT_SUBSCRIPTIONS] }),
    )
    .min(1)
    .max(EVENTS_MAX)
    .transform((events) => [...new Set(events)])
    .openapi({
      description:
        'Types, `order.*` for the published types of a noun, or `*` for all of these. Additive types ' +
        `(${ADDITIVE_TYPES}) are sent only where they are named.`,
      example: ['order.created', 'order.fulfilled'],
    }),
  description: prose(500),
  metadata: metadataField,
  active: z.boolean().openapi({
    description: 'false ends open deliveries as cancelled and makes no new ones.',
  }),
  throttle: throttleObject.partial(),
}

export const webhookCreate = z
  .strictObject({
    url: fields.url,
    events: fields.events,
    secret: secretField.openapi({ description: 'Generated when it is left out.' }).optional(),
    active: fields.active.default(true),
    description: fields.description.default(''),
    metadata: fields.metadata.default({}),
    throttle: fields.throttle.optional(),
  })
  .openapi('WebhookCreate')

export const webhookUpdate = z
  .strictObject({
    ...fields,
    version: z.int().openapi({ description: 'Refuses the update when it is another one now.' }),
  })
  .partial()
  .openapi('WebhookUpdate')

export type WebhookInput = Partial<
  Pick<
    z.output<typeof webhookUpdate>,
    'url' | 'events' | 'description' | 'metadata' | 'active' | 'throttle'
  >
>

export const rotation = z
  .strictObject({
    secret: secretField.openapi({ description: 'Generated when it is left out.' }).optional(),
    overlap_seconds: z
      .int()
      .min(0)
      .max(ROTATION_OVERLAP_SECONDS_MAX)
      .default(ROTATION_OVERLAP_SECONDS_DEFAULT)
      .openapi({
        description: 'How long the old secrets go on signing beside the new one; 0 ends them now.',
      }),
    sign_with: z
      .enum(['old', 'new'])
      .default('old')
      .openapi({
        description:
          'Which secret makes X-Webhook-Signature during the overlap; webhook-signature always ' +
          'carries both.',
      }),
  })
  .openapi('WebhookSecretRotation')

const webhookShape = {
  object: z.literal('webhook'),
  id: z.string().openapi({ example: 'whk_0199c0de5a000123456789abcd' }),
  url: z.string(),
  events: z.array(z.string()),
  description: z.string(),
  metadata: metadataField,
  active: z.boolean(),
  disabled_at: instantField.nullable().openapi({
    description: 'When Bark switched it off (business time).',
  }),
  disabled_reason: z.enum(['endpoint_gone', 'only_failures']).nullable(),
  failing_since: instantField.nullable().openapi({
    description: 'Since when nothing was delivered (business time).',
  }),
  throttle: throttleObject,
  version: z.int(),
  created_at: instantField,
  updated_at: instantField,
}

export const webhookObject = z.strictObject(webhookShape).openapi('Webhook')

const secretShape = {
  secret: z.string().openapi({
    description: 'Makes X-Webhook-Signature: HMAC-SHA256 of the raw body. Shown this once.',
  }),
  standard_secret: z.string().openapi({
    description: 'The same secret in the form that Standard Webhooks libraries take.',
    example: 'whsec_eW91cl93ZWJob29rX3NlY3JldA==',
  }),
}

export const webhookWithSecret = z
  .strictObject({ ...webhookShape, ...secretShape })
  .openapi('WebhookWithSecret')

export const rotatedSecret = z
  .strictObject({
    object: z.literal('webhook_secret'),
    webhook_id: z.string(),
    ...secretShape,
    old_secrets_end_at: instantField.openapi({ description: 'Real time.' }),
  })
  .openapi('WebhookSecret')

/** The secret in both forms, for the one answer that shows it. */
export function renderSecret(secret: string) {
  return { secret, standard_secret: toStandardSecret(secret) }
}

/** A new secret of the `whsec_` form that Standard Webhooks libraries take as it is. */
export function generateSecret(): string {
  return `whsec_${randomBytes(GENERATED_SECRET_BYTES).toString('base64')}`
}

/** What a body asks to change; what it leaves out stays. */
export function toChange(deps: ApiDeps, input: WebhookInput): WebhookChange {
  if (input.url !== undefined) requireUrl(deps, input.url)
  return {
    url: input.url,
    events: input.events,
    description: input.description,
    metadata: input.metadata,
    active: input.active,
    perSecondMax: input.throttle?.per_second,
    inFlightMax: input.throttle?.in_flight,
  }
}

/** @throws DomainError `webhook_url_refused`: syntax and addresses only, names are not looked up */
export function requireUrl(deps: ApiDeps, url: string): void {
  const { problem } = readWebhookUrl(url, deps.config.webhooks.allowedPrivateHosts)
  if (problem === null) return
  throw new DomainError('webhook_url_refused', `url: ${problem}`, {
    fields: [{ field: 'url', message: problem }],
  })
}
