import { z } from '@hono/zod-openapi'
import type { Tx } from '../../../db/client.ts'
import { requireNoOpenDispute } from '../../../db/disputes.ts'
import { lockOrderOfPayment } from '../../../db/order-money.ts'
import { getRefundOperation } from '../../../db/payment-operations.ts'
import { lockPayment, refundableMinor, type PaymentRow } from '../../../db/payments.ts'
import { creditRefundedUnits, getRefundableLines } from '../../../db/refunded-units.ts'
import { getRefund, insertRefund, listRefunds, type RefundRow } from '../../../db/refunds.ts'
import { DomainError } from '../../../domain/error.ts'
import { OPERATION_ALLOWED, REFUND_STATES } from '../../../domain/payment.ts'
import { renderRefund } from '../../../wire/payment.ts'
import { idParameter, requireId } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Caller, type Route } from '../../route.ts'
import { waitForOutcome } from '../../settled.ts'
import { paymentOwner, requirePaymentId } from './payment-calls.ts'
import { refundBody, refundObject, refuse, refuseCardNumbers } from './payment-fields.ts'

const TAG = 'Refunds'

const settle: NonNullable<Route['settle']> = (deps, call, printed) => {
  const { caller } = call
  if (caller === null) return Promise.resolve(printed)
  const { db } = deps.database
  const { accountId } = caller
  return waitForOutcome(deps, call, printed, {
    isSettled: async (id) => (await getRefundOperation(db, accountId, id)).ended_at !== null,
    print: async (id) => renderRefund(await getRefund(db, paymentOwner(caller), id)),
  })
}

const creating = route({
  operationId: 'refundPayment',
  method: 'post',
  path: '/v2/payments/{id}/refund',
  tag: TAG,
  summary: 'Refund a payment',
  description:
    'In part or as a whole; refunds together never exceed what was captured. It reaches the payer within ' +
    'five to ten business days. With `Prefer: wait=N` (at most 10 s) the answer has the outcome when it is known in time.',
  access: 'payments:write',
  rateClass: 'write',
  idempotency: 'keyForEver',
  settle,
  params: z.strictObject({ id: idParameter('id', 'pay_0199c0de5a000123456789abcd') }),
  body: refundBody,
  responses: {
    201: {
      description: 'The refund, durable and on its way.',
      schema: refundObject,
      headers: { 'Preference-Applied': '`wait=N` when the outcome was waited for.' },
    },
  },
  errors: [
    'not_found',
    'payment_state',
    'payment_disputed',
    'refund_exceeds',
    'card_number_refused',
  ],
  async handler(_deps, { tx, caller, input }) {
    const id = requirePaymentId(input.params.id)
    return { status: 201, body: renderRefund(await createRefund(tx, caller, id, input.body)) }
  },
})

async function createRefund(
  tx: Tx,
  caller: Caller,
  paymentId: string,
  body: z.output<typeof refundBody>,
): Promise<RefundRow> {
  refuseCardNumbers(body)
  await lockOrderOfPayment(tx, { accountId: caller.accountId, paymentId })
  const payment = await lockPayment(tx, paymentOwner(caller), paymentId)
  if (!OPERATION_ALLOWED.refund.includes(payment.state)) {
    throw new DomainError('payment_state', `A payment that is ${payment.state} is not refunded.`)
  }
  await requireNoOpenDispute(tx, payment)
  const lineIds = [...new Set(body.line_ids)]
  const ofLines = lineIds.length === 0 ? null : await leftOfLines(tx, payment, lineIds)
  const left = min(refundableMinor(payment), ofLines)
  const amountMinor = body.amount === undefined ? left : BigInt(body.amount)
  if (amountMinor > left || amountMinor <= 0n) {
    const of = ofLines === left ? 'of these lines' : 'of the capture'
    const message = `At most the ${left} that are left ${of}`
    throw new DomainError('refund_exceeds', `amount: ${message}`, {
      fields: [{ field: 'amount', message }],
    })
  }
  const refund = await insertRefund(tx, payment, {
    amountMinor,
    reason: body.reason ?? null,
    refundApplicationFee: body.refund_application_fee ?? false,
    lineIds,
    metadata: body.metadata ?? {},
  })
  if (payment.transaction_id !== null) {
    await creditRefundedUnits(tx, refund, payment.transaction_id)
  }
  return refund
}

/** What may still be refunded for lines of the order that a payment was for. */
async function leftOfLines(tx: Tx, payment: PaymentRow, lineIds: string[]): Promise<bigint> {
  if (payment.transaction_id === null) throw refuse('line_ids', 'The payment is of no order')
  const key = { accountId: payment.account_id, transactionId: payment.transaction_id }
  const { known, leftMinor } = await getRefundableLines(tx, { ...key, lineIds })
  const stranger = lineIds.find((id) => !known.includes(id))
  if (stranger !== undefined) {
    throw refuse(`line_ids.${lineIds.indexOf(stranger)}`, 'Not a line of the order')
  }
  return leftMinor
}

function min(amount: bigint, bound: bigint | null): bigint {
  return bound !== null && bound < amount ? bound : amount
}

const listing = route({
  operationId: 'listRefunds',
  method: 'get',
  path: '/v2/refunds',
  tag: TAG,
  summary: 'List refunds, the latest first',
  access: 'payments:read',
  rateClass: 'read',
  idempotency: 'none',
  query: z.strictObject({
    ...pageParameters,
    payment_id: z.string().min(1).max(100).optional(),
    status: z.enum(REFUND_STATES).optional(),
  }),
  responses: { 200: { description: 'Refunds.', schema: listOf(refundObject) } },
  errors: ['invalid_cursor', 'not_found'],
  async handler(deps, call) {
    const { payment_id, status } = call.input.query
    const paymentId = payment_id === undefined ? undefined : requirePaymentId(payment_id)
    const owner = paymentOwner(call.caller)
    const filter = { paymentId, state: status }
    const page = await listRefunds(deps.database.db, owner, filter, readPage(deps, call))
    return { status: 200, body: printPage(deps, call, page, renderRefund) }
  },
})

const reading = route({
  operationId: 'getRefund',
  method: 'get',
  path: '/v2/refunds/{id}',
  tag: TAG,
  summary: 'Get a refund',
  access: 'payments:read',
  rateClass: 'read',
  idempotency: 'none',
  params: z.strictObject({ id: idParameter('id', 're_0199c0de5a000123456789abcd') }),
  responses: { 200: { description: 'The refund as it is now.', schema: refundObject } },
  errors: ['not_found'],
  entityTag: true,
  async handler(deps, { caller, input }) {
    const id = requireId('refund', input.params.id)
    const refund = await getRefund(deps.database.db, paymentOwner(caller), id)
    return { status: 200, body: renderRefund(refund) }
  },
})

export const refundRoutes: readonly Route[] = [creating, listing, reading]
