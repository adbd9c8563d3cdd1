import { orderIdOf } from '../domain/id.ts'
import { minorToNumber } from '../domain/money.ts'
import { deriveStatus, tallyUnits, TRANSACTION_STATUS_TABLE } from '../domain/order-status.ts'
import type { OrderMoney, OrderProgress } from '../domain/order-status.ts'
import { purchaseOrderNumber } from '../domain/purchase-order.ts'
import type { LineFacts, TransactionFacts } from '../db/transactions.ts'
import { printInstant } from './instant.ts'
import type { PurchaseOrderStatus } from './purchase-order.ts'

/** The part of an order that changes, at the moment that is printed. */
export type OrderMoment = {
  progress: OrderProgress
  purchaseOrderStatus: PurchaseOrderStatus
}

/**
 * The moment of acceptance: nothing delivered, the purchase order open. An accepted order is
 * answered with it, and so is every replay, whatever happened since.
 */
export function acceptedMoment(facts: TransactionFacts): OrderMoment {
  return {
    progress: { units: { queued: facts.unit_count }, paidUnits: 0, money: firstMoney(facts) },
    purchaseOrderStatus: 'open',
  }
}

/** The money of an order at its acceptance: nothing is decided or paid. Null on credit. */
export function firstMoney(facts: TransactionFacts): OrderMoney | null {
  if ((facts.pay_by ?? null) === null) return null
  return { due: null, paid: false, captured: 0, refunded: 0, declined: false, payments: [] }
}

/** What is paid of an order that is not on credit, as every view of an order carries it. */
export function renderMoney(facts: TransactionFacts, { money }: OrderProgress) {
  const payBy = facts.pay_by ?? null
  if (money === undefined || money === null || payBy === null) return null
  const major = (minor: number) => minorToNumber(BigInt(minor), facts.currency)
  return {
    due: money.due === null ? null : major(money.due),
    due_minor: money.due,
    captured: major(money.captured),
    captured_minor: money.captured,
    refunded: major(money.refunded),
    refunded_minor: money.refunded,
    pay_by: printInstant(payBy),
    intents: money.payments,
  }
}

/**
 * A transaction as `GET /v2/transactions/{id}` prints it. `workflowUrl` leads operators to the web
 * UI; it is null in events, which go to strangers.
 */
export function renderTransaction(
  facts: TransactionFacts,
  moment: OrderMoment,
  workflowUrl: string | null,
) {
  return {
    object: 'transaction' as const,
    id: facts.id,
    order_id: orderIdOf(facts.id),
    customer_id: facts.customer_id,
    client_reference: facts.client_reference,
    purchase_order: renderOrdersPurchaseOrder(facts, moment),
    status: deriveStatus(TRANSACTION_STATUS_TABLE, moment.progress),
    ...renderTally(moment.progress),
    items: facts.lines.map((line) => renderLine(line, facts.currency)),
    currency: facts.currency,
    total: minorToNumber(BigInt(facts.total_minor), facts.currency),
    total_minor: facts.total_minor,
    payment_method: facts.payment_method,
    payment: renderMoney(facts, moment.progress),
    allow_backorder: facts.allow_backorder,
    deadline: printInstant(facts.deadline_at),
    metadata: facts.metadata,
    created_at: printInstant(facts.accepted_at),
    links: {
      self: `/v2/transactions/${facts.id}`,
      order: `/v2/orders/${orderIdOf(facts.id)}`,
      codes: `/v2/transactions/${facts.id}/codes`,
      purchase_order: `/v2/purchase-orders/${facts.purchase_order.id}`,
      workflow: workflowUrl,
    },
  }
}

/** The counts that every view of an order carries: requested is the sum of the other four. */
export function renderTally(progress: OrderProgress) {
  const tally = tallyUnits(progress.units)
  return {
    final: tally.remaining === 0,
    requested: tally.requested,
    delivered: tally.delivered,
    remaining: tally.remaining,
    failed: tally.failed,
    cancelled: tally.cancelled,
  }
}

/** One line of an order. Prices are those of its acceptance and never change. */
export function renderLine(line: LineFacts, currency: string) {
  return {
    id: line.id,
    product_id: line.product_id,
    variant_id: line.variant_id,
    sku: line.sku,
    name: line.name,
    quantity: line.quantity,
    price: minorToNumber(BigInt(line.unit_price_minor), currency),
    price_minor: line.unit_price_minor,
    total: minorToNumber(BigInt(line.total_minor), currency),
    total_minor: line.total_minor,
  }
}

/** The purchase order that an order was appended to; `closes_at` is its end as announced then. */
export function renderOrdersPurchaseOrder(facts: TransactionFacts, moment: OrderMoment) {
  const { purchase_order } = facts
  return {
    id: purchase_order.id,
    number: purchaseOrderNumber({
      businessDate: purchase_order.business_date,
      currency: facts.currency,
      sequence: purchase_order.sequence,
      customerId: facts.customer_id,
    }),
    business_date: purchase_order.business_date,
    sequence: purchase_order.sequence,
    status: moment.purchaseOrderStatus,
    closes_at: printInstant(purchase_order.scheduled_end),
  }
}
