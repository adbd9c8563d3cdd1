import type { OrderRequest } from '../db/order-acceptance.ts'

/** An order as the routes hand it to the acceptance; the caller says whose it is and of what. */
export function orderRequest(over: Partial<OrderRequest> = {}): OrderRequest {
  return {
    account_id: 'acc_1',
    customer_scope: '',
    customer_id: 'cust_1',
    transaction_id: 'txn_1',
    idempotency_key: null,
    content_hash: '00'.repeat(32),
    client_reference: null,
    currency: null,
    payment_method: 'credit',
    allow_backorder: true,
    deadline: null,
    price_override: false,
    shipping_address: null,
    billing_address: null,
    shipping_method: null,
    metadata: {},
    items: [],
    ...over,
  }
}
