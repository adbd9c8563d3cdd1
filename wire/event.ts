import type { OrderMoney, OrderProgress, UnitCounts } from '../domain/order-status.ts'
import type { TransactionFacts } from '../db/transactions.ts'
import { printInstant } from './instant.ts'
import { renderOrder } from './order.ts'
import type { PurchaseOrderStatus } from './purchase-order.ts'
import { firstMoney, renderTransaction } from './transaction.ts'

/**
 * What an event keeps of its object. Orders keep what changed, because the rest of them never does;
 * everything else keeps the whole object as the wire printed it.
 */
export type EventFacts = OrderEventFacts | { object: Record<string, unknown> }

export type OrderEventFacts = {
  units: UnitCounts
  /** Absent on credit, and in `order.created`. */
  money?: OrderMoney
  /** Absent in `order.created`: an order is accepted onto an open purchase order. */
  purchase_order_state?: PurchaseOrderStatus
}

/** A row of `events`, as far as it is printed. */
export type EventRow = {
  id: string
  type: string
  sequence: number
  facts: EventFacts
  occurred_at: Date | string
}

/** An event about an order needs the rows that never change, from SQL's `transaction_facts`. */
export function isOrderEvent(event: { facts: EventFacts }): boolean {
  return 'units' in event.facts
}

/**
 * An event as it is sent to endpoints and listed by `GET /v2/events`: the object as it was at that
 * moment, so every attempt and every later read has the same body. `facts` are those of the
 * transaction for events about an order, else null.
 *
 * @throws TypeError when an event about an order comes without its facts: the caller's mistake
 */
export function renderEvent(event: EventRow, facts: TransactionFacts | null) {
  return {
    object: 'event' as const,
    id: event.id,
    type: event.type,
    sequence: event.sequence,
    created_at: printInstant(event.occurred_at),
    data: { object: renderObject(event, facts) },
  }
}

function renderObject({ id, type, facts }: EventRow, transaction: TransactionFacts | null) {
  if ('object' in facts) return facts.object
  if (transaction === null) throw new TypeError(`Event ${id} is about an order: give its facts`)
  const money = facts.money ?? firstMoney(transaction)
  const progress: OrderProgress = { units: facts.units, paidUnits: 0, money }
  const moment = { progress, purchaseOrderStatus: facts.purchase_order_state ?? 'open' }
  return type.startsWith('order.')
    ? renderOrder(transaction, moment, null)
    : renderTransaction(transaction, moment, null)
}
