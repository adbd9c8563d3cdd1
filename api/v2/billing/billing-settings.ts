import { z } from '@hono/zod-openapi'
import { violatedConstraint } from '../../../db/client.ts'
import {
  getAccountBillingSettings,
  getBillingSettings,
  getBusinessDay,
  updateAccountBillingSettings,
  updateBillingSettings,
  type BusinessDay,
} from '../../../db/billing-settings.ts'
import { DomainError } from '../../../domain/error.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import type { ApiDeps } from '../../deps.ts'
import { idParameter, instantField, notFound, requireId } from '../../fields.ts'
import { route, type Route } from '../../route.ts'
import { cutOffField, timeZoneField } from '../store/customer-fields.ts'
import { formatsField, localeField, recipientsField } from './document-shapes.ts'
import { businessDate } from '../orders/order-shapes.ts'

const byId = z.strictObject({ id: idParameter('id', 'cust_0199c0de5a000123456789abcd') })

const billOnField = z.enum(['allocation', 'acceptance'])

const businessDayObject = z
  .strictObject({
    business_date: businessDate,
    starts_at: instantField,
    ends_at: instantField,
    time_zone: z.string(),
    cut_off: z.string(),
    changes: z
      .strictObject({ from: businessDate, time_zone: z.string(), cut_off: z.string() })
      .nullable()
      .openapi({ description: 'Another calendar that was set, and its first business date.' }),
  })
  .openapi('BusinessDay', { description: 'The business day that is on now.' })

const customerFields = {
  invoice_recipients: recipientsField
    .nullable()
    .openapi({ description: 'Null: the customer’s own address.' }),
  invoice_formats: formatsField.nullable().openapi({ description: 'Null: PDF and CSV.' }),
}
const customerSettings = z
  .strictObject({
    object: z.literal('billing_settings'),
    customer_id: z.string(),
    ...customerFields,
    invoice_formats: z.array(z.string()).nullable(),
    locale: z.string().nullable(),
    bill_on: billOnField.nullable(),
    business_day: businessDayObject,
  })
  .openapi('BillingSettings')

const accountFields = { time_zone: timeZoneField, cut_off: cutOffField, bill_on: billOnField }
const financeRecipients = recipientsField.nullable().openapi({
  description: 'Who gets the digest of a day. Null: the address that the documents name.',
})
const accountSettings = z
  .strictObject({
    object: z.literal('account_billing_settings'),
    ...accountFields,
    time_zone: z.string(),
    cut_off: z.string(),
    finance_recipients: financeRecipients,
    business_day: businessDayObject,
  })
  .openapi('AccountBillingSettings')

const ofCustomer = {
  path: '/v2/customers/{id}/billing-settings',
  tag: 'Customers',
  idempotency: 'none',
  params: byId,
  errors: ['not_found', 'forbidden_scope'],
  responses: { 200: { description: 'How the customer is billed.', schema: customerSettings } },
} as const

const ofAccount = {
  path: '/v2/billing-settings',
  tag: 'Invoices',
  idempotency: 'none',
  errors: ['forbidden_scope'],
  responses: { 200: { description: 'How customers are billed.', schema: accountSettings } },
} as const

const readingCustomer = route({
  ...ofCustomer,
  operationId: 'getBillingSettings',
  method: 'get',
  summary: 'Read how a customer is billed',
  access: 'customers:read',
  rateClass: 'read',
  async handler(deps, call) {
    const { accountId, customerId: own } = call.caller
    const customerId = requireId('customer', call.input.params.id)
    if (own !== null && own !== customerId) throw notFound('customer')
    return { status: 200, body: await printCustomer(deps, { accountId, customerId }) }
  },
})

const replacingCustomer = route({
  ...ofCustomer,
  operationId: 'replaceBillingSettings',
  method: 'put',
  summary: 'Say how a customer is billed',
  description:
    'Recipients and formats hold from the next mail, `bill_on` from the next purchase order, `locale` ' +
    'from the next document.',
  access: 'customers:write',
  rateClass: 'write',
  body: z
    .strictObject({
      ...customerFields,
      bill_on: billOnField
        .nullable()
        .default(null)
        .openapi({ description: 'Null, or left out: what the account says.' }),
      locale: localeField.nullable().default(null).openapi({
        description:
          'How figures and dates of documents are written. Null, or left out: as the seller says.',
      }),
    })
    .openapi('BillingSettingsReplace'),
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const customerId = requireId('customer', call.input.params.id)
    const key = { accountId: call.caller.accountId, customerId }
    await updateBillingSettings(deps.database.db, key, call.input.body)
    return { status: 200, body: await printCustomer(deps, key) }
  },
})

const readingAccount = route({
  ...ofAccount,
  operationId: 'getAccountBillingSettings',
  method: 'get',
  summary: 'Read how customers are billed that say nothing else',
  access: 'invoices:read',
  rateClass: 'read',
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    return { status: 200, body: await printAccount(deps, call.caller.accountId) }
  },
})

const replacingAccount = route({
  ...ofAccount,
  operationId: 'replaceAccountBillingSettings',
  method: 'put',
  summary: 'Say how customers are billed that say nothing else',
  description:
    'A new calendar holds from the next business date that has not begun for anybody: days that were ' +
    'announced stay as they are. `bill_on` holds from the next purchase order of each customer.',
  access: 'invoices:write',
  rateClass: 'write',
  errors: ['forbidden_scope', 'invalid_fields'],
  body: z
    .strictObject({ ...accountFields, finance_recipients: financeRecipients.default(null) })
    .openapi('AccountBillingSettingsReplace'),
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    await updateAccountBillingSettings(deps.database.db, accountId, call.input.body).catch(
      explainZone,
    )
    return { status: 200, body: await printAccount(deps, accountId) }
  },
})

export const billingSettingsRoutes: readonly Route[] = [
  readingCustomer,
  replacingCustomer,
  readingAccount,
  replacingAccount,
]

/** PostgreSQL knows a few zones less than the field lets pass. */
function explainZone(error: unknown): never {
  if (violatedConstraint(error) !== 'accounts_time_zone_check') throw error
  throw new DomainError('invalid_fields', 'time_zone: Is not an IANA time zone', {
    fields: [{ field: 'time_zone', message: 'Is not an IANA time zone' }],
  })
}

async function printCustomer(deps: ApiDeps, key: { accountId: string; customerId: string }) {
  const { db } = deps.database
  const settings = await getBillingSettings(db, key)
  return {
    object: 'billing_settings' as const,
    customer_id: key.customerId,
    invoice_recipients: settings.invoice_recipients,
    invoice_formats: settings.invoice_formats,
    locale: settings.locale,
    bill_on: settings.bill_on,
    business_day: printBusinessDay(await getBusinessDay(db, key)),
  }
}

async function printAccount(deps: ApiDeps, accountId: string) {
  const { db } = deps.database
  const settings = await getAccountBillingSettings(db, accountId)
  return {
    object: 'account_billing_settings' as const,
    time_zone: settings.time_zone,
    cut_off: settings.cut_off,
    bill_on: settings.bill_on,
    finance_recipients: settings.finance_recipients,
    business_day: printBusinessDay(await getBusinessDay(db, { accountId, customerId: null })),
  }
}

function printBusinessDay(day: BusinessDay) {
  const { next_from: from, next_time_zone: zone, next_cut_off: cutOff } = day
  return {
    business_date: day.business_date,
    starts_at: day.period_start.toISOString(),
    ends_at: day.period_end.toISOString(),
    time_zone: day.time_zone,
    cut_off: day.cut_off,
    changes:
      from === null || zone === null || cutOff === null
        ? null
        : { from, time_zone: zone, cut_off: cutOff },
  }
}
