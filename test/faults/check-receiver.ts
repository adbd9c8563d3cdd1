import { createHmac } from 'node:crypto'
import { WEBHOOK_ATTEMPTS_MAX } from '../../domain/webhook-schedule.ts'
import type { ReceivedRequest } from '../../sandbox/receiver-log.ts'
import type { Cluster } from './cluster.ts'
import type { Violation } from './invariants.ts'
import { fieldsOf } from './json.ts'
import type { Told } from './merchant.ts'

type Place = Pick<Cluster, 'database' | 'receiverControlUrl'>

/**
 * I18, I20: what arrived at the endpoint against what is recorded: each request is an attempt of a
 * delivery of an event that happened, signed, with the same event id each time; no number is seen
 * more often than once and once more per disturbance; what is `delivered` was answered by a 2xx.
 */
export async function checkReceived(
  place: Place,
  told: Pick<Told, 'accountId' | 'webhookPath' | 'webhookSecret'>,
  disturbances: number,
): Promise<Violation[]> {
  const received = await readReceived(place.receiverControlUrl, told.webhookPath)
  const deliveries = await readDeliveries(place, told.accountId)
  const violations: Violation[] = []
  const report = (invariant: string, what: string, rows: unknown[]) => {
    if (rows.length > 0) violations.push({ invariant, what, rows: rows.slice(0, 5) })
  }
  const known = new Map(deliveries.map((delivery) => [delivery.id, delivery]))
  report(
    'I20',
    'a request that is no delivery of an event that happened',
    received.filter(({ deliveryId, eventId, eventType, bodyId }) => {
      const delivery = known.get(deliveryId)
      return delivery?.event_id !== eventId || delivery.type !== eventType || bodyId !== eventId
    }),
  )
  report(
    'I18',
    'a request without the right signature',
    received.filter(({ signature, body }) => signature !== sign(told.webhookSecret, body)),
  )
  const byDelivery = Map.groupBy(received, ({ deliveryId }) => deliveryId)
  report(
    'I18',
    `more than ${WEBHOOK_ATTEMPTS_MAX} numbers, or a number that was not claimed`,
    received.filter(({ deliveryId, number }) => {
      const claimed = known.get(deliveryId)?.attempt_count ?? 0
      return !(number >= 1 && number <= Math.min(claimed, WEBHOOK_ATTEMPTS_MAX))
    }),
  )
  report(
    'I18',
    `more requests than attempts and ${disturbances} disturbances explain`,
    [...byDelivery].flatMap(([id, requests]) =>
      requests.length > (known.get(id)?.attempt_count ?? 0) + disturbances
        ? [{ id, requests: requests.length }]
        : [],
    ),
  )
  report(
    'I18',
    'delivered, and the endpoint never said so',
    deliveries.filter(
      ({ id, state }) =>
        state === 'delivered' && !byDelivery.get(id)?.some(({ answered }) => answered === 200),
    ),
  )
  return violations
}

async function readDeliveries({ database }: Place, accountId: string) {
  return database.db
    .selectFrom('deliveries')
    .innerJoin('events', 'events.id', 'deliveries.event_id')
    .select([
      'deliveries.id',
      'deliveries.event_id',
      'deliveries.state',
      'deliveries.attempt_count',
      'events.type',
    ])
    .where('deliveries.account_id', '=', accountId)
    .execute()
}

async function readReceived(receiverUrl: string, path: string) {
  const response = await fetch(`${receiverUrl}/requests?path=${path}`)
  const requests = (await response.json()) as ReceivedRequest[] // the receiver's own format
  return requests.map(({ headers, body, answered }) => {
    const event = fieldsOf(JSON.parse(body))
    return {
      deliveryId: headers['x-webhook-delivery'] ?? '',
      eventId: headers['webhook-id'] ?? '',
      number: Number(headers['x-webhook-attempt']),
      signature: headers['x-webhook-signature'],
      eventType: String(event['type']),
      bodyId: String(event['id']),
      answered,
      body,
    }
  })
}

function sign(secret: string, body: string): string {
  return createHmac('sha256', secret).update(body).digest('hex')
}
