import { openApiClient } from './api-client.ts'
import { closeDay, fetchPdf, findMail } from './demo-evening.ts'
import type { Story } from './demo-look.ts'
import {
  arriveLater,
  findStock,
  orderFromStock,
  orderMixed,
  orderPartly,
  welcomeCustomer,
} from './demo-orders.ts'
import { openReceiver } from './demo-receiver.ts'
import { deliverAtLast, subscribe } from './demo-webhook.ts'

/** What remains of the day. */
export type Ending = {
  customer_id: string
  invoice: string
  invoice_id: string
  pdf: string
  /** The second order's workflow in the Temporal web UI. */
  workflow: string | null
}

const WEBHOOK_FAILURES = 2

/** Tells the whole story; throws `BrokenPromise` or `ApiRefusal` at the first thing that is not so. */
export async function tellStory(story: Story): Promise<Ending> {
  const api = openApiClient(story.running.api, story.running.key)
  const receiver = await openReceiver(WEBHOOK_FAILURES)
  let webhookId: string | null = null
  try {
    story.say('Morning: a customer, and a shop that wants to hear of its orders')
    const customerId = await welcomeCustomer(story, api)
    webhookId = await subscribe(story, api, receiver)

    story.say('Orders')
    const stock = await findStock(api)
    const first = await orderFromStock(story, api, customerId, stock)
    const second = await orderPartly(story, api, customerId)
    const third = await orderMixed(story, api, customerId, stock)

    story.say('Ten seconds later')
    await arriveLater(story, api, second)

    story.say('The webhook')
    await deliverAtLast(story, api, webhookId, receiver)

    story.say('Evening: the day is closed')
    const orders = [first, second.order, third]
    const invoice = await closeDay(story, api, orders)
    const pdf = await fetchPdf(story, api, invoice)
    await findMail(story, invoice)
    return {
      customer_id: customerId,
      invoice: invoice.number,
      invoice_id: invoice.id,
      pdf,
      workflow: second.order.links.workflow,
    }
  } finally {
    if (webhookId !== null) await api.delete(`/v2/webhooks/${webhookId}`)
    await receiver.close()
  }
}
