import { z } from '@hono/zod-openapi'
import {
  getDifference,
  getReconciliation,
  listDifferences,
  listReconciliations,
  requestReconciliation,
} from '../../../db/payment-reconciliations.ts'
import { DIFFERENCE_KINDS, DIFFERENCE_SUBJECTS } from '../../../domain/payment-difference.ts'
import { renderDifference, renderReconciliation } from '../../../wire/payment-difference.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { idParameter, instantField, requireId } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Route } from '../../route.ts'

const TAG = 'Payment reconciliation'
const text = z.string()
const count = z.int().min(0)

export const differenceObject = z
  .strictObject({
    object: z.literal('payment_difference'),
    id: text.openapi({ example: 'pdf_0199c0de5a000123456789abcd' }),
    reconciliation_id: text,
    date: z.iso.date(),
    kind: z.enum(DIFFERENCE_KINDS),
    about: z.enum(DIFFERENCE_SUBJECTS),
    provider_reference: text.openapi({ description: "The provider's name of it." }),
    payment_id: text.nullable(),
    currency: text,
    amount_ours: z.int().nullable(),
    amount_theirs: z.int().nullable(),
    ours: text.nullable().openapi({ description: 'Our state, or `fee` where fees differ.' }),
    theirs: text.nullable(),
    resolved_at: instantField.nullable(),
    created_at: instantField,
  })
  .openapi('PaymentDifference')

const reconciliationObject = z
  .strictObject({
    object: z.literal('payment_reconciliation'),
    id: text.openapi({ example: 'rcn_0199c0de5a000123456789abcd' }),
    date: z.iso.date(),
    status: z.enum(['running', 'done']),
    run: z.int(),
    payments_compared: count,
    movements_compared: count,
    open_differences: count,
    requested_at: instantField,
    ended_at: instantField.nullable(),
    links: z.strictObject({ differences: text }),
  })
  .openapi('PaymentReconciliation')

const reading = { method: 'get', tag: TAG, access: 'payments:read', rateClass: 'read' } as const

const requesting = route({
  operationId: 'reconcilePayments',
  method: 'post',
  path: '/v2/payments/reconciliations',
  tag: TAG,
  summary: 'Compare a day with the payment provider',
  description:
    'Every day is compared by itself when it is over; this compares one again, or at once. What differs is ' +
    'kept and told as `payment.difference_found`; what a later run does not find again is resolved.',
  access: 'payments:write',
  rateClass: 'write',
  idempotency: 'key24h',
  body: z.strictObject({
    date: z.iso.date().openapi({ description: "A day of the account's calendar." }),
  }),
  responses: { 201: { description: 'The comparison, under way.', schema: reconciliationObject } },
  errors: ['forbidden_scope'],
  async handler(deps, { tx, caller, input }) {
    refuseBoundKey(caller)
    const { accountId } = caller
    const id = await requestReconciliation(tx, accountId, input.body.date)
    deps.orders.outbox.nudge()
    return { status: 201, body: renderReconciliation(await getReconciliation(tx, accountId, id)) }
  },
})

const listing = route({
  ...reading,
  operationId: 'listPaymentReconciliations',
  path: '/v2/payments/reconciliations',
  summary: 'List compared days, the latest first',
  idempotency: 'none',
  query: z.strictObject(pageParameters),
  responses: { 200: { description: 'Compared days.', schema: listOf(reconciliationObject) } },
  errors: ['invalid_cursor', 'forbidden_scope'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    const page = await listReconciliations(deps.database.db, accountId, readPage(deps, call))
    return { status: 200, body: printPage(deps, call, page, renderReconciliation) }
  },
})

const listingDifferences = route({
  ...reading,
  operationId: 'listPaymentDifferences',
  path: '/v2/payments/differences',
  summary: 'List what differs from the payment provider, the latest first',
  idempotency: 'none',
  query: z.strictObject({
    ...pageParameters,
    kind: z.enum(DIFFERENCE_KINDS).optional(),
    reconciliation_id: z.string().min(1).max(100).optional(),
    resolved: z.enum(['true', 'false']).optional(),
  }),
  responses: { 200: { description: 'Differences.', schema: listOf(differenceObject) } },
  errors: ['invalid_cursor', 'forbidden_scope', 'not_found'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { kind, reconciliation_id: day, resolved } = call.input.query
    const filter = {
      kind,
      reconciliationId: day === undefined ? undefined : requireId('paymentReconciliation', day),
      open: resolved === undefined ? undefined : resolved === 'false',
    }
    const request = readPage(deps, call)
    const page = await listDifferences(deps.database.db, call.caller.accountId, filter, request)
    return { status: 200, body: printPage(deps, call, page, renderDifference) }
  },
})

const readingDifference = route({
  ...reading,
  operationId: 'getPaymentDifference',
  path: '/v2/payments/differences/{id}',
  summary: 'Get a difference',
  idempotency: 'none',
  params: z.strictObject({ id: idParameter('id', 'pdf_0199c0de5a000123456789abcd') }),
  responses: { 200: { description: 'The difference as it is now.', schema: differenceObject } },
  errors: ['not_found', 'forbidden_scope'],
  async handler(deps, { caller, input }) {
    refuseBoundKey(caller)
    const id = requireId('paymentDifference', input.params.id)
    const difference = await getDifference(deps.database.db, caller.accountId, id)
    return { status: 200, body: renderDifference(difference) }
  },
})

export const paymentReconciliationRoutes: readonly Route[] = [
  requesting,
  listing,
  listingDifferences,
  readingDifference,
]
