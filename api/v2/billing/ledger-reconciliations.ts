import { z } from '@hono/zod-openapi'
import {
  getLedgerReport,
  listLedgerReports,
  requestLedgerReconciliation,
} from '../../../db/ledger-reconciliations.ts'
import { renderLedgerReport } from '../../../wire/ledger-report.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { idParameter, instantField, requireId } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Route } from '../../route.ts'
import { businessDate } from '../orders/order-shapes.ts'

const text = z.string()
const count = z.int().min(0)

export const ledgerReportObject = z
  .strictObject({
    object: z.literal('ledger_reconciliation'),
    id: text.openapi({ example: 'lrc_0199c0de5a000123456789abcd' }),
    date: businessDate.openapi({ description: 'The day of the account after which it was made.' }),
    run: z.int().min(1).openapi({ description: 'Which one of that date.' }),
    status: z.enum(['running', 'done']),
    in_balance: z.boolean().nullable().openapi({ description: 'Every identity holds.' }),
    identities: z.array(
      z.strictObject({
        name: text.openapi({ example: 'unbilled' }),
        says: text.openapi({ description: 'Which two things are equal.' }),
        difference_count: count.openapi({ description: '50 means fifty or more.' }),
        differences: z
          .array(
            z.strictObject({
              subject: text.openapi({ description: 'A customer, an invoice, a journal.' }),
              currency: text,
              expected_minor: z.int().openapi({ description: 'What the business rows say.' }),
              actual_minor: z.int().openapi({ description: 'What the ledger says.' }),
              difference_minor: z.int(),
            }),
          )
          .openapi({ description: 'The first ten.' }),
      }),
    ),
    requested_at: instantField,
    ended_at: instantField.nullable(),
  })
  .openapi('LedgerReconciliation')

const shared = { tag: 'Invoices', errors: ['forbidden_scope'] } as const
const reading = { ...shared, method: 'get', access: 'finance:read', rateClass: 'read' } as const

const requesting = route({
  ...shared,
  operationId: 'reconcileLedger',
  method: 'post',
  path: '/v2/ledger/reconciliations',
  summary: 'Compare the business rows with the ledger now',
  description:
    'It is done by itself every night, when the day of the account is over. What does not hold is told as ' +
    '`ledger.out_of_balance`. One that is under way is answered instead of a second one.',
  access: 'invoices:write',
  rateClass: 'write',
  idempotency: 'key24h',
  responses: { 201: { description: 'The report, under way.', schema: ledgerReportObject } },
  async handler(deps, { tx, caller }) {
    refuseBoundKey(caller)
    const { accountId } = caller
    const id = await requestLedgerReconciliation(tx, accountId)
    deps.orders.outbox.nudge()
    return { status: 201, body: renderLedgerReport(await getLedgerReport(tx, { accountId, id })) }
  },
})

const listing = route({
  ...reading,
  operationId: 'listLedgerReconciliations',
  path: '/v2/ledger/reconciliations',
  summary: 'List reports of the books, the latest first',
  idempotency: 'none',
  query: z.strictObject(pageParameters),
  responses: { 200: { description: 'Reports.', schema: listOf(ledgerReportObject) } },
  errors: ['invalid_cursor', 'forbidden_scope'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const request = readPage(deps, call)
    const page = await listLedgerReports(deps.database.db, call.caller.accountId, request)
    return { status: 200, body: printPage(deps, call, page, renderLedgerReport) }
  },
})

const readingOne = route({
  ...reading,
  operationId: 'getLedgerReconciliation',
  path: '/v2/ledger/reconciliations/{id}',
  summary: 'Get a report of the books',
  idempotency: 'none',
  params: z.strictObject({ id: idParameter('id', 'lrc_0199c0de5a000123456789abcd') }),
  responses: { 200: { description: 'The report.', schema: ledgerReportObject } },
  errors: ['not_found', 'forbidden_scope'],
  async handler(deps, { caller, input }) {
    refuseBoundKey(caller)
    const id = requireId('ledgerReconciliation', input.params.id)
    const key = { accountId: caller.accountId, id }
    return { status: 200, body: renderLedgerReport(await getLedgerReport(deps.database.db, key)) }
  },
})

export const ledgerReconciliationRoutes: readonly Route[] = [requesting, listing, readingOne]
