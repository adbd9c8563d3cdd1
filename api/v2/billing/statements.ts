import { z } from '@hono/zod-openapi'
import { getStatement } from '../../../db/statements.ts'
import { CONTENT_TYPES } from '../../../documents/render.ts'
import { renderStatementDocument, statementFileName } from '../../../documents/statement.ts'
import { DomainError } from '../../../domain/error.ts'
import { STATEMENT_KINDS, type Statement } from '../../../domain/statement.ts'
import { renderStatement, STATEMENT_FORMATS } from '../../../wire/statement.ts'
import type { ApiDeps } from '../../deps.ts'
import { currencyField, idParameter, notFound, requireId } from '../../fields.ts'
import { route, type Caller, type Route } from '../../route.ts'
import { documentLinks, fileParameters, fileResponse } from './document-shapes.ts'
import { businessDate } from '../orders/order-shapes.ts'

const signed = z.number().openapi({ example: -49.99 })
const signedMinor = z.int().openapi({ example: -4999 })

const statementObject = z
  .strictObject({
    object: z.literal('statement'),
    customer_id: z.string(),
    currency: z.string(),
    date_from: businessDate,
    date_to: businessDate.openapi({ description: 'The first day that is not in it.' }),
    opening_balance: signed,
    opening_balance_minor: signedMinor,
    entries: z.array(
      z.strictObject({
        date: businessDate,
        kind: z.enum([...new Set(Object.values(STATEMENT_KINDS)), 'adjustment']),
        reference: z.string(),
        amount: signed.openapi({ description: 'A charge is positive, a payment negative.' }),
        amount_minor: signedMinor,
        balance: signed,
        balance_minor: signedMinor,
      }),
    ),
    closing_balance: signed,
    closing_balance_minor: signedMinor,
    unallocated: signed.openapi({ description: 'Money of the customer that pays no invoice yet.' }),
    unallocated_minor: signedMinor,
    open_invoices: z.array(
      z.strictObject({
        id: z.string(),
        number: z.string(),
        issue_date: businessDate,
        due_date: businessDate,
        total: signed,
        total_minor: signedMinor,
        owed: signed,
        owed_minor: signedMinor,
      }),
    ),
    documents: documentLinks,
    links: z.strictObject({ self: z.string(), customer: z.string() }),
  })
  .openapi('Statement')

/** The period and currency of a statement; days are those of the account's business zone. */
export const statementQuery = {
  currency: currencyField.optional(),
  date_from: z.iso.date().optional(),
  date_to: z.iso.date().optional(),
}

type StatementQuery = { currency?: string; date_from?: string; date_to?: string }

const EXAMPLE_ID = 'cust_0199c0de5a000123456789abcd'
const read = {
  method: 'get',
  tag: 'Customers',
  access: 'invoices:read',
  rateClass: 'read',
  idempotency: 'none',
  query: z.strictObject(statementQuery),
} as const

const reading = route({
  ...read,
  operationId: 'getStatement',
  path: '/v2/customers/{id}/statement',
  summary: 'Get the statement of a customer',
  description:
    'What the customer owed, every document and payment that changed it, and what it owes, from the ' +
    'ledger; in the account’s currency and for this month unless asked otherwise. `date_to` is the first ' +
    'day that is not in it.',
  params: z.strictObject({ id: idParameter('id', EXAMPLE_ID) }),
  responses: { 200: { description: 'The statement.', schema: statementObject } },
  errors: ['not_found', 'invalid_parameter', 'seller_incomplete'],
  async handler(deps, { caller, input }) {
    const statement = await readStatement(deps, caller, input.params.id, input.query)
    return { status: 200, body: renderStatement(statement) }
  },
})

const readingDocument = route({
  ...read,
  operationId: 'getStatementDocument',
  path: '/v2/customers/{id}/statement/documents/{format}',
  summary: 'Download the statement of a customer',
  description: 'As PDF or CSV: what `GET /v2/customers/{id}/statement` says.',
  params: fileParameters(EXAMPLE_ID),
  responses: { 200: fileResponse },
  errors: ['not_found', 'invalid_parameter', 'document_format_unavailable', 'seller_incomplete'],
  async handler(deps, { caller, input }) {
    const statement = await readStatement(deps, caller, input.params.id, input.query)
    const format = STATEMENT_FORMATS.find((known) => known === input.params.format)
    if (format === undefined) {
      throw new DomainError('document_format_unavailable', 'There is no such document.')
    }
    const disposition = `attachment; filename="${statementFileName(statement, format)}"`
    return {
      status: 200,
      bytes: await renderStatementDocument(statement, format),
      contentType: CONTENT_TYPES[format],
      headers: { 'Content-Disposition': disposition },
    }
  },
})

export const statementRoutes: readonly Route[] = [reading, readingDocument]

/** Throws `not_found`, also for another's customer. */
async function readStatement(
  deps: ApiDeps,
  caller: Caller,
  id: string,
  query: StatementQuery,
): Promise<Statement> {
  const customerId = requireId('customer', id)
  if (caller.customerId !== null && caller.customerId !== customerId) throw notFound('customer')
  return getStatement(deps.database.db, {
    accountId: caller.accountId,
    customerId,
    currency: query.currency ?? caller.currency,
    from: query.date_from,
    before: query.date_to,
  })
}
