import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { EventType } from '../domain/event-type.ts'
import type { ApiClient } from './api-client.ts'
import type { Caused, EventAct, Scene } from './event-act.ts'
import { PAYMENT_ACTS } from './payment-acts.ts'
import { until } from './until.ts'

/**
 * Every event that can happen, with the act that causes it: for `bark trigger`, and for the contract
 * test, which compares what arrives with the event's schema and with what GET answers. Whoever builds
 * what emits another event adds its act here and takes `planned` away in `api/v2/webhooks/event-bodies.ts`.
 */
export const EVENT_ACTS: Readonly<Partial<Record<EventType, EventAct>>> = {
  'order.created': { cause: async ({ api }) => orderAt(await orderOfNobody(api)) },
  'order.updated': {
    async cause({ api }) {
      const transactionId = await orderOfNobody(api, { quantity: 2 })
      const path = `/v2/transactions/${transactionId}`
      const { codes } = await api.get(`${path}/codes`, withUnits)
      await api.post(`${path}/units/cancel`, { unit_ids: [codes[0]?.unit_id] }, z.object({}))
      return orderAt(transactionId)
    },
  },
  'order.cancelled': {
    async cause({ api, cancelRemaining }) {
      const transactionId = await orderOfNobody(api)
      await cancelRemaining(transactionId)
      return orderAt(transactionId)
    },
  },
  'order.refunded': {
    async cause({ api }) {
      const { path } = orderAt(await orderOfNobody(api, { paymentMethod: 'pm_card_visa' }))
      await until(
        'the money',
        () => api.get(path, withPaymentStatus),
        (order) => order.payment_status === 'paid',
      )
      await api.post(`${path}/cancel`, { refund: true }, withId)
      return { path }
    },
  },
  'order.fulfilled': { cause: async (scene) => orderAt(await orderInStock(scene)) },
  'codes.available': {
    cause: async (scene) => ({ path: `/v2/transactions/${await orderInStock(scene)}` }),
  },
  'product.created': { cause: async ({ api }) => createProduct(api) },
  'product.updated': {
    async cause({ api }) {
      const { path } = await createProduct(api)
      await api.patch(path, { name: 'Another name', price: 7 }, withId)
      return { path }
    },
  },
  'product.deleted': {
    async cause({ api }) {
      const { path } = await createProduct(api)
      await api.delete(path)
      return { path }
    },
  },
  'inventory.updated': { cause: async ({ api }) => inventoryAt(await createStocked(api, 1)) },
  'inventory.low': {
    async cause({ api }) {
      const product = await createStocked(api, 2)
      await api.post(`${inventoryAt(product).path}/alerts`, { low_threshold: 2 }, withId)
      await placeOrder(api, product.sku)
      return inventoryAt(product)
    },
  },
  'inventory.out_of_stock': {
    async cause({ api }) {
      const product = await createStocked(api, 1)
      await placeOrder(api, product.sku)
      return inventoryAt(product)
    },
  },
  'codes.expiring': {
    async cause({ api }) {
      const inTwentyDays = new Date(Date.now() + 20 * 86_400_000).toISOString()
      return inventoryAt(await createStocked(api, 1, inTwentyDays))
    },
  },
  'customer.created': { cause: async ({ api }) => createCustomer(api) },
  'customer.updated': {
    async cause({ api }) {
      const { path } = await createCustomer(api)
      await api.patch(path, { company: 'New Ltd', tags: ['vip'] }, withId)
      return { path }
    },
  },
  ...PAYMENT_ACTS,
  'invoice.finalized': { cause: billOrder, later: ['sent_at'] },
  'invoice.paid': {
    async cause(scene) {
      const { invoice } = await payInvoice(scene)
      return invoice
    },
    later: ['sent_at'],
  },
  'invoice.reopened': {
    async cause(scene) {
      const { invoice, payment } = await payInvoice(scene)
      const reversal = { reason: 'Returned by the bank', reversed_on: '2026-11-25' }
      await scene.api.post(`${invoice.path}/payments/${payment}/reversal`, reversal, withId)
      return invoice
    },
    later: ['sent_at'],
  },
  'credit_note.issued': {
    async cause(scene) {
      const invoice = await billOrder(scene)
      const path = `${invoice.path}/credit-notes`
      const { id } = await scene.api.post(path, { reason: 'Refused by the shop' }, withId)
      const note = `/v2/credit-notes/${id}`
      await until(
        'the credit note',
        () => scene.api.get(note, withStatus),
        (seen) => seen.status === 'issued',
      )
      return { path: note }
    },
    later: ['sent_at'],
  },
  'webhook.test': {
    async cause(scene) {
      const { path, tidy } = await createEndpoint(scene, 200)
      const { delivery_id } = await scene.api.post(`${path}/test`, undefined, withDelivery)
      await until(
        'the delivery',
        () => scene.api.get(`${path}/deliveries/${delivery_id}`, withState),
        (delivery) => delivery.state !== 'pending',
      )
      return { path, tidy }
    },
  },
  'webhook.disabled': {
    async cause(scene) {
      const { path, tidy } = await createEndpoint(scene, 410)
      await scene.api.post(`${path}/test`, undefined, z.object({}))
      return { path, tidy }
    },
  },
}

const withId = z.object({ id: z.string() })
const withPurchaseOrder = z.object({ purchase_order: withId })
const withDelivery = z.object({ delivery_id: z.string() })
const withState = z.object({ state: z.string() })
const withStatus = z.object({ status: z.string() })
const withPaymentStatus = z.object({ payment_status: z.string() })
const withUnits = z.object({ codes: z.array(z.object({ unit_id: z.string() })) })
const withTotal = z.object({ total: z.number() })
const withInvoices = z.object({ invoices: z.array(withId) })

/** How an order differs from one unit on credit. */
type Wish = { quantity?: number; paymentMethod?: string }

const orderAt = (transactionId: string): Caused => ({
  path: `/v2/orders/${transactionId.replace('txn_', 'ord_')}`,
})

/** An order that stays open, because nobody sells what is ordered. Answers the transaction's id. */
async function orderOfNobody(api: ApiClient, wish: Wish = {}): Promise<string> {
  const { sku } = await createProduct(api)
  return placeOrder(api, sku, wish)
}

const orderInStock = ({ api, stockedSku }: Scene) => placeOrder(api, stockedSku)

/** The day of one order, closed and billed. */
async function billOrder(scene: Scene): Promise<Caused> {
  const transactionId = await orderInStock(scene)
  const order = await scene.api.get(orderAt(transactionId).path, withPurchaseOrder)
  const purchaseOrder = `/v2/purchase-orders/${order.purchase_order.id}`
  await scene.api.post(`${purchaseOrder}/close`, undefined, withId)
  const { invoices } = await until(
    'the invoice',
    () => scene.api.get(purchaseOrder, withInvoices),
    (seen) => seen.invoices.length > 0,
  )
  return { path: `/v2/invoices/${invoices[0]?.id}` }
}

/** The same, and paid. */
async function payInvoice(scene: Scene): Promise<{ invoice: Caused; payment: string }> {
  const invoice = await billOrder(scene)
  const { total } = await scene.api.get(invoice.path, withTotal)
  const body = { amount: total, reference: 'SEPA 0042', received_on: '2026-11-23' }
  const { id } = await scene.api.post(`${invoice.path}/payments`, body, withId)
  return { invoice, payment: id }
}

/** By a customer of its own, so that nothing else stands on the day's purchase order. */
async function placeOrder(
  api: ApiClient,
  sku: string,
  { quantity = 1, paymentMethod = 'credit' }: Wish = {},
): Promise<string> {
  const { path } = await createCustomer(api)
  const body = {
    customer_id: path.replace('/v2/customers/', ''),
    items: [{ sku, quantity }],
    payment_method: paymentMethod,
  }
  const { id } = await api.post('/v2/transactions', body, withId)
  return id
}

async function createProduct(api: ApiClient): Promise<Caused & { sku: string }> {
  const sku = `TRIGGER-${randomUUID()}`
  const product = { name: 'Gift card', price: 5, sku, fulfillment_type: 'digital_code' }
  const { id } = await api.post('/v2/products', product, withId)
  return { path: `/v2/products/${id}`, sku }
}

/** A product with so many codes in the pool. */
async function createStocked(
  api: ApiClient,
  quantity: number,
  expiresAt: string | null = null,
): Promise<Caused & { sku: string }> {
  const product = await createProduct(api)
  for (let n = 0; n < quantity; n++) {
    const line = { code: `TRIGGER-${randomUUID()}`, expires_at: expiresAt }
    const headers = { 'Content-Type': 'application/jsonl' }
    await api.post(`${product.path}/codes/import`, line, z.object({}), headers)
  }
  return product
}

const inventoryAt = ({ path }: Caused): Caused => ({
  path: path.replace('/products/', '/inventory/'),
})

async function createCustomer(api: ApiClient): Promise<Caused> {
  const { id } = await api.post('/v2/customers', { email: `${randomUUID()}@example.com` }, withId)
  return { path: `/v2/customers/${id}` }
}

/** An endpoint on this machine that answers one status, and that no other event is sent to. */
async function createEndpoint(
  { api, listen }: Scene,
  status: number,
): Promise<{ path: string; tidy: () => Promise<void> }> {
  const endpoint = await listen(status)
  const { id } = await api.post(
    '/v2/webhooks',
    { url: endpoint.url, events: ['webhook.disabled'], description: 'bark trigger' },
    withId,
  )
  const path = `/v2/webhooks/${id}`
  return {
    path,
    async tidy() {
      await endpoint.close()
      await api.delete(path)
    },
  }
}
