import { z } from '@hono/zod-openapi'
import { listAttempts } from '../../../db/attempts.ts'
import type { Tx } from '../../../db/client.ts'
import {
  getDelivery,
  insertDeliveryCopies,
  insertTestDelivery,
  listDeliveries,
} from '../../../db/deliveries.ts'
import { emitEvent, getEvent } from '../../../db/events.ts'
import { getWebhook, nextWebhookSequence, type WebhookRow } from '../../../db/webhooks.ts'
import { EVENT_TYPES } from '../../../domain/event-type.ts'
import { WEBHOOK_ATTEMPTS_MAX } from '../../../domain/webhook-schedule.ts'
import { renderDelivery, renderDeliveryDetail } from '../../../wire/delivery.ts'
import { renderEvent } from '../../../wire/event.ts'
import { renderWebhook } from '../../../wire/webhook.ts'
import { eventObject } from '../../event-object.ts'
import { idParameter, instantField, momentParameter, readMoment, requireId } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Route } from '../../route.ts'
import { lockActiveWebhook, webhookKey } from './webhook-calls.ts'

const TAG = 'Webhooks'
const STATES = ['pending', 'delivered', 'failed', 'cancelled'] as const

const ofWebhook = z.strictObject({ id: idParameter('id', 'whk_0199c0de5a000123456789abcd') })
const byId = ofWebhook.extend({
  delivery_id: idParameter('delivery_id', 'dlv_0199c0de5a000123456789abcd'),
})

const deliveryShape = {
  object: z.literal('delivery'),
  id: z.string(),
  webhook_id: z.string(),
  event_id: z.string(),
  event_type: z.string(),
  state: z.enum(STATES),
  reason: z
    .string()
    .nullable()
    .openapi({
      description:
        'Why it ended without success: `attempts_exhausted`, `endpoint_gone`, `endpoint_deleted`, ' +
        '`endpoint_inactive`, `only_failures`, `cancelled_by_operator`.',
    }),
  cause: z.enum(['event', 'replay', 'resend', 'recovery', 'test']),
  copy_of: z.string().nullable().openapi({ description: 'The delivery that was sent again.' }),
  attempt_count: z.int(),
  attempts_max: z.literal(WEBHOOK_ATTEMPTS_MAX),
  last_status_code: z.int().nullable(),
  last_error: z.string().nullable(),
  next_attempt_at: instantField.nullable().openapi({
    description: 'Business time; null while an attempt is on its way and once it has ended.',
  }),
  created_at: instantField,
  ended_at: instantField.nullable(),
}
const deliveryObject = z.strictObject(deliveryShape).openapi('Delivery')

const headersObject = z.record(z.string(), z.string()).nullable()
const attemptObject = z
  .strictObject({
    object: z.literal('attempt'),
    id: z.string(),
    number: z.int(),
    state: z.enum(['sending', 'delivered', 'failed']),
    started_at: instantField,
    finished_at: instantField.nullable(),
    duration_ms: z.int().nullable(),
    error: z.string().nullable().openapi({ description: 'Why there was no whole answer.' }),
    request: z.strictObject({ headers: headersObject }),
    response: z
      .strictObject({
        status_code: z.int(),
        headers: headersObject,
        body: z.string().nullable().openapi({ description: 'The first 16 KiB, as text.' }),
        retry_after: z.string().nullable().openapi({ description: 'Recorded, not obeyed.' }),
      })
      .nullable(),
  })
  .openapi('DeliveryAttempt')

const deliveryDetail = z
  .strictObject({ ...deliveryShape, event: eventObject, attempts: z.array(attemptObject) })
  .openapi('DeliveryDetail', { description: '`event` is the body of every attempt.' })

const listing = route({
  operationId: 'listWebhookDeliveries',
  method: 'get',
  path: '/v2/webhooks/{id}/deliveries',
  tag: TAG,
  summary: 'List the deliveries of a webhook',
  description: 'The newest first.',
  access: 'webhooks:read',
  rateClass: 'read',
  idempotency: 'none',
  params: ofWebhook,
  query: z.strictObject({
    ...pageParameters,
    state: z.enum(STATES).optional(),
    event_type: z.enum(EVENT_TYPES).optional(),
    event_id: z.string().max(200).optional(),
    created_from: momentParameter.optional().openapi({ description: 'At or after.' }),
    created_to: momentParameter.optional().openapi({ description: 'Before: half-open.' }),
  }),
  responses: { 200: { description: 'Deliveries.', schema: listOf(deliveryObject) } },
  errors: ['not_found', 'invalid_cursor'],
  async handler(deps, call) {
    const { db } = deps.database
    const key = webhookKey(call.caller, call.input.params.id)
    await getWebhook(db, key)
    const { state, event_type, event_id, created_from, created_to } = call.input.query
    const filter = {
      state,
      eventType: event_type,
      eventId: event_id,
      createdFrom: readMoment('created_from', created_from),
      createdBefore: readMoment('created_to', created_to),
    }
    const page = await listDeliveries(db, key, filter, readPage(deps, call))
    return { status: 200, body: printPage(deps, call, page, renderDelivery) }
  },
})

const reading = route({
  operationId: 'getWebhookDelivery',
  method: 'get',
  path: '/v2/webhooks/{id}/deliveries/{delivery_id}',
  tag: TAG,
  summary: 'Get a delivery with its event and attempts',
  access: 'webhooks:read',
  rateClass: 'read',
  idempotency: 'none',
  params: byId,
  responses: { 200: { description: 'The delivery.', schema: deliveryDetail } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, { caller, input: { params } }) {
    const { db } = deps.database
    const key = { ...webhookKey(caller, params.id), deliveryId: requireDeliveryId(params) }
    const row = await getDelivery(db, key)
    const { transaction, ...event } = await getEvent(
      db,
      { ...caller, customerId: null },
      row.event_id,
    )
    const attempts = await listAttempts(db, key)
    const body = renderDeliveryDetail(row, renderEvent(event, transaction), attempts)
    return { status: 200, body }
  },
})

const resending = route({
  operationId: 'resendWebhookDelivery',
  method: 'post',
  path: '/v2/webhooks/{id}/deliveries/{delivery_id}/resend',
  tag: TAG,
  summary: 'Send an event again',
  description: 'Makes a new delivery of the same event, with six attempts of its own.',
  access: 'webhooks:write',
  rateClass: 'write',
  idempotency: 'key24h',
  params: byId,
  responses: {
    201: {
      description: 'The new delivery.',
      schema: deliveryObject,
      headers: { Location: 'Path of the new delivery.' },
    },
  },
  errors: ['not_found', 'webhook_inactive'],
  async handler(_deps, { tx, caller, input: { params } }) {
    const key = webhookKey(caller, params.id)
    await lockActiveWebhook(tx, key)
    const { id } = await getDelivery(tx, { ...key, deliveryId: requireDeliveryId(params) })
    const [deliveryId = ''] = await insertDeliveryCopies(tx, {
      ...key,
      deliveryIds: [id],
      cause: 'resend',
    })
    const row = await getDelivery(tx, { ...key, deliveryId })
    return {
      status: 201,
      body: renderDelivery(row),
      headers: { Location: `/v2/webhooks/${key.webhookId}/deliveries/${row.id}` },
    }
  },
})

const testing = route({
  operationId: 'testWebhook',
  method: 'post',
  path: '/v2/webhooks/{id}/test',
  tag: TAG,
  summary: 'Send a test event',
  description:
    'Sends `webhook.test` with the webhook itself as its object, signed like any other, whatever the ' +
    'webhook is subscribed to. Follow it at the delivery that `Location` names.',
  access: 'webhooks:write',
  rateClass: 'write',
  idempotency: 'key24h',
  params: ofWebhook,
  responses: {
    202: {
      description: 'The event is on its way.',
      schema: z
        .strictObject({
          object: z.literal('webhook_test'),
          webhook_id: z.string(),
          event_id: z.string(),
          delivery_id: z.string(),
        })
        .openapi('WebhookTest'),
      headers: { Location: 'Path of the delivery.' },
    },
  },
  errors: ['not_found', 'webhook_inactive'],
  async handler(_deps, { tx, caller, input }) {
    const key = webhookKey(caller, input.params.id)
    const row = await lockActiveWebhook(tx, key)
    const eventId = await tellTest(tx, row)
    const deliveryId = await insertTestDelivery(tx, { ...key, eventId })
    return {
      status: 202,
      body: {
        object: 'webhook_test' as const,
        webhook_id: row.id,
        event_id: eventId,
        delivery_id: deliveryId,
      },
      headers: { Location: `/v2/webhooks/${row.id}/deliveries/${deliveryId}` },
    }
  },
})

export const deliveryRoutes: readonly Route[] = [listing, reading, resending, testing]

function requireDeliveryId(params: { delivery_id: string }): string {
  return requireId('delivery', params.delivery_id)
}

async function tellTest(tx: Tx, row: WebhookRow): Promise<string> {
  const key = { accountId: row.account_id, webhookId: row.id }
  return emitEvent(tx, {
    accountId: row.account_id,
    type: 'webhook.test',
    objectId: row.id,
    sequence: await nextWebhookSequence(tx, key),
    customerId: null,
    facts: { object: renderWebhook(row) },
  })
}
