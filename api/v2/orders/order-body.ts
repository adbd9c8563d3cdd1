import { hash } from 'node:crypto'
import { z } from '@hono/zod-openapi'
import type { OrderRequest } from '../../../db/order-acceptance.ts'
import { canonicalJson } from '../../../domain/canonical-json.ts'
import { DomainError } from '../../../domain/error.ts'
import { capabilitiesOf, payWithinSeconds } from '../../../domain/payment-method.ts'
import { newId } from '../../../new-id.ts'
import { addressField, amountField, currencyField, line, metadataField } from '../../fields.ts'
import type { Caller } from '../../route.ts'
import { readInstrument, requireUsable } from '../payments/payment-fields.ts'

/** An order as a client sends it, and what the acceptance makes of it. */

const LINES_MAX = 1_000 // one statement carries them all; more is split by the client
const UNITS_MAX = 10_000 // of one order, so that one order never holds up the others
const SPLIT_HINT = 'Split it into several orders: they land on the same purchase order of the day.'

const CREDIT = 'credit'

const idText = line(100)

const itemField = z
  .strictObject({
    product_id: idText.optional().openapi({ example: 'prod_0199c0de5a000123456789abcd' }),
    sku: idText.optional().openapi({ description: 'Instead of product_id; may name a variant.' }),
    variant_id: idText.nullish(),
    quantity: z.int().min(1).max(UNITS_MAX),
    price: amountField
      .nullish()
      .openapi({ description: 'Must agree with the catalogue, or needs orders:price_override.' }),
  })
  .refine((item) => (item.product_id === undefined) !== (item.sku === undefined), {
    error: 'Name either product_id or sku',
  })
  .openapi('OrderItem')

/** RFC 3339 with any offset, kept as UTC. Only years that PostgreSQL and people agree on. */
const deadlineField = z.iso
  .datetime({ offset: true })
  .transform((text) => new Date(text))
  .refine(
    (at) => at.getUTCFullYear() >= 2000 && at.getUTCFullYear() <= 9999,
    'Not a usable instant',
  )
  .transform((at) => at.toISOString())
  .openapi({ type: 'string', format: 'date-time', example: '2026-11-23T12:00:00Z' })

export const orderBody = z
  .strictObject({
    customer_id: idText
      .optional()
      .openapi({ description: 'May be left out with a key that is bound to a customer.' }),
    items: z.array(itemField).min(1).openapi({ maxItems: LINES_MAX }),
    client_reference: line(255).nullish().openapi({
      description: 'Your own number, unique for ever per customer; the same content is a replay.',
    }),
    currency: currencyField
      .nullish()
      .openapi({ description: 'Checked against the products; theirs when left out.' }),
    payment_method: line(100)
      .nullish()
      .openapi({
        description:
          '`credit`, also when left out; or a type (`card`, `paypal`, …) or token (`pm_…`) of payments. ' +
          'Then the order waits for its money: a token, or a type that needs none, is tried at once, and ' +
          'anything else is paid by payments with its `order_id`.',
      }),
    allow_backorder: z.boolean().optional().openapi({
      description: 'False: refuse unless every code is in stock now. True when left out.',
    }),
    deadline: deadlineField.nullish().openapi({
      description:
        'What is not delivered by then fails; as the account says when left out (a day, unless changed).',
    }),
    shipping_address: addressField.optional(),
    billing_address: addressField.optional(),
    shipping_method: line(100).nullish(),
    metadata: metadataField.optional(),
  })
  .openapi('OrderCreate')

export type OrderBody = z.output<typeof orderBody>

/**
 * The request for `acceptOrder`. The hash covers the content alone, so the same order through
 * another route, or with its amounts and instants written differently, is the same order.
 *
 * @throws DomainError `not_found` for another customer than the key's, `customer_required`,
 *   `idempotency_key_required`, `payment_method_unavailable`, `payment_method_not_entitled`,
 *   `invalid_amount`, `invalid_fields`
 */
export function toOrderRequest(
  caller: Caller,
  idempotencyKey: string | null,
  body: OrderBody,
): OrderRequest {
  if (caller.requireIdempotencyKey && idempotencyKey === null) {
    throw new DomainError(
      'idempotency_key_required',
      'Orders of this account need an Idempotency-Key header.',
      { fields: [{ field: 'Idempotency-Key', message: 'Required' }] },
    )
  }
  assertSize(body)
  const money = payingWith(caller, body.payment_method ?? CREDIT, body.currency ?? null)
  const content = {
    customer_id: customerOf(caller, body.customer_id),
    client_reference: body.client_reference ?? null,
    currency: body.currency ?? null,
    payment_method: money.paying?.token ?? money.payment_method,
    allow_backorder: body.allow_backorder ?? true,
    deadline: body.deadline ?? null,
    shipping_address: body.shipping_address ?? null,
    billing_address: body.billing_address ?? null,
    shipping_method: body.shipping_method ?? null,
    metadata: body.metadata ?? {},
    items: body.items.map((item, index) => ({
      product_id: item.product_id ?? null,
      sku: item.sku ?? null,
      variant_id: item.variant_id ?? null,
      quantity: item.quantity,
      price: item.price === undefined || item.price === null ? null : priceOf(item.price, index),
    })),
  }
  return {
    ...content,
    ...money,
    account_id: caller.accountId,
    customer_scope: caller.customerId ?? '',
    transaction_id: newId('transaction'),
    idempotency_key: idempotencyKey,
    content_hash: hash('sha256', canonicalJson(content), 'hex'),
    price_override: caller.scopes.includes('orders:price_override'),
  }
}

function assertSize({ items }: OrderBody): void {
  const units = items.reduce((sum, item) => sum + item.quantity, 0)
  if (items.length > LINES_MAX) throw tooLarge(`At most ${LINES_MAX} lines, not ${items.length}`)
  if (units > UNITS_MAX) throw tooLarge(`At most ${UNITS_MAX} units, not ${units}`)
}

function tooLarge(message: string): DomainError {
  return new DomainError('invalid_fields', `items: ${message}`, {
    fields: [{ field: 'items', message }],
    hint: SPLIT_HINT,
  })
}

function customerOf(caller: Caller, asked: string | undefined): string {
  if (caller.customerId === null) {
    if (asked !== undefined) return asked
    throw new DomainError('customer_required', 'customer_id: Required with this key', {
      fields: [{ field: 'customer_id', message: 'Required with this key' }],
    })
  }
  if (asked !== undefined && asked !== caller.customerId) {
    throw new DomainError('not_found', 'No such customer.')
  }
  return caller.customerId
}

/** How an order is paid that is not on credit. The name of the card is a part of its content. */
function payingWith(
  caller: Caller,
  named: string,
  currency: string | null,
): Pick<OrderRequest, 'payment_method' | 'paying'> {
  if (named === CREDIT) return { payment_method: CREDIT }
  const { method, token } = readInstrument(caller, { payment_method: named })
  const currencies = capabilitiesOf(method).currencies ?? null
  // Without a currency of its own the order has that of its products: SQL looks again.
  requireUsable(caller, method, { currency: currency ?? currencies?.[0] ?? 'USD', manual: false })
  const paying = { token, within_seconds: payWithinSeconds(method), currencies }
  return { payment_method: method, paying }
}

/** A decimal without trailing zeros, so that 49.9 and "49.90" are the same content. */
function priceOf(price: number | string, index: number): string {
  const match = /^(0|[1-9]\d{0,14})(?:\.(\d{1,8}))?$/.exec(String(price))
  if (match === null) {
    const message = 'Must be a decimal number that is not negative'
    throw new DomainError('invalid_amount', `items.${index}.price: ${message}`, {
      fields: [{ field: `items.${index}.price`, message }],
    })
  }
  const fraction = (match[2] ?? '').replace(/0+$/, '')
  return fraction === '' ? String(match[1]) : `${match[1]}.${fraction}`
}
