import { expect, test } from 'vitest'
import type { TransactionFacts } from '../../db/transactions.ts'
import { isOrderEvent, renderEvent, type EventRow } from '../../wire/event.ts'
import { renderOrder } from '../../wire/order.ts'
import { acceptedMoment, renderTransaction } from '../../wire/transaction.ts'

const facts: TransactionFacts = {
  id: 'txn_01a201b938e2bda92728de34fa',
  account_id: 'acc_1',
  customer_id: 'cust_01a201b938364b2c86e8513466',
  position: 1,
  client_reference: null,
  currency: 'USD',
  total_minor: 14997,
  unit_count: 3,
  payment_method: 'credit',
  allow_backorder: true,
  deadline_at: '2026-11-23T05:27:25.672512+00:00',
  shipping_address: null,
  billing_address: null,
  shipping_method: null,
  metadata: { channel: 'web' },
  accepted_at: '2026-11-22T05:27:25.672512+00:00',
  created_at: '2026-11-22T05:27:25.680001+00:00',
  purchase_order: {
    id: 'po_01a201b938f46807d8df64b90d',
    business_date: '2026-11-22',
    sequence: 1,
    currency: 'USD',
    scheduled_end: '2026-11-23T00:00:00+00:00',
  },
  lines: [
    {
      id: 'line_1',
      product_id: 'prod_1',
      variant_id: null,
      sku: 'S1',
      name: 'Gift card',
      quantity: 3,
      fulfillment_type: 'digital_code',
      unit_price_minor: 4999,
      total_minor: 14997,
    },
  ],
}

const event = (over: Partial<EventRow>): EventRow => ({
  id: 'evt_1',
  type: 'order.created',
  sequence: 1,
  facts: { units: { queued: 3 } },
  occurred_at: new Date('2026-11-22T05:27:25.672Z'),
  ...over,
})

test('order.created carries the order that its acceptance was answered with', () => {
  expect(renderEvent(event({}), facts)).toEqual({
    object: 'event',
    id: 'evt_1',
    type: 'order.created',
    sequence: 1,
    created_at: '2026-11-22T05:27:25.672Z',
    data: { object: renderOrder(facts, acceptedMoment(facts), null) },
  })
})

test('an order event carries the order as it was then', () => {
  const fulfilled = event({
    type: 'order.fulfilled',
    facts: { units: { allocated: 2, failed: 1 }, purchase_order_state: 'settling' },
  })
  expect(renderEvent(fulfilled, facts).data.object).toMatchObject({
    object: 'order',
    id: 'ord_01a201b938e2bda92728de34fa',
    status: 'delivered',
    fulfillment_status: 'fulfilled',
    delivered: 2,
    failed: 1,
    purchase_order: { status: 'settling' },
    links: { workflow: null },
  })
})

test('codes.available carries the transaction, with its counts and no codes', () => {
  const available = event({
    type: 'codes.available',
    facts: { units: { allocated: 1, queued: 2 }, purchase_order_state: 'open' },
  })
  const { object } = renderEvent(available, facts).data
  expect(object).toEqual(
    renderTransaction(
      facts,
      {
        progress: { units: { allocated: 1, queued: 2 }, paidUnits: 0 },
        purchaseOrderStatus: 'open',
      },
      null,
    ),
  )
  expect(object).not.toHaveProperty('codes')
})

test('every other event carries what was kept', () => {
  const kept = { object: { object: 'product', id: 'prod_1' } }
  const created = event({ type: 'product.created', facts: kept })
  expect(isOrderEvent(created)).toBe(false)
  expect(renderEvent(created, null).data).toEqual(kept)
})

test('an order event without the facts of its order is a mistake of the caller', () => {
  expect(isOrderEvent(event({}))).toBe(true)
  expect(() => renderEvent(event({}), null)).toThrow(TypeError)
})
