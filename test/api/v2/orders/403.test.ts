import { afterAll, beforeAll, expect, test } from 'vitest'
import { SCOPES, type Scope } from '../../../../domain/scope.ts'
import { makeKey } from '../../../factories.ts'
import { openShop, type ErrorBody, type Shop } from './shop.ts'

let shop: Shop
beforeAll(async () => {
  shop = await openShop('orders_403')
})
afterAll(() => shop.stop())

const ROUTES: [string, string, Scope][] = [
  ['POST', '/v2/orders', 'orders:write'],
  ['POST', '/v2/transactions', 'orders:write'],
  ['POST', '/v2/orders/ord_1/cancel', 'orders:write'],
  ['POST', '/v2/transactions/txn_1/cancel', 'orders:write'],
  ['GET', '/v2/orders', 'orders:read'],
  ['GET', '/v2/orders/ord_1', 'orders:read'],
  ['GET', '/v2/transactions', 'orders:read'],
  ['GET', '/v2/transactions/txn_1', 'orders:read'],
  ['GET', '/v2/orders/ord_1/codes', 'codes:read'],
  ['GET', '/v2/transactions/txn_1/codes', 'codes:read'],
  ['GET', '/v2/purchase-orders', 'purchase_orders:read'],
  ['GET', '/v2/purchase-orders/po_1', 'purchase_orders:read'],
  ['GET', '/v2/purchase-orders/po_1/transactions', 'purchase_orders:read'],
  ['POST', '/v2/purchase-orders/po_1/close', 'purchase_orders:write'],
  ['GET', '/v2/invoices', 'invoices:read'],
  ['GET', '/v2/invoices/inv_1', 'invoices:read'],
  ['GET', '/v2/invoices/inv_1/documents/pdf', 'invoices:read'],
  ['GET', '/v2/test_clock', 'test_clock:read'],
  ['POST', '/v2/test_clock', 'test_clock:write'],
]

test.for(ROUTES)('%s %s needs a key, and the scope %s', async ([method, path, scope]) => {
  const body = method === 'POST' ? { body: {} } : {}
  const nobody = await shop.client(null).request<ErrorBody>(method, path, body)
  expect(nobody).toMatchObject({
    status: 401,
    body: { error: { code: 'authentication_error', reason: 'invalid_key' } },
  })
  const scopes = SCOPES.filter((each) => each !== scope)
  const key = await makeKey(shop.database, shop.account, { scopes })
  const answer = await shop.client(key).request<ErrorBody>(method, path, body)
  expect(answer).toMatchObject({
    status: 403,
    body: { error: { code: 'authorization_error', reason: 'forbidden_scope' } },
  })
  expect(answer.body.error.message).toContain(scope)
})

test('crypto is for the Enterprise plan', async () => {
  const body = {
    customer_id: shop.customerId,
    items: [{ sku: shop.product.sku, quantity: 1 }],
    payment_method: 'bitcoin',
  }
  const answer = await shop.owner.request<ErrorBody>('POST', '/v2/orders', { body })
  expect(answer).toMatchObject({
    status: 403,
    body: { error: { reason: 'payment_method_not_entitled' } },
  })
})
