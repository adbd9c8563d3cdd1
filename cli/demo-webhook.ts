import type { ApiClient } from './api-client.ts'
import { advanceClock, expect, see, type Story } from './demo-look.ts'
import type { Receiver } from './demo-receiver.ts'
import { deliveryShape, webhookShape, type Delivery } from './demo-shapes.ts'

/** Makes the endpoint; answers its id. */
export async function subscribe(
  { did }: Story,
  api: ApiClient,
  receiver: Receiver,
): Promise<string> {
  const webhook = await api.post(
    '/v2/webhooks',
    { url: receiver.url, events: ['order.fulfilled'], description: 'npm run demo' },
    webhookShape,
  )
  receiver.trust(webhook.secret)
  did(`${receiver.url} hears of order.fulfilled`)
  return webhook.id
}

/**
 * The first event that the receiver heard of is tried again by the published table: at once, after a
 * minute, after five more. The clock is moved; the waiting is real.
 */
export async function deliverAtLast(
  story: Story,
  api: ApiClient,
  webhookId: string,
  receiver: Receiver,
) {
  const seeAttempts = async (count: number) => {
    const eventId = receiver.received[0]?.eventId
    const delivery = await see(
      () => api.list(`/v2/webhooks/${webhookId}/deliveries`, deliveryShape),
      (deliveries) => deliveries.some((each) => isTold(each, eventId, count)),
      `attempt ${count} of the first webhook`,
    ).then((deliveries) => deliveries.find((each) => each.event_id === eventId))
    return delivery?.state
  }
  await see(
    () => Promise.resolve(receiver.received.length),
    (count) => count > 0,
    'the first webhook',
  )
  expect((await seeAttempts(1)) === 'pending', 'a failed first attempt to be tried again')
  story.did('attempt 1 is answered 503')
  await advanceClock(api, 'PT1M')
  expect((await seeAttempts(2)) === 'pending', 'a failed second attempt to be tried again')
  story.did('attempt 2, one minute later, is answered 503')
  await advanceClock(api, 'PT5M')
  expect((await seeAttempts(3)) === 'delivered', 'the third attempt to be delivered')
  const [first] = receiver.received
  const tries = receiver.received.filter(({ eventId }) => eventId === first?.eventId)
  expect(tries.length === 3, `three requests for the event, not ${tries.length}`)
  expect(
    receiver.received.every(({ signed }) => signed),
    'every request to carry a right signature',
  )
  story.did('attempt 3, five minutes later, is taken: the same event id, signed each time')
}

function isTold(delivery: Delivery, eventId: string | undefined, attempts: number): boolean {
  return delivery.event_id === eventId && delivery.attempt_count >= attempts
}
