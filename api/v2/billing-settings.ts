import { z } from '@hono/zod-openapi'
import {
  getBillingSettings,
  updateBillingSettings,
  type BillingSettings,
} from '../../db/billing-settings.ts'
import { refuseBoundKey } from '../bound-key.ts'
import { idParameter, notFound, requireId } from '../fields.ts'
import { route, type Route } from '../route.ts'
import { formatsField, recipientsField } from './document-shapes.ts'

const byId = z.strictObject({ id: idParameter('id', 'cust_0199c0de5a000123456789abcd') })

const settingsFields = {
  invoice_recipients: recipientsField
    .nullable()
    .openapi({ description: 'Null: the customer’s own address.' }),
  invoice_formats: formatsField.nullable().openapi({ description: 'Null: PDF and CSV.' }),
}
const settingsObject = z
  .strictObject({
    object: z.literal('billing_settings'),
    customer_id: z.string(),
    ...settingsFields,
    invoice_formats: z.array(z.string()).nullable(),
  })
  .openapi('BillingSettings')

const shared = {
  path: '/v2/customers/{id}/billing-settings',
  tag: 'Customers',
  idempotency: 'none',
  params: byId,
  errors: ['not_found', 'forbidden_scope'],
  responses: { 200: { description: 'How the customer is billed.', schema: settingsObject } },
} as const

const reading = route({
  ...shared,
  operationId: 'getBillingSettings',
  method: 'get',
  summary: 'Read how a customer is billed',
  access: 'customers:read',
  rateClass: 'read',
  async handler(deps, call) {
    const { accountId, customerId: own } = call.caller
    const customerId = requireId('customer', call.input.params.id)
    if (own !== null && own !== customerId) throw notFound('customer')
    const found = await getBillingSettings(deps.database.db, { accountId, customerId })
    return { status: 200, body: renderBillingSettings(customerId, found) }
  },
})

const replacing = route({
  ...shared,
  operationId: 'replaceBillingSettings',
  method: 'put',
  summary: 'Say how a customer is billed',
  access: 'customers:write',
  rateClass: 'write',
  body: z.strictObject(settingsFields).openapi('BillingSettingsReplace'),
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const customerId = requireId('customer', call.input.params.id)
    const key = { accountId: call.caller.accountId, customerId }
    await updateBillingSettings(deps.database.db, key, call.input.body)
    const found = await getBillingSettings(deps.database.db, key)
    return { status: 200, body: renderBillingSettings(customerId, found) }
  },
})

function renderBillingSettings(customerId: string, settings: BillingSettings) {
  return {
    object: 'billing_settings' as const,
    customer_id: customerId,
    invoice_recipients: settings.invoice_recipients,
    invoice_formats: settings.invoice_formats,
  }
}

export const billingSettingsRoutes: readonly Route[] = [reading, replacing]
