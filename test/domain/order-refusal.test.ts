import { expect, test } from 'vitest'
import { orderRefused, type OrderRefusal } from '../../domain/order-refusal.ts'

test.for<[OrderRefusal, string]>([
  [
    {
      reason: 'credit_exceeded',
      currency: 'USD',
      limit_minor: 100_000,
      used_minor: 85_003,
      total_minor: 14_998,
    },
    'The order of 149.98 USD exceeds the credit limit: 850.03 of 1000.00 USD are used.',
  ],
  [
    {
      reason: 'credit_exceeded',
      currency: 'JPY',
      limit_minor: 100,
      used_minor: 0,
      total_minor: 101,
    },
    'The order of 101 JPY exceeds the credit limit: 0 of 100 JPY are used.',
  ],
  [
    { reason: 'client_reference_conflict', transaction_id: 'txn_1' },
    'This client_reference belongs to txn_1, which has other content.',
  ],
  [
    { reason: 'mixed_currency', currencies: ['EUR', 'USD'] },
    'One order has one currency; these products are sold in EUR and USD.',
  ],
  [
    {
      reason: 'price_mismatch',
      fields: [{ field: 'items.2.price', message: 'The price is 49.99 USD' }],
    },
    'items.2.price: The price is 49.99 USD',
  ],
])('%j is told as a sentence', ([refusal, message]) => {
  const error = orderRefused(refusal)
  expect(error).toMatchObject({ reason: refusal.reason, message })
  expect(error.detail.fields).toEqual(refusal.fields)
})

test('a key in flight says when to come back', () => {
  expect(orderRefused({ reason: 'idempotency_in_flight' }).detail.retryAfterSeconds).toBe(1)
})
