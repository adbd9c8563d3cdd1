import { z } from '@hono/zod-openapi'
import { inTransaction } from '../../../db/client.ts'
import { insertWebhookSecret } from '../../../db/webhook-secrets.ts'
import {
  deleteWebhook,
  getWebhook,
  insertWebhook,
  listWebhooks,
  lockWebhook,
  updateWebhook,
} from '../../../db/webhooks.ts'
import { newId } from '../../../new-id.ts'
import { renderWebhook } from '../../../wire/webhook.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { requireVersion } from '../../entity-tag.ts'
import { idParameter } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Route } from '../../route.ts'
import { sealSecret, webhookKey } from './webhook-calls.ts'
import {
  generateSecret,
  renderSecret,
  toChange,
  webhookCreate,
  webhookObject,
  webhookUpdate,
  webhookWithSecret,
} from './webhook-fields.ts'

const TAG = 'Webhooks'
const byId = z.strictObject({ id: idParameter('id', 'whk_0199c0de5a000123456789abcd') })

const creating = route({
  operationId: 'createWebhook',
  method: 'post',
  path: '/v2/webhooks',
  tag: TAG,
  summary: 'Create a webhook',
  description:
    'The answer shows the secret; no other answer does. The URL is checked, its name is not looked ' +
    'up yet. Up to 100 webhooks per account.',
  access: 'webhooks:write',
  rateClass: 'write',
  idempotency: 'key24h',
  body: webhookCreate,
  responses: {
    201: {
      description: 'The new webhook, with its secret.',
      schema: webhookWithSecret,
      headers: { Location: 'Path of the new webhook.' },
    },
  },
  errors: ['webhook_url_refused'],
  async handler(deps, { tx, caller, input: { body } }) {
    refuseBoundKey(caller)
    const { secret = generateSecret(), url, events, active, description, metadata } = body
    const { perSecondMax = null, inFlightMax } = toChange(deps, body)
    const key = { accountId: caller.accountId, webhookId: newId('webhook') }
    const row = await insertWebhook(tx, {
      id: key.webhookId,
      accountId: key.accountId,
      ...{ url, events, active, description, metadata, perSecondMax, inFlightMax },
    })
    await insertWebhookSecret(tx, key, await sealSecret(deps, key, secret))
    return {
      status: 201,
      body: { ...renderWebhook(row), ...renderSecret(secret) },
      headers: { Location: `/v2/webhooks/${row.id}` },
    }
  },
})

const listing = route({
  operationId: 'listWebhooks',
  method: 'get',
  path: '/v2/webhooks',
  tag: TAG,
  summary: 'List webhooks',
  description: 'The newest first.',
  access: 'webhooks:read',
  rateClass: 'read',
  idempotency: 'none',
  query: z.strictObject({ ...pageParameters, active: z.stringbool().optional() }),
  responses: { 200: { description: 'Webhooks.', schema: listOf(webhookObject) } },
  errors: ['invalid_cursor'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    const filter = { active: call.input.query.active }
    const page = await listWebhooks(deps.database.db, accountId, filter, readPage(deps, call))
    return { status: 200, body: printPage(deps, call, page, renderWebhook) }
  },
})

const reading = route({
  operationId: 'getWebhook',
  method: 'get',
  path: '/v2/webhooks/{id}',
  tag: TAG,
  summary: 'Get a webhook',
  access: 'webhooks:read',
  rateClass: 'read',
  idempotency: 'none',
  params: byId,
  responses: { 200: { description: 'The webhook.', schema: webhookObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, { caller, input }) {
    const row = await getWebhook(deps.database.db, webhookKey(caller, input.params.id))
    return { status: 200, body: renderWebhook(row) }
  },
})

const updating = (['put', 'patch'] as const).map((method) =>
  route({
    operationId: method === 'put' ? 'updateWebhook' : 'patchWebhook',
    method,
    path: '/v2/webhooks/{id}',
    tag: TAG,
    summary: 'Update a webhook',
    description:
      'A merge: what is left out stays; `events` and `metadata` are replaced as a whole. Switching it ' +
      'on again forgets why it was disabled. The secret changes by `rotate_secret` only.',
    access: 'webhooks:write',
    rateClass: 'write',
    idempotency: 'none',
    params: byId,
    body: webhookUpdate,
    responses: { 200: { description: 'The webhook as it is now.', schema: webhookObject } },
    errors: ['not_found', 'webhook_url_refused', 'version_mismatch', 'precondition_failed'],
    entityTag: true,
    async handler(deps, call) {
      const key = webhookKey(call.caller, call.input.params.id)
      const { version, ...change } = call.input.body
      const row = await inTransaction(deps.database.db, async (tx) => {
        const before = await lockWebhook(tx, key)
        requireVersion({ ifMatch: call.header('if-match'), version }, before.version)
        return updateWebhook(tx, before, toChange(deps, change))
      })
      return { status: 200, body: renderWebhook(row) }
    },
  }),
)

const deleting = route({
  operationId: 'deleteWebhook',
  method: 'delete',
  path: '/v2/webhooks/{id}',
  tag: TAG,
  summary: 'Delete a webhook',
  description: 'Its open deliveries end as cancelled. Repeatable.',
  access: 'webhooks:write',
  rateClass: 'write',
  idempotency: 'none',
  params: byId,
  responses: { 204: { description: 'It is gone.' } },
  errors: ['not_found'],
  async handler(deps, { caller, input }) {
    const key = webhookKey(caller, input.params.id)
    await inTransaction(deps.database.db, (tx) => deleteWebhook(tx, key))
    return { status: 204 }
  },
})

export const webhookRoutes: readonly Route[] = [creating, listing, reading, ...updating, deleting]
