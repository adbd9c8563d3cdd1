import type { AcceptedOrder } from '../../db/order-acceptance.ts'

/** What the database answers to an order. */
export function acceptedOrder(id: string): AcceptedOrder {
  return {
    replayed: false,
    transaction: {
      id,
      account_id: 'acc_1',
      customer_id: 'cust_1',
      position: 1,
      client_reference: null,
      currency: 'USD',
      total_minor: 0,
      unit_count: 1,
      payment_method: 'credit',
      allow_backorder: true,
      deadline_at: '2026-11-23T00:00:00Z',
      shipping_address: null,
      billing_address: null,
      shipping_method: null,
      metadata: {},
      accepted_at: '2026-11-22T00:00:00Z',
      created_at: '2026-11-22T00:00:00Z',
      purchase_order: {
        id: 'po_1',
        business_date: '2026-11-22',
        sequence: 1,
        currency: 'USD',
        scheduled_end: '2026-11-23T00:00:00Z',
      },
      lines: [],
    },
  }
}
