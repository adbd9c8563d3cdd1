import { z } from '@hono/zod-openapi'
import { getTransactionView, listTransactionViews } from '../../../db/transactions.ts'
import { TRANSACTION_STATUSES } from '../../../domain/order-status.ts'
import { idParameter } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Route } from '../../route.ts'
import { orderBody } from './order-body.ts'
import {
  ACCEPTED_HEADERS,
  acceptedAs,
  CREATE_ORDER_ERRORS,
  createOrder,
  ownerOf,
  printAcceptedTransaction,
  printTransaction,
  readOrderFilters,
  requireTransactionId,
} from './order-calls.ts'
import { orderFilters, transactionObject } from './order-shapes.ts'

const accepted = { schema: transactionObject, headers: ACCEPTED_HEADERS }

const creating = route({
  operationId: 'createTransaction',
  method: 'post',
  path: '/v2/transactions',
  tag: 'Transactions',
  summary: 'Order',
  description:
    'Each request is one transaction; it is appended to the customer’s purchase order of the day. ' +
    'The same act as `POST /v2/orders`, also for an `Idempotency-Key`: repeat with the same key ' +
    'until it is answered, and it happens once.',
  access: 'orders:write',
  rateClass: 'write',
  idempotency: 'createOrder',
  body: orderBody,
  responses: {
    201: { description: 'Accepted: it is durable, and its codes are on their way.', ...accepted },
    202: { description: 'The same, for `Prefer: respond-async`.', ...accepted },
  },
  errors: CREATE_ORDER_ERRORS,
  async handler(deps, call) {
    const { transaction, replayed } = await createOrder(deps, call)
    return {
      ...acceptedAs(call, `/v2/transactions/${transaction.id}`, replayed),
      body: printAcceptedTransaction(deps, transaction),
    }
  },
})

const listing = route({
  operationId: 'listTransactions',
  method: 'get',
  path: '/v2/transactions',
  tag: 'Transactions',
  summary: 'List transactions, the latest first',
  access: 'orders:read',
  rateClass: 'read',
  idempotency: 'none',
  query: z.strictObject({
    ...pageParameters,
    ...orderFilters,
    status: z.enum(TRANSACTION_STATUSES).optional(),
    purchase_order_id: z.string().max(100).optional(),
  }),
  responses: { 200: { description: 'Transactions.', schema: listOf(transactionObject) } },
  errors: ['invalid_cursor'],
  async handler(deps, call) {
    const { query } = call.input
    const page = await listTransactionViews(
      deps.database.db,
      ownerOf(call.caller),
      {
        transactionStatus: query.status,
        ...readOrderFilters(query),
        purchaseOrderId: query.purchase_order_id,
      },
      readPage(deps, call),
    )
    return {
      status: 200,
      body: printPage(deps, call, page, (view) => printTransaction(deps, view)),
    }
  },
})

const reading = route({
  operationId: 'getTransaction',
  method: 'get',
  path: '/v2/transactions/{id}',
  tag: 'Transactions',
  summary: 'Get a transaction',
  access: 'orders:read',
  rateClass: 'read',
  idempotency: 'none',
  params: z.strictObject({ id: idParameter('id', 'txn_0199c0de5a000123456789abcd') }),
  responses: { 200: { description: 'The transaction as it is now.', schema: transactionObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, call) {
    const id = requireTransactionId(call.input.params.id)
    const view = await getTransactionView(deps.database.db, ownerOf(call.caller), id)
    return { status: 200, body: printTransaction(deps, view) }
  },
})

export const transactionRoutes: readonly Route[] = [creating, listing, reading]
