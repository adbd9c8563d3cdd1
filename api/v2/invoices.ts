import { z } from '@hono/zod-openapi'
import { getInvoiceView, listInvoiceViews, type InvoiceView } from '../../db/invoice-views.ts'
import { findInvoiceDocument } from '../../db/invoices.ts'
import {
  CONTENT_TYPES,
  documentFormats,
  renderDocument,
  type DocumentFormat,
} from '../../documents/render.ts'
import { DomainError } from '../../domain/error.ts'
import type { InvoiceSnapshot } from '../../domain/invoice.ts'
import { INVOICE_STATUSES, renderInvoice } from '../../wire/invoice.ts'
import { idParameter, instantField, requireId } from '../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../middleware/pagination.ts'
import { route, type Route } from '../route.ts'
import { ownerOf } from './order-calls.ts'
import { businessDate, decimal, minor } from './order-shapes.ts'

const invoiceLine = z
  .strictObject({
    position: z.int().min(1),
    sku: z.string(),
    name: z.string(),
    quantity: z.int().min(1),
    unit_price: decimal,
    unit_price_minor: minor,
    net: decimal,
    net_minor: minor,
    tax_category: z.string().openapi({ description: 'UNCL 5305, as in EN 16931.', example: 'O' }),
    tax_rate_percent: z.number(),
  })
  .openapi('InvoiceLine')

export const invoiceObject = z
  .strictObject({
    object: z.literal('invoice'),
    id: z.string(),
    number: z.string().openapi({ example: 'INV-2026-000001' }),
    status: z.enum(INVOICE_STATUSES),
    customer_id: z.string(),
    purchase_order_id: z.string(),
    purchase_order_number: z.string(),
    business_date: businessDate,
    issue_date: businessDate,
    due_date: businessDate,
    overdue: z.boolean(),
    sent_at: instantField.nullable(),
    currency: z.string(),
    subtotal: decimal,
    subtotal_minor: minor,
    tax: decimal,
    tax_minor: minor,
    total: decimal,
    total_minor: minor,
    amount_paid: decimal,
    amount_paid_minor: minor,
    amount_credited: decimal,
    amount_credited_minor: minor,
    lines: z.array(invoiceLine),
    documents: z.array(z.strictObject({ format: z.string(), url: z.string() })),
    links: z.strictObject({ self: z.string(), purchase_order: z.string() }),
  })
  .openapi('Invoice')

const byId = { id: idParameter('id', 'inv_0199c0de5a000123456789abcd') }
const read = {
  method: 'get',
  tag: 'Invoices',
  access: 'invoices:read',
  rateClass: 'read',
  idempotency: 'none',
} as const

const listing = route({
  ...read,
  operationId: 'listInvoices',
  path: '/v2/invoices',
  summary: 'List invoices, the latest first',
  query: z.strictObject({
    ...pageParameters,
    status: z.enum(['open', 'paid', 'void']).optional(),
    customer_id: z.string().max(100).optional(),
    purchase_order_id: z.string().max(100).optional(),
    business_date: z.iso.date().optional(),
    number: z.string().max(100).optional(),
  }),
  responses: { 200: { description: 'Invoices.', schema: listOf(invoiceObject) } },
  errors: ['invalid_cursor'],
  async handler(deps, call) {
    const { query } = call.input
    const page = await listInvoiceViews(
      deps.database.db,
      ownerOf(call.caller),
      {
        status: query.status,
        customerId: query.customer_id,
        purchaseOrderId: query.purchase_order_id,
        businessDate: query.business_date,
        number: query.number,
      },
      readPage(deps, call),
    )
    return { status: 200, body: printPage(deps, call, page, print) }
  },
})

const reading = route({
  ...read,
  operationId: 'getInvoice',
  path: '/v2/invoices/{id}',
  summary: 'Get an invoice',
  params: z.strictObject(byId),
  responses: { 200: { description: 'The invoice.', schema: invoiceObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, call) {
    const id = requireId('invoice', call.input.params.id)
    return {
      status: 200,
      body: print(await getInvoiceView(deps.database.db, ownerOf(call.caller), id)),
    }
  },
})

const readingDocument = route({
  ...read,
  operationId: 'getInvoiceDocument',
  path: '/v2/invoices/{id}/documents/{format}',
  summary: 'Download an invoice',
  description:
    'The bytes that were sent; rendered from the frozen invoice when they are not kept yet. The ' +
    'same bytes every time. `ubl` and `cii` are the XML of EN 16931, where it can express this invoice.',
  params: z.strictObject({
    ...byId,
    format: z
      .string()
      .max(20)
      .openapi({ param: { name: 'format', in: 'path' }, example: 'pdf' }),
  }),
  responses: {
    200: {
      description: 'The document.',
      media: ['application/pdf', 'text/csv', 'application/xml'],
      headers: { 'Content-Disposition': 'A file name with the number of the invoice.' },
    },
  },
  errors: ['not_found', 'document_format_unavailable'],
  async handler(deps, call) {
    const id = requireId('invoice', call.input.params.id)
    const { snapshot } = await getInvoiceView(deps.database.db, ownerOf(call.caller), id)
    const format = requireFormat(call.input.params.format, snapshot)
    const key = { accountId: call.caller.accountId, invoiceId: id, format }
    const kept = await findInvoiceDocument(deps.database.db, key)
    return {
      status: 200,
      bytes: kept ?? (await renderDocument(snapshot, format)),
      contentType: CONTENT_TYPES[format],
      headers: {
        'Content-Disposition': `attachment; filename="${fileName(snapshot.number, format)}"`,
      },
    }
  },
})

export const invoiceRoutes: readonly Route[] = [listing, reading, readingDocument]

function print(view: InvoiceView) {
  return renderInvoice({
    id: view.id,
    state: view.state,
    sentAt: view.sent_at,
    snapshot: view.snapshot,
    formats: documentFormats(view.snapshot),
    overdue: view.overdue,
  })
}

/** Throws `document_format_unavailable`. */
function requireFormat(text: string, snapshot: InvoiceSnapshot): DocumentFormat {
  const format = documentFormats(snapshot).find((known) => known === text)
  if (format !== undefined) return format
  throw new DomainError('document_format_unavailable', 'This invoice has no such document.')
}

/** Numbers hold letters, digits and hyphens only, so they need no quoting. */
function fileName(number: string, format: DocumentFormat): string {
  const extension = format === 'pdf' || format === 'csv' ? format : `${format}.xml`
  return `${number}.${extension}`
}
