import { z } from '@hono/zod-openapi'
import {
  getCreditNoteView,
  listCreditNoteViews,
  type CreditNoteView,
} from '../../../db/credit-note-views.ts'
import { findCreditNoteDocument } from '../../../db/credit-notes.ts'
import { documentFormats } from '../../../documents/render.ts'
import { DomainError } from '../../../domain/error.ts'
import { CREDIT_NOTE_STATUSES, renderCreditNote } from '../../../wire/credit-note.ts'
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

export const creditNoteObject = z
  .strictObject({
    object: z.literal('credit_note'),
    id: z.string().openapi({ example: 'cn_0199c0de5a000123456789abcd' }),
    number: z
      .string()
      .nullable()
      .openapi({ example: 'CN-2026-000001', description: 'Null while it is pending.' }),
    status: z.enum(CREDIT_NOTE_STATUSES),
    invoice_id: z.string(),
    invoice_number: z.string(),
    customer_id: z.string(),
    reason: z.string(),
    issue_date: businessDate.nullable(),
    sent_at: instantField.nullable(),
    currency: z.string(),
    subtotal: decimal,
    subtotal_minor: minor,
    tax: decimal,
    tax_minor: minor,
    total: decimal,
    total_minor: minor,
    tax_lines: z.array(documentTaxLine).openapi({ description: 'They add up to `tax`.' }),
    lines: z.array(documentLine),
    documents: documentLinks,
    created_at: instantField,
    links: z.strictObject({ self: z.string(), invoice: z.string() }),
  })
  .openapi('CreditNote')

const EXAMPLE_ID = 'cn_0199c0de5a000123456789abcd'
const read = {
  method: 'get',
  tag: 'Credit notes',
  access: 'invoices:read',
  rateClass: 'read',
  idempotency: 'none',
} as const

const listing = route({
  ...read,
  operationId: 'listCreditNotes',
  path: '/v2/credit-notes',
  summary: 'List credit notes, the latest first',
  query: z.strictObject({
    ...pageParameters,
    status: z.enum(CREDIT_NOTE_STATUSES).optional(),
    customer_id: z.string().max(100).optional(),
    invoice_id: z.string().max(100).optional(),
    number: z.string().max(100).optional(),
  }),
  responses: { 200: { description: 'Credit notes.', schema: listOf(creditNoteObject) } },
  errors: ['invalid_cursor'],
  async handler(deps, call) {
    const { status, customer_id, invoice_id, number } = call.input.query
    const page = await listCreditNoteViews(
      deps.database.db,
      ownerOf(call.caller),
      { status, customerId: customer_id, invoiceId: invoice_id, number },
      readPage(deps, call),
    )
    return { status: 200, body: printPage(deps, call, page, printCreditNote) }
  },
})

const reading = route({
  ...read,
  operationId: 'getCreditNote',
  path: '/v2/credit-notes/{id}',
  summary: 'Get a credit note',
  params: z.strictObject({ id: idParameter('id', EXAMPLE_ID) }),
  responses: { 200: { description: 'The credit note.', schema: creditNoteObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, call) {
    const id = requireId('creditNote', call.input.params.id)
    const view = await getCreditNoteView(deps.database.db, ownerOf(call.caller), id)
    return { status: 200, body: printCreditNote(view) }
  },
})

const readingDocument = route({
  ...read,
  operationId: 'getCreditNoteDocument',
  path: '/v2/credit-notes/{id}/documents/{format}',
  summary: 'Download a credit note',
  description: 'As for invoices: the bytes that were sent, the same every time.',
  params: fileParameters(EXAMPLE_ID),
  query: fileQuery,
  responses: { 200: fileResponse },
  errors: ['not_found', 'document_format_unavailable', 'document_pending', 'invalid_parameter'],
  async handler(deps, call) {
    const id = requireId('creditNote', call.input.params.id)
    const { snapshot } = await getCreditNoteView(deps.database.db, ownerOf(call.caller), id)
    if (snapshot === null) {
      throw new DomainError('document_pending', 'The credit note is not issued yet.')
    }
    const wish = { format: call.input.params.format, ...call.input.query }
    const key = { accountId: call.caller.accountId, creditNoteId: id }
    const { bytes, contentType, name } = await readDocumentFile(snapshot, wish, (format) =>
      findCreditNoteDocument(deps.database.db, { ...key, format }),
    )
    return { status: 200, bytes, contentType, headers: fileHeaders(name) }
  },
})

export const creditNoteRoutes: readonly Route[] = [listing, reading, readingDocument]

/** The object, with the documents that it has by now. */
export function printCreditNote(view: CreditNoteView) {
  return renderCreditNote(view, view.snapshot === null ? [] : documentFormats(view.snapshot))
}
