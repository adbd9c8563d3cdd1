/**
 * Every kind of event. The first eighteen are those of the published reference; `order.*` and `*`
 * stand for these only. Additive ones came later and are sent only to endpoints that name them, so
 * that an old subscription never meets a type that it does not know. `event_types` in SQL says the
 * same; a test compares.
 */
export const PUBLISHED_EVENT_TYPES = [
  'order.created',
  'order.updated',
  'order.cancelled',
  'order.fulfilled',
  'order.refunded',
  'product.created',
  'product.updated',
  'product.deleted',
  'inventory.low',
  'inventory.out_of_stock',
  'customer.created',
  'customer.updated',
  'payment.succeeded',
  'payment.failed',
  'payment.refunded',
  'shipment.created',
  'shipment.in_transit',
  'shipment.delivered',
] as const

export const ADDITIVE_EVENT_TYPES = [
  'codes.available',
  'codes.expiring',
  'invoice.finalized',
  'invoice.paid',
  'invoice.reopened',
  'credit_note.issued',
  'dispute.opened',
  'dispute.evidence_due',
  'dispute.under_review',
  'dispute.won',
  'dispute.lost',
  'payment.difference_found',
  'ledger.out_of_balance',
  'inventory.updated',
  'webhook.test',
  'webhook.disabled',
] as const

export const EVENT_TYPES = [...PUBLISHED_EVENT_TYPES, ...ADDITIVE_EVENT_TYPES] as const

export type EventType = (typeof EVENT_TYPES)[number]

/**
 * What an endpoint may subscribe to: a type, all published types of a noun, or all of them. Tests are
 * sent to whoever asked for one, and to nobody else.
 */
export const EVENT_SUBSCRIPTIONS: readonly string[] = [
  ...EVENT_TYPES.filter((type) => type !== 'webhook.test'),
  ...new Set(PUBLISHED_EVENT_TYPES.map((type) => `${nounOf(type)}.*`)),
  '*',
]

/** Whether a text is something to subscribe to; anything else would silently never match. */
export function isEventSubscription(text: string): boolean {
  return EVENT_SUBSCRIPTIONS.includes(text)
}

/**
 * Whether somebody subscribed to a type hears of it; `webhook_wants` in SQL says the same. Wildcards
 * stand for the published types only.
 */
export function wantsEvent(subscriptions: readonly string[], type: string): boolean {
  if (subscriptions.includes(type)) return true
  const isPublished = PUBLISHED_EVENT_TYPES.some((each) => each === type)
  return isPublished && [`${nounOf(type)}.*`, '*'].some((each) => subscriptions.includes(each))
}

function nounOf(type: string): string {
  return type.slice(0, type.indexOf('.'))
}
