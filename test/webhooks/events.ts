import { randomUUID } from 'node:crypto'
import type { EventType } from '../../domain/event-type.ts'
import type { Receiver } from '../../sandbox/receiver.ts'
import { cancelRemaining, transactionWorkflowId } from '../../workflows/contract.ts'
import { eventually, type Stack } from '../harness.ts'
import type { OpenShop } from '../shop.ts'

/** What an act has to work with: a stack, a shop of its own, and an endpoint that gets every event. */
export type Scene = { stack: Stack; shop: OpenShop; receiver: Receiver }

/**
 * The real act that causes an event. It answers the path whose GET shows the event's object. `later`
 * are the fields of the object that may change between the event and the GET; all others are equal.
 */
export type Act = {
  cause(scene: Scene): Promise<string>
  later?: readonly string[]
}

/**
 * How each event is caused that can happen today. Whoever builds what emits another one adds its act
 * here and takes `planned` away in `api/v2/event-bodies.ts`: a test compares the two.
 */
export const EVENT_ACTS: Readonly<Partial<Record<EventType, Act>>> = {
  'order.created': {
    cause: async ({ shop }) => ordersPath(await orderOfNobody(shop)),
  },
  'order.cancelled': {
    async cause({ stack, shop }) {
      const transactionId = await orderOfNobody(shop)
      const handle = stack.temporal.workflow.getHandle(transactionWorkflowId(transactionId))
      await eventually(
        () =>
          handle.describe().then(
            ({ status }) => status.name,
            () => 'NOT_STARTED',
          ),
        (status) => status === 'RUNNING',
      )
      await handle.executeUpdate(cancelRemaining, { args: [{ note: 'nobody sells it' }] })
      return ordersPath(transactionId)
    },
  },
  'order.fulfilled': { cause: async ({ shop }) => ordersPath(await orderInStock(shop)) },
  'codes.available': {
    cause: async ({ shop }) => `/v2/transactions/${await orderInStock(shop)}`,
  },
  'product.created': { cause: async ({ shop }) => createProduct(shop) },
  'product.updated': {
    async cause({ shop }) {
      const path = await createProduct(shop)
      await shop.client.patch(path, { name: 'Another name', price: 7 })
      return path
    },
  },
  'product.deleted': {
    async cause({ shop }) {
      const path = await createProduct(shop)
      await shop.client.delete(path)
      return path
    },
  },
  'customer.created': { cause: async ({ shop }) => createCustomer(shop) },
  'customer.updated': {
    async cause({ shop }) {
      const path = await createCustomer(shop)
      await shop.client.patch(path, { company: 'New Ltd', tags: ['vip'] })
      return path
    },
  },
  'invoice.finalized': {
    async cause({ shop }) {
      const customerId = (await createCustomer(shop)).replace('/v2/customers/', '')
      const { body: order } = await shop.client.post<{ purchase_order: { id: string } }>(
        '/v2/orders',
        { customer_id: customerId, items: [{ sku: shop.pooled.sku, quantity: 1 }] },
      )
      const purchaseOrder = `/v2/purchase-orders/${order.purchase_order.id}`
      await shop.client.post(`${purchaseOrder}/close`)
      const { body } = await eventually(
        () => shop.client.get<{ invoices: { id: string }[] }>(purchaseOrder),
        (answer) => answer.body.invoices.length > 0,
      )
      return `/v2/invoices/${body.invoices[0]?.id}`
    },
    later: ['sent_at'],
  },
  'webhook.test': {
    async cause(scene) {
      const path = await createWebhook(scene, '/tested')
      await scene.shop.client.post(`${path}/test`)
      return path
    },
  },
  'webhook.disabled': {
    async cause(scene) {
      scene.receiver.script('/gone', { answers: [{ status: 410 }] })
      const path = await createWebhook(scene, '/gone')
      await scene.shop.client.post(`${path}/test`)
      return path
    },
  },
}

const ordersPath = (transactionId: string) => `/v2/orders/${transactionId.replace('txn_', 'ord_')}`

const orderInStock = (shop: OpenShop) => shop.order([{ sku: shop.pooled.sku, quantity: 1 }])

/** An order that stays open, because nobody sells what is ordered. Answers the transaction's id. */
async function orderOfNobody(shop: OpenShop): Promise<string> {
  const { body } = await shop.client.get<{ sku: string }>(await createProduct(shop))
  return shop.order([{ sku: body.sku, quantity: 1 }])
}

async function createProduct({ client }: OpenShop): Promise<string> {
  const { body } = await client.post<{ id: string }>('/v2/products', {
    name: 'Gift card',
    price: 5,
    sku: `EV-${randomUUID()}`,
    fulfillment_type: 'digital_code',
  })
  return `/v2/products/${body.id}`
}

async function createCustomer({ client }: OpenShop): Promise<string> {
  const email = `${randomUUID()}@example.com`
  const { body } = await client.post<{ id: string }>('/v2/customers', { email })
  return `/v2/customers/${body.id}`
}

async function createWebhook({ shop, receiver }: Scene, path: string): Promise<string> {
  const webhook = { url: `${receiver.url}${path}`, events: ['shipment.created'] }
  const { body } = await shop.client.post<{ id: string }>('/v2/webhooks', webhook)
  return `/v2/webhooks/${body.id}`
}
