import { z } from '@hono/zod-openapi'
import {
  getFulfillmentSettings,
  updateFulfillmentSettings,
  type FulfillmentSettings,
} from '../../../db/fulfillment-settings.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { route, type Route } from '../../route.ts'

const DAY_SECONDS = 86_400

/** The bounds are those of the table. */
const settingsFields = {
  deadline_seconds: z
    .int()
    .min(60)
    .max(30 * DAY_SECONDS)
    .openapi({
      description:
        'What is not delivered so long after its acceptance fails, unless the order has a `deadline`.',
      example: DAY_SECONDS,
    }),
  code_validity_seconds_min: z
    .int()
    .min(0)
    .max(365 * DAY_SECONDS)
    .openapi({
      description: 'A code that expires sooner is given to nobody.',
      example: DAY_SECONDS,
    }),
}

const shared = {
  path: '/v2/fulfillment-settings',
  tag: 'Codes',
  idempotency: 'none',
  errors: ['forbidden_scope'],
  responses: {
    200: {
      description: 'How orders of this account wait for codes.',
      schema: z
        .strictObject({ object: z.literal('fulfillment_settings'), ...settingsFields })
        .openapi('FulfillmentSettings'),
    },
  },
} as const

const reading = route({
  ...shared,
  operationId: 'getFulfillmentSettings',
  method: 'get',
  summary: 'Read how orders wait for codes',
  access: 'products:read',
  rateClass: 'read',
  async handler(deps, { caller }) {
    refuseBoundKey(caller)
    return {
      status: 200,
      body: render(await getFulfillmentSettings(deps.database.db, caller.accountId)),
    }
  },
})

const replacing = route({
  ...shared,
  operationId: 'replaceFulfillmentSettings',
  method: 'put',
  summary: 'Say how orders wait for codes',
  description: 'Holds for what is accepted, and given out, from now on.',
  access: 'products:write',
  rateClass: 'write',
  body: z.strictObject(settingsFields).openapi('FulfillmentSettingsReplace'),
  async handler(deps, { caller, input }) {
    refuseBoundKey(caller)
    await updateFulfillmentSettings(deps.database.db, caller.accountId, input.body)
    return { status: 200, body: render(input.body) }
  },
})

function render(settings: FulfillmentSettings) {
  return {
    object: 'fulfillment_settings' as const,
    deadline_seconds: settings.deadline_seconds,
    code_validity_seconds_min: settings.code_validity_seconds_min,
  }
}

export const fulfillmentSettingsRoutes: readonly Route[] = [reading, replacing]
