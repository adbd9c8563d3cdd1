import { z } from '@hono/zod-openapi'
import { rotateWebhookSecret } from '../../../db/webhook-secrets.ts'
import { lockWebhook } from '../../../db/webhooks.ts'
import { idParameter } from '../../fields.ts'
import { route, type Route } from '../../route.ts'
import { sealSecret, webhookKey } from './webhook-calls.ts'
import { generateSecret, renderSecret, rotatedSecret, rotation } from './webhook-fields.ts'

const byId = z.strictObject({ id: idParameter('id', 'whk_0199c0de5a000123456789abcd') })

const rotating = route({
  operationId: 'rotateWebhookSecret',
  method: 'post',
  path: '/v2/webhooks/{id}/rotate_secret',
  tag: 'Webhooks',
  summary: 'Give a webhook another secret',
  description:
    'The old secrets go on signing for `overlap_seconds` of real time, so that receivers can change ' +
    'over without losing an event. At most 5 secrets sign at the same time.',
  access: 'webhooks:write',
  rateClass: 'write',
  idempotency: 'key24h',
  params: byId,
  body: rotation,
  responses: { 201: { description: 'The new secret.', schema: rotatedSecret } },
  errors: ['not_found'],
  async handler(deps, { tx, caller, input: { params, body } }) {
    const key = webhookKey(caller, params.id)
    await lockWebhook(tx, key)
    const { secret = generateSecret(), overlap_seconds: seconds, sign_with: signsWith } = body
    const sealed = await sealSecret(deps, key, secret)
    const endsAt = await rotateWebhookSecret(tx, key, sealed, { seconds, signsWith })
    return {
      status: 201,
      body: {
        object: 'webhook_secret' as const,
        webhook_id: key.webhookId,
        ...renderSecret(secret),
        old_secrets_end_at: endsAt.toISOString(),
      },
    }
  },
})

export const webhookSecretRoutes: readonly Route[] = [rotating]
