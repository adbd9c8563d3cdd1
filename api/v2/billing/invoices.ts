import { z } from '@hono/zod-openapi'
import { getInvoiceView, listInvoiceViews, type InvoiceView } from '../../../db/invoice-views.ts'
import { findInvoiceDocument } from '../../../db/invoices.ts'
import { documentFormats } from '../../../documents/render.ts'
import { INVOICE_STATUSES, renderInvoice } from '../../../wire/invoice.ts'
import { readDocumentFile } from '../../document-file.ts'
import { idParameter, instantField, requireId } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Route } from '../../route.ts'
import {
  documentLine,
  documentLinks,
  documentTaxLine,
  fileHeaders,
  fileParameters,
  fileQuery,
  fileResponse,
} from './document-shapes.ts'
import { ownerOf } from '../orders/order-calls.ts'
import { businessDate, decimal, minor } from '../orders/order-shapes.ts'

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
    tax_lines: z.array(documentTaxLine).openapi({ description: 'They add up to `tax`.' }),
    lines: z.array(documentLine),
    documents: documentLinks,
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
    return { status: 200, body: printPage(deps, call, page, printInvoice) }
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
      body: printInvoice(await getInvoiceView(deps.database.db, ownerOf(call.caller), id)),
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
  params: fileParameters('inv_0199c0de5a000123456789abcd'),
  query: fileQuery,
  responses: { 200: fileResponse },
  errors: ['not_found', 'document_format_unavailable', 'invalid_parameter'],
  async handler(deps, call) {
    const id = requireId('invoice', call.input.params.id)
    const { snapshot } = await getInvoiceView(deps.database.db, ownerOf(call.caller), id)
    const wish = { format: call.input.params.format, ...call.input.query }
    const key = { accountId: call.caller.accountId, invoiceId: id }
    const { bytes, contentType, name } = await readDocumentFile(snapshot, wish, (format) =>
      findInvoiceDocument(deps.database.db, { ...key, format }),
    )
    return { status: 200, bytes, contentType, headers: fileHeaders(name) }
  },
})

export const invoiceRoutes: readonly Route[] = [listing, reading, readingDocument]

/** The object as it is now. */
export function printInvoice(view: InvoiceView) {
  return renderInvoice({
    id: view.id,
    state: view.state,
    sentAt: view.sent_at,
    snapshot: view.snapshot,
    formats: documentFormats(view.snapshot),
    overdue: view.overdue,
    creditedMinor: view.credited_minor,
    paidMinor: view.paid_minor,
  })
}
