import { z } from '@hono/zod-openapi'
import { getTransactionView, listTransactionViews } from '../../../db/transactions.ts'
import { orderIdOf } from '../../../domain/id.ts'
import {
  FULFILLMENT_STATUSES,
  ORDER_STATUSES,
  PAYMENT_STATUSES,
} from '../../../domain/order-status.ts'
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
  printAcceptedOrder,
  printOrder,
  readOrderFilters,
  requireTransactionId,
} from './order-calls.ts'
import { orderFilters, orderObject } from './order-shapes.ts'

const accepted = { schema: orderObject, headers: ACCEPTED_HEADERS }

const creating = route({
  operationId: 'createOrder',
  method: 'post',
  path: '/v2/orders',
  tag: 'Orders',
  summary: 'Create an order',
  description:
    'The same act as `POST /v2/transactions`, also for an `Idempotency-Key`: repeat with the same ' +
    'key until it is answered, and it happens once. The server prices the lines.',
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
      ...acceptedAs(call, `/v2/orders/${orderIdOf(transaction.id)}`, replayed),
      body: printAcceptedOrder(deps, transaction),
    }
  },
})

const listing = route({
  operationId: 'listOrders',
  method: 'get',
  path: '/v2/orders',
  tag: 'Orders',
  summary: 'List orders, the latest first',
  access: 'orders:read',
  rateClass: 'read',
  idempotency: 'none',
  query: z.strictObject({
    ...pageParameters,
    ...orderFilters,
    status: z.enum(ORDER_STATUSES).optional(),
    payment_status: z.enum(PAYMENT_STATUSES).optional(),
    fulfillment_status: z.enum(FULFILLMENT_STATUSES).optional(),
  }),
  responses: { 200: { description: 'Orders.', schema: listOf(orderObject) } },
  errors: ['invalid_cursor'],
  async handler(deps, call) {
    const { query } = call.input
    const page = await listTransactionViews(
      deps.database.db,
      ownerOf(call.caller),
      {
        orderStatus: query.status,
        paymentStatus: query.payment_status,
        fulfillmentStatus: query.fulfillment_status,
        ...readOrderFilters(query),
      },
      readPage(deps, call),
    )
    return { status: 200, body: printPage(deps, call, page, (view) => printOrder(deps, view)) }
  },
})

const reading = route({
  operationId: 'getOrder',
  method: 'get',
  path: '/v2/orders/{id}',
  tag: 'Orders',
  summary: 'Get an order',
  access: 'orders:read',
  rateClass: 'read',
  idempotency: 'none',
  params: z.strictObject({ id: idParameter('id', 'ord_0199c0de5a000123456789abcd') }),
  responses: { 200: { description: 'The order as it is now.', schema: orderObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, call) {
    const id = requireTransactionId(call.input.params.id)
    const view = await getTransactionView(deps.database.db, ownerOf(call.caller), id)
    return { status: 200, body: printOrder(deps, view) }
  },
})

export const orderRoutes: readonly Route[] = [creating, listing, reading]
