import { z } from '@hono/zod-openapi'
import { isPaymentSettled } from '../../../db/payment-operations.ts'
import { getPayment, listPayments } from '../../../db/payments.ts'
import { PAYMENT_STATES } from '../../../domain/payment.ts'
import { renderPayment } from '../../../wire/payment.ts'
import { idParameter, momentParameter, readMoment } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Route } from '../../route.ts'
import { waitForOutcome } from '../../settled.ts'
import { requireTransactionId } from '../orders/order-calls.ts'
import {
  cancelPayment,
  capturePayment,
  confirmPayment,
  createPayment,
  paymentOwner,
  requirePaymentId,
} from './payment-calls.ts'
import { captureBody, confirmBody, paymentBody, paymentObject } from './payment-fields.ts'

const TAG = 'Payments'
const WAIT =
  'With `Prefer: wait=N` (at most 10 s) the answer has the outcome when it is known in time.'
const ofPayment = z.strictObject({ id: idParameter('id', 'pi_0199c0de5a000123456789abcd') })
const HEADERS = { 'Preference-Applied': '`wait=N` when the outcome was waited for.' }
const answer = (description: string) => ({
  201: { description, schema: paymentObject, headers: HEADERS },
})
const METHOD_ERRORS = [
  'card_number_refused',
  'payment_method_not_entitled',
  'payment_method_unavailable',
] as const

/** After the commit: the outcome, when the client wants to wait for it. */
const settle: NonNullable<Route['settle']> = (deps, call, printed) => {
  const { caller } = call
  if (caller === null) return Promise.resolve(printed)
  const { db } = deps.database
  return waitForOutcome(deps, call, printed, {
    isSettled: (id) => isPaymentSettled(db, { accountId: caller.accountId, paymentId: id }),
    print: async (id) => renderPayment(await getPayment(db, paymentOwner(caller), id)),
  })
}

const posting = {
  method: 'post',
  tag: TAG,
  access: 'payments:write',
  rateClass: 'write',
  idempotency: 'keyForEver',
  settle,
} as const

const creating = route({
  ...posting,
  operationId: 'createPaymentIntent',
  path: '/v2/payments/intents',
  summary: 'Create a payment',
  description:
    'Amounts are whole minor units. With a token, or a method that needs none, it is tried at once; with ' +
    `the bare type \`card\` it waits for a confirm. A decline is a result: 201 with \`status: failed\`. ${WAIT}`,
  body: paymentBody,
  responses: answer('The payment, durable and on its way.'),
  errors: ['not_found', 'payment_state', ...METHOD_ERRORS],
  async handler(_deps, { tx, caller, input }) {
    return { status: 201, body: renderPayment(await createPayment(tx, caller, input.body)) }
  },
})

const confirming = route({
  ...posting,
  operationId: 'confirmPaymentIntent',
  path: '/v2/payments/intents/{id}/confirm',
  summary: 'Try a payment',
  description: `Also again with another method after a decline. ${WAIT}`,
  params: ofPayment,
  body: confirmBody,
  responses: answer('The payment, on its way.'),
  errors: ['not_found', 'payment_state', ...METHOD_ERRORS],
  async handler(_deps, { tx, caller, input }) {
    const id = requirePaymentId(input.params.id)
    return { status: 201, body: renderPayment(await confirmPayment(tx, caller, id, input.body)) }
  },
})

/** The reference has the capture below `/payments`, this product below the intents as well. */
const capturing = (['/v2/payments/{id}/capture', '/v2/payments/intents/{id}/capture'] as const).map(
  (path, index) =>
    route({
      ...posting,
      operationId: index === 0 ? 'capturePayment' : 'capturePaymentIntent',
      path,
      summary: 'Capture a payment',
      description: `Once; a smaller amount releases the rest. ${WAIT}`,
      params: ofPayment,
      body: captureBody,
      responses: answer('The payment; its capture is on its way.'),
      errors: ['not_found', 'payment_state'],
      async handler(_deps, { tx, caller, input }) {
        const id = requirePaymentId(input.params.id)
        const payment = await capturePayment(tx, caller, id, input.body.amount)
        return { status: 201, body: renderPayment(payment) }
      },
    }),
)

const cancelling = (['/v2/payments/{id}/cancel', '/v2/payments/intents/{id}/cancel'] as const).map(
  (path, index) =>
    route({
      ...posting,
      operationId: index === 0 ? 'cancelPayment' : 'cancelPaymentIntent',
      path,
      summary: 'Cancel a payment',
      description: `Lets go of what is held; what is captured is refunded instead. ${WAIT}`,
      params: ofPayment,
      responses: answer('The payment; its cancellation is on its way.'),
      errors: ['not_found', 'payment_state'],
      async handler(_deps, { tx, caller, input }) {
        const id = requirePaymentId(input.params.id)
        return { status: 201, body: renderPayment(await cancelPayment(tx, caller, id)) }
      },
    }),
)

const listing = route({
  operationId: 'listPaymentIntents',
  method: 'get',
  path: '/v2/payments/intents',
  tag: TAG,
  summary: 'List payments, the latest first',
  access: 'payments:read',
  rateClass: 'read',
  idempotency: 'none',
  query: z.strictObject({
    ...pageParameters,
    status: z.enum(PAYMENT_STATES).optional(),
    customer_id: z.string().min(1).max(100).optional(),
    order_id: z.string().min(1).max(100).optional(),
    created_from: momentParameter.optional(),
    created_to: momentParameter.optional(),
  }),
  responses: { 200: { description: 'Payments.', schema: listOf(paymentObject) } },
  errors: ['invalid_cursor', 'not_found'],
  async handler(deps, call) {
    const { query } = call.input
    const filter = {
      state: query.status,
      customerId: query.customer_id,
      transactionId:
        query.order_id === undefined ? undefined : requireTransactionId(query.order_id),
      from: readMoment('created_from', query.created_from),
      before: readMoment('created_to', query.created_to),
    }
    const request = readPage(deps, call)
    const page = await listPayments(deps.database.db, paymentOwner(call.caller), filter, request)
    return { status: 200, body: printPage(deps, call, page, renderPayment) }
  },
})

const reading = (['/v2/payments/{id}', '/v2/payments/intents/{id}'] as const).map((path, index) =>
  route({
    operationId: index === 0 ? 'getPayment' : 'getPaymentIntent',
    method: 'get',
    path,
    tag: TAG,
    summary: 'Get a payment',
    access: 'payments:read',
    rateClass: 'read',
    idempotency: 'none',
    params: ofPayment,
    responses: { 200: { description: 'The payment as it is now.', schema: paymentObject } },
    errors: ['not_found'],
    entityTag: true,
    async handler(deps, { caller, input }) {
      const owner = paymentOwner(caller)
      const id = requirePaymentId(input.params.id)
      return { status: 200, body: renderPayment(await getPayment(deps.database.db, owner, id)) }
    },
  }),
)

export const paymentRoutes: readonly Route[] = [
  creating,
  listing,
  confirming,
  ...capturing,
  ...cancelling,
  ...reading,
]
