import { z } from '@hono/zod-openapi'
import {
  SUPPLIER_CALL_SECONDS_MAX,
  SUPPLIER_NAME_CHARACTERS_MAX,
} from '../../../domain/supplier.ts'
import {
  SUPPLIER_SECRET_CHARACTERS_MAX,
  SUPPLIER_SECRET_CHARACTERS_MIN,
} from '../../../domain/supplier-wire.ts'
import { readWebhookUrl, WEBHOOK_URL_CHARACTERS_MAX } from '../../../domain/webhook-address.ts'
import { DomainError } from '../../../domain/error.ts'
import type { SealedSupplierSecret, SupplierChange } from '../../../db/suppliers.ts'
import type { ApiDeps } from '../../deps.ts'
import { amountField, currencyField, idParameter, instantField, line } from '../../fields.ts'

const PRIORITY_MAX = 1_000_000

export const bySupplierId = z.strictObject({
  id: idParameter('id', 'sup_0199c0de5a000123456789abcd'),
})
export const bySupplierSkuId = bySupplierId.extend({
  sku_id: idParameter('sku_id', 'ssku_0199c0de5a000123456789abcd'),
})

const limitsObject = z.strictObject({
  per_second: z.int().min(1).max(1_000).nullable().openapi({
    description: 'Calls per second; null is as many as there are. A call carries up to 200 units.',
  }),
  in_flight: z.int().min(1).max(100).openapi({ description: 'Calls at the same time.' }),
  call_seconds: z.int().min(1).max(SUPPLIER_CALL_SECONDS_MAX).openapi({
    description: 'A call that takes longer has no answer: what it ordered is asked about later.',
  }),
})

const fields = {
  name: line(SUPPLIER_NAME_CHARACTERS_MAX).openapi({ example: 'Northwind Codes' }),
  active: z.boolean().openapi({
    description: 'false: nothing more is bought; what is on order is still asked for.',
  }),
  base_url: z
    .string()
    .min(1)
    .max(WEBHOOK_URL_CHARACTERS_MAX)
    .regex(/[^/]$/, 'Must not end with a slash')
    .regex(/^[^?#]*$/, 'Must have no query and no fragment')
    .openapi({
      description:
        'Public https; `/orders` and the other paths of docs/suppliers.md come behind it.',
      example: 'https://codes.northwind.example/bark/v1',
    }),
  secret: line(SUPPLIER_SECRET_CHARACTERS_MAX)
    .min(SUPPLIER_SECRET_CHARACTERS_MIN)
    .openapi({ description: 'Signs requests and answers. No answer shows it.' }),
  limits: limitsObject.partial(),
}

const common = {
  name: fields.name,
  active: fields.active.default(true),
  limits: fields.limits.default({}),
}

export const supplierCreate = z.discriminatedUnion('adapter', [
  z.strictObject({
    ...common,
    adapter: z.literal('http'),
    base_url: fields.base_url,
    secret: fields.secret,
  }),
  z.strictObject({ ...common, adapter: z.literal('sandbox') }),
])

export const supplierUpdate = z
  .strictObject({ ...fields, version: z.int().min(1) })
  .partial()
  .openapi('SupplierUpdate')

export const supplierObject = z
  .strictObject({
    object: z.literal('supplier'),
    id: z.string(),
    name: z.string(),
    adapter: z.enum(['sandbox', 'http']),
    active: z.boolean(),
    base_url: z.string().nullable(),
    limits: limitsObject,
    breaker: z
      .strictObject({
        state: z.enum(['closed', 'open']),
        failures: z.int(),
        opened_at: instantField.nullable(),
        probe_at: instantField.nullable(),
        reason: z.string().nullable(),
      })
      .openapi({
        description:
          'Open after five calls in a row without an answer: nobody asks the supplier until ' +
          '`probe_at`, when one call tries. Its units wait or are bought elsewhere, they never fail by it.',
      }),
    version: z.int(),
    created_at: instantField,
    updated_at: instantField,
  })
  .openapi('Supplier')

const skuFields = {
  supplier_sku: line(120).openapi({ description: 'What the supplier calls it.', example: 'NW-10' }),
  priority: z.int().min(0).max(PRIORITY_MAX).openapi({ description: 'Lower is asked first.' }),
  cost: amountField.openapi({ description: 'What one code costs; customers never see it.' }),
  currency: currencyField,
  active: z.boolean(),
}

export const supplierSkuCreate = z
  .strictObject({
    ...skuFields,
    product_id: z.string().max(200).openapi({ example: 'prod_0199c0de5a000123456789abcd' }),
    variant_id: z.string().max(200).nullable().default(null),
    priority: skuFields.priority.default(100),
    active: skuFields.active.default(true),
  })
  .openapi('SupplierSkuCreate')

export const supplierSkuUpdate = z
  .strictObject({ ...skuFields, version: z.int().min(1) })
  .partial()
  .openapi('SupplierSkuUpdate')

export const supplierSkuObject = z
  .strictObject({
    object: z.literal('supplier_sku'),
    id: z.string(),
    supplier_id: z.string(),
    product_id: z.string(),
    variant_id: z.string().nullable(),
    supplier_sku: z.string(),
    priority: z.int(),
    cost: z.number(),
    cost_minor: z.int(),
    currency: z.string(),
    active: z.boolean(),
    version: z.int(),
    created_at: instantField,
    updated_at: instantField,
  })
  .openapi('SupplierSku')

/** @throws DomainError `invalid_fields`: syntax and addresses only, names are not looked up */
export function requireSupplierUrl(deps: ApiDeps, url: string): void {
  const { problem } = readWebhookUrl(url, deps.config.supplier.allowedPrivateHosts)
  if (problem !== null) throw refuseField('base_url', problem)
}

/** A refusal of one field of the body. */
export function refuseField(field: string, message: string): DomainError {
  return new DomainError('invalid_fields', `${field}: ${message}`, { fields: [{ field, message }] })
}

/** Encrypts a secret for the supplier's row. */
export async function sealSupplierSecret(
  { keyRing }: ApiDeps,
  { accountId, supplierId }: { accountId: string; supplierId: string },
  secret: string,
): Promise<SealedSupplierSecret> {
  return (await keyRing.forSealing(accountId)).seal(supplierId, secret)
}

/** The limits of a body as the row's columns; what is left out stays. */
export function toLimits(
  limits: z.output<typeof fields.limits> | undefined,
): Pick<SupplierChange, 'perSecondMax' | 'inFlightMax' | 'callSecondsMax'> {
  return {
    perSecondMax: limits?.per_second,
    inFlightMax: limits?.in_flight,
    callSecondsMax: limits?.call_seconds,
  }
}
