import { z } from '@hono/zod-openapi'
import type { Tx } from '../../../db/client.ts'
import { emitEvent, nextSequence } from '../../../db/events.ts'
import { getInvoiceView } from '../../../db/invoice-views.ts'
import {
  allocateCash,
  insertReceivedPayment,
  listReceivedPayments,
  RECEIVED_METHODS,
} from '../../../db/received-payments.ts'
import { insertReversal } from '../../../db/received-payment-reversals.ts'
import { DomainError } from '../../../domain/error.ts'
import { AMOUNT_MINOR_MAX } from '../../../domain/money.ts'
import { newId } from '../../../new-id.ts'
import { renderReceivedPayment } from '../../../wire/received-payment.ts'
import { refuseBoundKey } from '../../bound-key.ts'
import { amountField, idParameter, instantField, line, requireId, toMinor } from '../../fields.ts'
import { listOf, pageParameters, printPage, readPage } from '../../middleware/pagination.ts'
import { route, type Caller, type Route } from '../../route.ts'
import { invoiceObject, printInvoice } from './invoices.ts'
import { ownerOf } from '../orders/order-calls.ts'
import { businessDate, decimal, minor } from '../orders/order-shapes.ts'

const REFERENCE_LENGTH_MAX = 140 // SEPA's remittance information

const receivedPaymentObject = z
  .strictObject({
    object: z.literal('received_payment'),
    id: z.string().openapi({ example: 'rcp_0199c0de5a000123456789abcd' }),
    invoice_id: z.string(),
    customer_id: z.string(),
    currency: z.string(),
    amount: decimal,
    amount_minor: minor,
    allocated: decimal,
    allocated_minor: minor,
    unallocated: decimal,
    unallocated_minor: minor,
    method: z.string(),
    reference: z.string(),
    received_on: businessDate,
    recorded_at: instantField,
    status: z.enum(['recorded', 'reversed']),
    reversed_on: businessDate.nullable(),
    reversal_reason: z.string().nullable(),
    links: z.strictObject({ invoice: z.string() }),
  })
  .openapi('ReceivedPayment')

const params = z.strictObject({ id: idParameter('id', 'inv_0199c0de5a000123456789abcd') })
const write = {
  method: 'post',
  tag: 'Invoices',
  access: 'invoices:write',
  rateClass: 'write',
  idempotency: 'key24h',
  params,
} as const

const receiving = route({
  ...write,
  operationId: 'createReceivedPayment',
  path: '/v2/invoices/{id}/payments',
  summary: 'Record money that came in for an invoice',
  description:
    'A part, all, or more: what is owed takes it first, the rest becomes unallocated cash of the ' +
    'customer. `reference` is unique per invoice for ever: the same content again is the same payment. ' +
    'The invoice is `paid` when nothing of it is owed any more (event `invoice.paid`).',
  body: z
    .strictObject({
      amount: amountField,
      reference: line(REFERENCE_LENGTH_MAX).openapi({ example: 'SEPA 2026-11-23 0042' }),
      received_on: z.iso.date().openapi({ description: 'The value date.', example: '2026-11-23' }),
      method: z.enum(RECEIVED_METHODS).default('bank_transfer'),
    })
    .openapi('ReceivedPaymentCreate'),
  responses: { 201: { description: 'The payment.', schema: receivedPaymentObject } },
  errors: ['not_found', 'forbidden_scope', 'client_reference_conflict', 'invalid_amount', 'busy'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    const invoiceId = requireId('invoice', call.input.params.id)
    const { body } = call.input
    const { payment, paid } = await insertReceivedPayment(call.tx, {
      accountId,
      invoiceId,
      id: newId('receivedPayment'),
      amountMinor: await readAmount(call.tx, call.caller, invoiceId, body.amount),
      method: body.method,
      reference: body.reference,
      receivedOn: body.received_on,
    })
    if (paid) await tellInvoice(call.tx, accountId, invoiceId, 'invoice.paid')
    deps.orders.outbox.nudge()
    return { status: 201, body: renderReceivedPayment(payment) }
  },
})

const allocating = route({
  ...write,
  operationId: 'allocateCash',
  path: '/v2/invoices/{id}/allocations',
  summary: 'Pay an invoice from the unallocated cash of its customer',
  body: z.strictObject({ amount: amountField }).openapi('CashAllocationCreate'),
  responses: { 201: { description: 'The invoice.', schema: invoiceObject } },
  errors: ['not_found', 'forbidden_scope', 'cash_exceeded', 'invalid_amount', 'busy'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    const invoiceId = requireId('invoice', call.input.params.id)
    const amountMinor = await readAmount(call.tx, call.caller, invoiceId, call.input.body.amount)
    const id = newId('cashAllocation')
    const paid = await allocateCash(call.tx, { accountId, invoiceId, id, amountMinor })
    if (paid) await tellInvoice(call.tx, accountId, invoiceId, 'invoice.paid')
    deps.orders.outbox.nudge()
    const view = await getInvoiceView(call.tx, ownerOf(call.caller), invoiceId)
    return { status: 201, body: printInvoice(view) }
  },
})

const reversing = route({
  ...write,
  operationId: 'reverseReceivedPayment',
  path: '/v2/invoices/{id}/payments/{payment_id}/reversal',
  summary: 'Record that a received payment went back',
  description:
    'A returned debit, a cheque that bounced, a mistake: the whole payment, as a posting of its own. The ' +
    'invoice owes it again (event `invoice.reopened` when it was paid); what was too much comes out of ' +
    'the customer’s unallocated cash, and where that has paid other invoices they owe it again, the ' +
    'last one first. The same reversal again is the same.',
  params: params.extend({
    payment_id: idParameter('payment_id', 'rcp_0199c0de5a000123456789abcd'),
  }),
  body: z
    .strictObject({
      reason: line(500).openapi({ example: 'Returned by the bank: account closed' }),
      reversed_on: z.iso.date().openapi({ description: 'The value date.', example: '2026-11-25' }),
    })
    .openapi('ReceivedPaymentReversal'),
  responses: { 201: { description: 'The payment, reversed.', schema: receivedPaymentObject } },
  errors: ['not_found', 'forbidden_scope', 'already_reversed', 'cash_exceeded', 'busy'],
  async handler(deps, call) {
    refuseBoundKey(call.caller)
    const { accountId } = call.caller
    const invoiceId = requireId('invoice', call.input.params.id)
    const { payment, reopened } = await insertReversal(call.tx, {
      accountId,
      invoiceId,
      id: newId('paymentReversal'),
      receivedPaymentId: requireId('receivedPayment', call.input.params.payment_id),
      reason: call.input.body.reason,
      reversedOn: call.input.body.reversed_on,
    })
    for (const each of reopened) await tellInvoice(call.tx, accountId, each, 'invoice.reopened')
    deps.orders.outbox.nudge()
    return { status: 201, body: renderReceivedPayment(payment) }
  },
})

const listing = route({
  operationId: 'listReceivedPayments',
  method: 'get',
  tag: 'Invoices',
  access: 'invoices:read',
  rateClass: 'read',
  idempotency: 'none',
  path: '/v2/invoices/{id}/payments',
  summary: 'List what came in for an invoice',
  params,
  query: z.strictObject(pageParameters),
  responses: { 200: { description: 'Payments.', schema: listOf(receivedPaymentObject) } },
  errors: ['not_found', 'invalid_cursor'],
  async handler(deps, call) {
    const { db } = deps.database
    const invoiceId = requireId('invoice', call.input.params.id)
    await getInvoiceView(db, ownerOf(call.caller), invoiceId)
    const key = { accountId: call.caller.accountId, invoiceId }
    const page = await listReceivedPayments(db, key, readPage(deps, call))
    return { status: 200, body: printPage(deps, call, page, renderReceivedPayment) }
  },
})

export const receivedPaymentRoutes: readonly Route[] = [receiving, allocating, reversing, listing]

/** Throws `not_found` and `invalid_amount`. */
async function readAmount(
  tx: Tx,
  caller: Caller,
  invoiceId: string,
  amount: string | number,
): Promise<bigint> {
  const { snapshot } = await getInvoiceView(tx, ownerOf(caller), invoiceId)
  const amountMinor = toMinor(amount, snapshot.currency, 'amount', AMOUNT_MINOR_MAX)
  if (amountMinor > 0n) return amountMinor
  throw new DomainError('invalid_amount', 'amount: Must be more than nothing', {
    fields: [{ field: 'amount', message: 'Must be more than nothing' }],
  })
}

/** Tells what became of an invoice, in the transaction that did it and that holds its lock. */
async function tellInvoice(
  tx: Tx,
  accountId: string,
  invoiceId: string,
  type: 'invoice.paid' | 'invoice.reopened',
): Promise<void> {
  const view = await getInvoiceView(tx, { accountId, customerId: null }, invoiceId)
  await emitEvent(tx, {
    accountId,
    type,
    objectId: invoiceId,
    sequence: await nextSequence(tx, accountId, invoiceId),
    customerId: view.snapshot.buyer.customer_id,
    facts: { object: printInvoice(view) },
  })
}
