import { z } from '@hono/zod-openapi'
import type { EventType } from '../../../domain/event-type.ts'
import { instantField } from '../../fields.ts'
import { creditNoteObject } from '../billing/credit-notes.ts'
import { customerObject } from '../store/customer-fields.ts'
import { disputeObject } from '../payments/dispute-fields.ts'
import { shipmentPlan } from './event-plans.ts'
import { inventoryObject } from '../codes/inventory.ts'
import { invoiceObject } from '../billing/invoices.ts'
import { ledgerReportObject } from '../billing/ledger-reconciliations.ts'
import { orderObject, transactionObject } from '../orders/order-shapes.ts'
import { paymentObject } from '../payments/payment-fields.ts'
import { differenceObject } from '../payments/payment-reconciliations.ts'
import { productObject } from '../store/product-fields.ts'
import { webhookObject } from './webhook-fields.ts'

/** What a type of event tells, and of which object; `planned` while nothing emits it yet. */
type Told = { summary: string; object: z.ZodType; planned?: true }

/**
 * Every type of event with its object: the schema that a GET of the object answers by. Whoever builds
 * what emits a planned one takes `planned` away here and adds its act to `cli/event-acts.ts`.
 */
export const EVENT_OBJECTS: Readonly<Record<EventType, Told>> = {
  'order.created': { summary: 'An order was accepted.', object: orderObject },
  'order.updated': {
    summary: 'Units of an order failed or were cancelled, and others are still open.',
    object: orderObject,
  },
  'order.cancelled': {
    summary: 'An order ended and nothing of it was delivered.',
    object: orderObject,
  },
  'order.fulfilled': {
    summary: 'Nothing of an order is open any more, and at least one unit was delivered.',
    object: orderObject,
  },
  'order.refunded': {
    summary: 'Everything that was captured for an order went back.',
    object: orderObject,
  },
  'product.created': { summary: 'A product was created.', object: productObject },
  'product.updated': { summary: 'A product was changed.', object: productObject },
  'product.deleted': {
    summary: 'A product was archived; it stays readable.',
    object: productObject,
  },
  'inventory.low': {
    summary: 'The stock of a product fell below its threshold; once until it recovers.',
    object: inventoryObject,
  },
  'inventory.out_of_stock': {
    summary: 'Nothing of a product can be sold any more; once until it recovers.',
    object: inventoryObject,
  },
  'customer.created': { summary: 'A customer was created.', object: customerObject },
  'customer.updated': { summary: 'A customer was changed.', object: customerObject },
  'payment.succeeded': { summary: 'A payment was captured.', object: paymentObject },
  'payment.failed': {
    summary: 'A payment was declined or could not be made.',
    object: paymentObject,
  },
  'payment.refunded': {
    summary: 'A payment was refunded, in part or as a whole.',
    object: paymentObject,
  },
  'shipment.created': { summary: 'A shipment was made.', object: shipmentPlan, planned: true },
  'shipment.in_transit': {
    summary: 'The carrier has a shipment.',
    object: shipmentPlan,
    planned: true,
  },
  'shipment.delivered': {
    summary: 'A shipment reached its address.',
    object: shipmentPlan,
    planned: true,
  },
  'codes.available': {
    summary: 'Codes of a transaction are ready: fetch them. They are never in an event.',
    object: transactionObject,
  },
  'invoice.finalized': { summary: 'An invoice was issued.', object: invoiceObject },
  'invoice.paid': { summary: 'Nothing of an invoice is owed any more.', object: invoiceObject },
  'invoice.reopened': {
    summary: 'A payment went back: an invoice that was paid owes something again.',
    object: invoiceObject,
  },
  'credit_note.issued': { summary: 'A credit note was issued.', object: creditNoteObject },
  'codes.expiring': {
    summary:
      'Codes in the pool expire within 30 days, or within 7; once per day of expiry and window.',
    object: inventoryObject,
  },
  'dispute.opened': {
    summary: "A payer's bank took a payment back until it decides.",
    object: disputeObject,
  },
  'dispute.evidence_due': {
    summary: 'No evidence is taken any more in 72 or 24 hours, and there is none yet.',
    object: disputeObject,
  },
  'dispute.under_review': { summary: 'The bank has the evidence.', object: disputeObject },
  'dispute.won': { summary: 'The bank gave the money back.', object: disputeObject },
  'dispute.lost': { summary: 'The money stays with the payer.', object: disputeObject },
  'payment.difference_found': {
    summary: 'Our books and the payment provider do not agree about something.',
    object: differenceObject,
  },
  'ledger.out_of_balance': {
    summary: 'A report of the books found an identity of finance that does not hold.',
    object: ledgerReportObject,
  },
  'inventory.updated': {
    summary: 'The stock of a product changed.',
    object: inventoryObject,
  },
  'webhook.test': { summary: 'You asked for a test.', object: webhookObject },
  'webhook.disabled': {
    summary: 'Bark switched one of your webhooks off.',
    object: webhookObject,
  },
}

/** The schema of a webhook's whole body. */
export function eventBody(type: EventType): z.ZodType {
  const { summary, object, planned } = EVENT_OBJECTS[type]
  return z
    .strictObject({
      object: z.literal('event'),
      id: z.string().openapi({ description: 'The same on every attempt.' }),
      type: z.literal(type),
      sequence: z.int().min(1).openapi({ description: '1, 2, 3 … per object.' }),
      created_at: instantField,
      data: z.strictObject({ object }),
    })
    .openapi(`${schemaName(type)}Event`, {
      description: planned === true ? `${summary} Not emitted yet.` : summary,
    })
}

/** `order.created` → `OrderCreated`. */
function schemaName(type: EventType): string {
  return type
    .split(/[._]/)
    .map((word) => `${word.charAt(0).toUpperCase()}${word.slice(1)}`)
    .join('')
}
