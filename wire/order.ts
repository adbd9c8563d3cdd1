import { orderIdOf } from '../domain/id.ts'
import { minorToNumber } from '../domain/money.ts'
import {
  deriveStatus,
  FULFILLMENT_STATUS_TABLE,
  ORDER_STATUS_TABLE,
  PAYMENT_STATUS_TABLE,
} from '../domain/order-status.ts'
import type { TransactionFacts } from '../db/transactions.ts'
import { printInstant } from './instant.ts'
import { renderLine, renderMoney, renderOrdersPurchaseOrder, renderTally } from './transaction.ts'
import type { OrderMoment } from './transaction.ts'

/** The same thing as `renderTransaction`, in the words of the orders API. */
export function renderOrder(
  facts: TransactionFacts,
  moment: OrderMoment,
  workflowUrl: string | null,
) {
  const { progress } = moment
  return {
    object: 'order' as const,
    id: orderIdOf(facts.id),
    transaction_id: facts.id,
    customer_id: facts.customer_id,
    client_reference: facts.client_reference,
    purchase_order_id: facts.purchase_order.id,
    purchase_order: renderOrdersPurchaseOrder(facts, moment),
    status: deriveStatus(ORDER_STATUS_TABLE, progress),
    payment_status: deriveStatus(PAYMENT_STATUS_TABLE, progress),
    fulfillment_status: deriveStatus(FULFILLMENT_STATUS_TABLE, progress),
    ...renderTally(progress),
    items: facts.lines.map((line) => renderLine(line, facts.currency)),
    currency: facts.currency,
    total: minorToNumber(BigInt(facts.total_minor), facts.currency),
    total_minor: facts.total_minor,
    payment_method: facts.payment_method,
    payment: renderMoney(facts, progress),
    shipping_method: facts.shipping_method,
    shipping_address: facts.shipping_address,
    billing_address: facts.billing_address,
    allow_backorder: facts.allow_backorder,
    deadline: printInstant(facts.deadline_at),
    metadata: facts.metadata,
    created_at: printInstant(facts.accepted_at),
    links: {
      self: `/v2/orders/${orderIdOf(facts.id)}`,
      transaction: `/v2/transactions/${facts.id}`,
      codes: `/v2/orders/${orderIdOf(facts.id)}/codes`,
      purchase_order: `/v2/purchase-orders/${facts.purchase_order.id}`,
      workflow: workflowUrl,
    },
  }
}
