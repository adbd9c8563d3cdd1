import { z } from '@hono/zod-openapi'
import type { Tx } from '../../../db/client.ts'
import { getBusinessNow } from '../../../db/purchase-orders.ts'
import {
  RECOVERY_BATCH_MAX,
  RECOVERY_DAYS_MAX,
  recoverDeliveries,
  replayMissingEvents,
} from '../../../db/recoveries.ts'
import { DomainError } from '../../../domain/error.ts'
import { idParameter } from '../../fields.ts'
import { route, type Caller, type Route } from '../../route.ts'
import { lockActiveWebhook, webhookKey } from './webhook-calls.ts'

const ofWebhook = z.strictObject({ id: idParameter('id', 'whk_0199c0de5a000123456789abcd') })

const sinceBody = z
  .strictObject({
    since: z.iso.datetime({ offset: true }).openapi({
      description: `Business time, at most ${RECOVERY_DAYS_MAX} days ago.`,
      example: '2026-11-22T00:00:00Z',
    }),
  })
  .openapi('WebhookRecoveryCreate')

const recoveryObject = z
  .strictObject({
    object: z.literal('webhook_recovery'),
    webhook_id: z.string(),
    created: z.int().openapi({ description: 'Deliveries that this call made.' }),
    has_more: z.boolean(),
  })
  .openapi('WebhookRecovery')

/** Two ways to catch up, alike but for what they look for. */
export const recoveryRoutes: readonly Route[] = (
  [
    {
      operationId: 'recoverWebhookDeliveries',
      verb: 'recover',
      summary: 'Send again what failed',
      description:
        'Makes new deliveries for those that failed, or were cancelled because of their endpoint, since ' +
        'an instant. None twice, and none whose event has reached the endpoint otherwise.',
      work: recoverDeliveries,
    },
    {
      operationId: 'replayMissingEvents',
      verb: 'replay_missing',
      summary: 'Deliver events that were never attempted',
      description:
        'Makes deliveries for events since an instant that the webhook is subscribed to and has no ' +
        'delivery of: from before it existed, or while it was switched off.',
      work: replayMissingEvents,
    },
  ] as const
).map(({ operationId, verb, summary, description, work }) =>
  route({
    operationId,
    method: 'post',
    path: `/v2/webhooks/{id}/${verb}`,
    tag: 'Webhooks',
    summary,
    description: `${description} The oldest first, ${RECOVERY_BATCH_MAX} per call: call again while \`has_more\`.`,
    access: 'webhooks:write',
    rateClass: 'write',
    idempotency: 'key24h',
    params: ofWebhook,
    body: sinceBody,
    responses: { 201: { description: 'How many deliveries were made.', schema: recoveryObject } },
    errors: ['not_found', 'webhook_inactive'],
    async handler(_deps, { tx, caller, input: { params, body } }) {
      const key = webhookKey(caller, params.id)
      await lockActiveWebhook(tx, key)
      const since = await readSince(tx, caller, body.since)
      const { created, hasMore } = await work(tx, { ...key, since })
      return {
        status: 201,
        body: {
          object: 'webhook_recovery' as const,
          webhook_id: key.webhookId,
          created,
          has_more: hasMore,
        },
      }
    },
  }),
)

/** The instant of business time that a recovery begins at. */
async function readSince(tx: Tx, caller: Caller, text: string): Promise<Date> {
  const since = new Date(text)
  const now = await getBusinessNow(tx, caller.accountId)
  const ageDays = (now.getTime() - since.getTime()) / 86_400_000
  if (ageDays >= 0 && ageDays <= RECOVERY_DAYS_MAX) return since
  const message = `Must lie in the last ${RECOVERY_DAYS_MAX} days`
  throw new DomainError('invalid_fields', `since: ${message}`, {
    fields: [{ field: 'since', message }],
  })
}
