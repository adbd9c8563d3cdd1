import { z } from '@hono/zod-openapi'
import { inTransaction } from '../../../db/client.ts'
import { getPurchaseOrderView, listPurchaseOrderViews } from '../../../db/purchase-order-views.ts'
import { closePurchaseOrder, wakePurchaseOrder } from '../../../db/purchase-orders.ts'
import { listTransactionViews } from '../../../db/transactions.ts'
import { PURCHASE_ORDER_STATUSES, renderPurchaseOrder } from '../../../wire/purchase-order.ts'
import { idParameter, instantField, requireId } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Route } from '../../route.ts'
import { ownerOf, printTransaction } from './order-calls.ts'
import { businessDate, decimal, minor, transactionObject } from './order-shapes.ts'

const purchaseOrderObject = z
  .strictObject({
    object: z.literal('purchase_order'),
    id: z.string(),
    number: z.string().openapi({ example: 'PO-2026-11-22-USD-1-9f3a2c' }),
    customer_id: z.string(),
    business_date: businessDate,
    sequence: z.int().min(1).openapi({ description: '2 and up: the day was closed early.' }),
    status: z.enum(PURCHASE_ORDER_STATUSES),
    time_zone: z.string().openapi({ example: 'America/Santiago' }),
    period_start: instantField,
    closes_at: instantField.openapi({ description: 'The end of the day, as it was announced.' }),
    closed_at: instantField.nullable().openapi({ description: 'When it really ended.' }),
    transaction_count: z.int().min(0),
    currency: z.string(),
    total: decimal,
    total_minor: minor,
    invoices: z.array(z.strictObject({ id: z.string(), number: z.string() })),
    created_at: instantField,
    links: z.strictObject({ self: z.string(), transactions: z.string() }),
  })
  .openapi('PurchaseOrder')

const byId = z.strictObject({ id: idParameter('id', 'po_0199c0de5a000123456789abcd') })
const read = {
  tag: 'Purchase orders',
  access: 'purchase_orders:read',
  rateClass: 'read',
  idempotency: 'none',
} as const

const listing = route({
  ...read,
  operationId: 'listPurchaseOrders',
  method: 'get',
  path: '/v2/purchase-orders',
  summary: 'List purchase orders, the latest first',
  query: z.strictObject({
    ...pageParameters,
    status: z.enum(PURCHASE_ORDER_STATUSES).optional(),
    business_date: z.iso.date().optional().openapi({ description: 'The customer’s day.' }),
    customer_id: z.string().max(100).optional(),
  }),
  responses: { 200: { description: 'Purchase orders.', schema: listOf(purchaseOrderObject) } },
  errors: ['invalid_cursor'],
  async handler(deps, call) {
    const { status, business_date, customer_id } = call.input.query
    const page = await listPurchaseOrderViews(
      deps.database.db,
      ownerOf(call.caller),
      { status, businessDate: business_date, customerId: customer_id },
      readPage(deps, call),
    )
    return { status: 200, body: printPage(deps, call, page, renderPurchaseOrder) }
  },
})

const reading = route({
  ...read,
  operationId: 'getPurchaseOrder',
  method: 'get',
  path: '/v2/purchase-orders/{id}',
  summary: 'Get a purchase order',
  params: byId,
  responses: { 200: { description: 'The purchase order.', schema: purchaseOrderObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, call) {
    const id = requireId('purchaseOrder', call.input.params.id)
    const view = await getPurchaseOrderView(deps.database.db, ownerOf(call.caller), id)
    return { status: 200, body: renderPurchaseOrder(view) }
  },
})

const listingTransactions = route({
  ...read,
  operationId: 'listPurchaseOrderTransactions',
  method: 'get',
  path: '/v2/purchase-orders/{id}/transactions',
  summary: 'List the transactions of a purchase order, the latest first',
  params: byId,
  query: z.strictObject(pageParameters),
  responses: { 200: { description: 'Transactions.', schema: listOf(transactionObject) } },
  errors: ['not_found', 'invalid_cursor'],
  async handler(deps, call) {
    const id = requireId('purchaseOrder', call.input.params.id)
    const owner = ownerOf(call.caller)
    await getPurchaseOrderView(deps.database.db, owner, id)
    const filter = { purchaseOrderId: id }
    const request = readPage(deps, call)
    const page = await listTransactionViews(deps.database.db, owner, filter, request)
    return {
      status: 200,
      body: printPage(deps, call, page, (view) => printTransaction(deps, view)),
    }
  },
})

const closing = route({
  operationId: 'closePurchaseOrder',
  method: 'post',
  path: '/v2/purchase-orders/{id}/close',
  tag: 'Purchase orders',
  summary: 'Close a purchase order before its day ends',
  description:
    'The next order of the day opens the day’s next sequence. The invoice follows when its units ' +
    'are done, at the latest after the settle window. Repeatable: a closed one stays as it is.',
  access: 'purchase_orders:write',
  rateClass: 'write',
  idempotency: 'none',
  params: byId,
  responses: {
    201: { description: 'The purchase order, closed.', schema: purchaseOrderObject },
  },
  errors: ['not_found', 'busy'],
  async handler(deps, call) {
    const id = requireId('purchaseOrder', call.input.params.id)
    const owner = ownerOf(call.caller)
    const key = { accountId: owner.accountId, purchaseOrderId: id }
    const view = await inTransaction(deps.database.db, async (tx) => {
      const before = await getPurchaseOrderView(tx, owner, id)
      if (before.state !== 'open') return before
      await closePurchaseOrder(tx, { ...key, early: true })
      await wakePurchaseOrder(tx, { ...key, reason: 'closed through the API' })
      return getPurchaseOrderView(tx, owner, id)
    })
    deps.orders.outbox.nudge()
    return { status: 201, body: renderPurchaseOrder(view) }
  },
})

export const purchaseOrderRoutes: readonly Route[] = [
  listing,
  reading,
  listingTransactions,
  closing,
]
