import { z } from '@hono/zod-openapi'
import {
  CODE_LIST_STATUSES,
  CODE_STATES,
  FULFILLMENT_STATUSES,
  ORDER_STATUSES,
  PAYMENT_STATUSES,
  TRANSACTION_STATUSES,
} from '../../../domain/order-status.ts'
import { PURCHASE_ORDER_STATUSES } from '../../../wire/purchase-order.ts'
import { addressField, instantField, metadataField, momentParameter } from '../../fields.ts'

/** What the order routes are asked by and answer; `wire/` prints exactly this. */

const text = z.string()
const count = z.int().min(0)

/** A decimal in major units, and its twin in minor units. */
export const decimal = z.number().openapi({ example: 49.99 })
export const minor = z.int().openapi({ example: 4999 })
export const businessDate = z.iso.date().openapi({ example: '2026-11-22' })

const tally = {
  final: z.boolean().openapi({ description: 'True: none of the counts changes any more.' }),
  requested: count.openapi({ description: 'delivered + remaining + failed + cancelled' }),
  delivered: count,
  remaining: count,
  failed: count,
  cancelled: count,
}

const ordersPurchaseOrder = z
  .strictObject({
    id: text,
    number: text.openapi({ example: 'PO-2026-11-22-USD-1-9f3a2c' }),
    business_date: businessDate,
    sequence: z.int().min(1),
    status: z.enum(PURCHASE_ORDER_STATUSES),
    closes_at: instantField,
  })
  .openapi('OrdersPurchaseOrder')

const orderLine = z
  .strictObject({
    id: text,
    product_id: text,
    variant_id: text.nullable(),
    sku: text,
    name: text,
    quantity: z.int().min(1),
    price: decimal,
    price_minor: minor,
    total: decimal,
    total_minor: minor,
  })
  .openapi('OrderLine')

const orderPayment = z
  .strictObject({
    due: decimal.nullable().openapi({
      description: 'What the order costs with its tax; null for the moment until that is decided.',
    }),
    due_minor: minor.nullable(),
    captured: decimal,
    captured_minor: minor,
    refunded: decimal,
    refunded_minor: minor,
    pay_by: instantField.openapi({ description: 'What is not paid by then is cancelled.' }),
    intents: z.array(text).openapi({ description: 'Its payments, the first first.' }),
  })
  .nullable()
  .openapi('OrderPayment', { description: 'Null on credit.' })

const shared = {
  customer_id: text,
  client_reference: text.nullable(),
  purchase_order: ordersPurchaseOrder,
  ...tally,
  items: z.array(orderLine),
  currency: text,
  total: decimal,
  total_minor: minor,
  payment_method: text,
  payment: orderPayment,
  allow_backorder: z.boolean(),
  deadline: instantField,
  metadata: metadataField,
  created_at: instantField,
}

const workflowLink = text
  .nullable()
  .openapi({ description: 'The workflow in the operators’ web UI; null in events.' })

export const transactionObject = z
  .strictObject({
    object: z.literal('transaction'),
    id: text.openapi({ example: 'txn_0199c0de5a000123456789abcd' }),
    order_id: text,
    status: z.enum(TRANSACTION_STATUSES),
    ...shared,
    links: z.strictObject({
      self: text,
      order: text,
      codes: text,
      purchase_order: text,
      workflow: workflowLink,
    }),
  })
  .openapi('Transaction')

export const orderObject = z
  .strictObject({
    object: z.literal('order'),
    id: text.openapi({ example: 'ord_0199c0de5a000123456789abcd' }),
    transaction_id: text,
    purchase_order_id: text,
    status: z.enum(ORDER_STATUSES),
    payment_status: z.enum(PAYMENT_STATUSES),
    fulfillment_status: z.enum(FULFILLMENT_STATUSES),
    ...shared,
    shipping_method: text.nullable(),
    shipping_address: z.union([addressField, z.null()]),
    billing_address: z.union([addressField, z.null()]),
    links: z.strictObject({
      self: text,
      transaction: text,
      codes: text,
      purchase_order: text,
      workflow: workflowLink,
    }),
  })
  .openapi('Order')

const unitCode = z
  .strictObject({
    unit_id: text,
    position: z.int().min(1).openapi({ description: 'Stable: the same unit has it every time.' }),
    product_id: text,
    variant_id: text.nullable(),
    sku: text,
    replaces: text.nullable().openapi({
      description: 'The unit whose claimed code this one replaces; such units do not count.',
    }),
    state: z.enum(CODE_STATES),
    reason: text.nullable().openapi({ description: 'Why it is not available.' }),
    type: z.enum(['code', 'code_pin', 'url']).nullable(),
    code: text.nullable(),
    pin: text.nullable(),
    serial: text.nullable(),
    url: text.nullable(),
    expires_at: instantField.nullable(),
    activation_at: instantField.nullable().openapi({ description: 'Not redeemable before.' }),
    face_value: text.nullable().openapi({ example: '25.00 EUR' }),
    redeem_instructions: text.nullable(),
  })
  .openapi('UnitCode')

export const codeListObject = z
  .strictObject({
    object: z.literal('code_list'),
    transaction_id: text,
    order_id: text,
    status: z.enum(CODE_LIST_STATUSES),
    ...tally,
    codes: z.array(unitCode),
  })
  .openapi('CodeList')

/** The filters that both lists of orders know. */
export const orderFilters = {
  customer_id: text.max(100).optional(),
  client_reference: text.min(1).max(255).optional(),
  date_from: momentParameter.optional().openapi({
    description: 'Accepted at or after it. A date is its start in the account’s zone.',
  }),
  date_to: momentParameter
    .optional()
    .openapi({ description: 'Accepted before it: intervals are half-open.' }),
}
