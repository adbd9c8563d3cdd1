import { z } from '@hono/zod-openapi'
import { listCodeStock, listQuarantinedCodes } from '../../../db/code-reports.ts'
import { QUARANTINE_REASONS } from '../../../domain/sourcing.ts'
import { renderCodeStock, renderQuarantinedCode } from '../../../wire/code-report.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { instantField } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Route } from '../../route.ts'

const count = z.int().min(0)

const quarantinedCodeObject = z
  .strictObject({
    object: z.literal('quarantined_code'),
    id: z.string(),
    product_id: z.string(),
    variant_id: z.string().nullable(),
    reason: z.enum(QUARANTINE_REASONS),
    supplier_id: z.string().nullable(),
    supplier_reference: z
      .string()
      .nullable()
      .openapi({ description: 'Ours, as the supplier knows it.' }),
    last4: z.string(),
    cost: z.number().nullable(),
    cost_minor: z.int().nullable(),
    currency: z.string().nullable(),
    quarantined_at: instantField,
  })
  .openapi('QuarantinedCode')

const codeStockObject = z
  .strictObject({
    object: z.literal('code_stock'),
    product_id: z.string(),
    variant_id: z.string().nullable(),
    sku: z.string(),
    available: count,
    expires_within_7_days: count.openapi({ description: 'Of the available ones.' }),
    expires_within_30_days: count.openapi({ description: 'Of the available ones.' }),
    expired: count.openapi({ description: 'Expired, or so soon that they are given to nobody.' }),
    quarantined: count,
    oldest_at: instantField
      .nullable()
      .openapi({ description: 'Import of the oldest available one.' }),
    first_expiry_at: instantField.nullable(),
  })
  .openapi('CodeStock')

const shared = {
  method: 'get',
  tag: 'Inventory',
  rateClass: 'read',
  idempotency: 'none',
} as const

const listingQuarantined = route({
  ...shared,
  operationId: 'listQuarantinedCodes',
  path: '/v2/quarantined-codes',
  summary: 'List codes that were paid for and are given to nobody',
  description:
    'For the talk with the supplier: a second code for an order, one that nobody ordered, one that came too late or ' +
    'expires too soon. Never shows a code.',
  access: 'suppliers:read',
  query: z.strictObject({
    ...pageParameters,
    supplier_id: z.string().max(100).optional(),
    reason: z.enum(QUARANTINE_REASONS).optional(),
  }),
  responses: { 200: { description: 'The latest first.', schema: listOf(quarantinedCodeObject) } },
  errors: ['invalid_cursor', 'forbidden_scope'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { supplier_id: supplierId, reason } = call.input.query
    const page = await listQuarantinedCodes(
      deps.database.db,
      call.caller.accountId,
      { supplierId, reason },
      readPage(deps, call),
    )
    return { status: 200, body: printPage(deps, call, page, renderQuarantinedCode) }
  },
})

const listingStock = route({
  ...shared,
  operationId: 'listCodeStock',
  path: '/v2/code-stock',
  summary: 'List how old the codes in the pool are and when they expire',
  access: 'products:read',
  query: z.strictObject(pageParameters),
  responses: {
    200: {
      description: 'By SKU; products without codes are left out.',
      schema: listOf(codeStockObject),
    },
  },
  errors: ['invalid_cursor', 'forbidden_scope'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    const page = await listCodeStock(deps.database.db, accountId, readPage(deps, call))
    return { status: 200, body: printPage(deps, call, page, renderCodeStock) }
  },
})

export const codeReportRoutes: readonly Route[] = [listingQuarantined, listingStock]
