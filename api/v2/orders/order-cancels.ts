import { z } from '@hono/zod-openapi'
import type { Tx } from '../../../db/client.ts'
import { cancelOrder } from '../../../db/order-cancels.ts'
import { getTransactionView, type TransactionView } from '../../../db/transactions.ts'
import { idParameter, line } from '../../fields.ts'
import { route, type Caller, type Route } from '../../route.ts'
import { ownerOf, printOrder, printTransaction, requireTransactionId } from './order-calls.ts'
import { orderObject, transactionObject } from './order-shapes.ts'

const cancelBody = z
  .strictObject({
    reason: line(100).nullish().openapi({ example: 'customer_request' }),
    refund: z
      .boolean()
      .optional()
      .openapi({
        description:
          'True: what was captured for the cancelled units goes back to the payer. False when left out: it ' +
          'stays the customer’s until you refund it. What is held and not captured is let go in any case.',
      }),
    note: line(500).nullish(),
  })
  .openapi('OrderCancel')

const shared = {
  method: 'post',
  tag: 'Orders',
  summary: 'Cancel what is not delivered of an order',
  description:
    'Nothing more is bought; what a supplier may have sold already ends by its answer. Delivered codes stay. ' +
    'Repeatable: the first cancellation counts, and the answer is the order as it is now.',
  access: 'orders:write',
  rateClass: 'write',
  idempotency: 'key24h',
  body: cancelBody,
  errors: ['not_found', 'order_final'],
} as const

const cancellingOrder = route({
  ...shared,
  operationId: 'cancelOrder',
  path: '/v2/orders/{id}/cancel',
  params: z.strictObject({ id: idParameter('id', 'ord_0199c0de5a000123456789abcd') }),
  responses: { 201: { description: 'The order as it is now.', schema: orderObject } },
  async handler(deps, call) {
    return { status: 201, body: printOrder(deps, await cancelled(call)) }
  },
})

const cancellingTransaction = route({
  ...shared,
  operationId: 'cancelTransaction',
  path: '/v2/transactions/{id}/cancel',
  params: z.strictObject({ id: idParameter('id', 'txn_0199c0de5a000123456789abcd') }),
  responses: { 201: { description: 'The transaction as it is now.', schema: transactionObject } },
  async handler(deps, call) {
    return { status: 201, body: printTransaction(deps, await cancelled(call)) }
  },
})

/** Cancels, and reads the order as it is then. */
async function cancelled({
  tx,
  caller,
  input: { params, body },
}: {
  tx: Tx
  caller: Caller
  input: { params: { id: string }; body: z.output<typeof cancelBody> }
}): Promise<TransactionView> {
  const transactionId = requireTransactionId(params.id)
  const owner = ownerOf(caller)
  await getTransactionView(tx, owner, transactionId)
  await cancelOrder(tx, {
    accountId: caller.accountId,
    transactionId,
    reason: body.reason ?? null,
    note: body.note ?? null,
    refunds: body.refund ?? false,
  })
  return getTransactionView(tx, owner, transactionId)
}

export const orderCancelRoutes: readonly Route[] = [cancellingOrder, cancellingTransaction]
