import {
  isUndone,
  type AcceptedOrder,
  type OrderOutcome,
  type OrderRequest,
} from '../db/order-acceptance.ts'
import { DomainError } from '../domain/error.ts'
import { createGatherer } from './gather.ts'

/** How orders get to the database: see `acceptOrder` and `acceptOrders`. */
export type AcceptOrders = {
  /** Accepts one order and waits for its locks. */
  one(request: OrderRequest): Promise<AcceptedOrder>
  /** Accepts several at once and waits for nothing. */
  many(requests: readonly OrderRequest[]): Promise<OrderOutcome[]>
}

export type BatchLimits = {
  /** Statements under way; what arrives meanwhile is gathered for the next one. */
  statementsMax: number
  /** Of one statement. */
  ordersMax: number
  unitsMax: number
  /** After so long an order no longer waits for the statements under way. */
  waitMsMax: number
}

const LIMITS: BatchLimits = {
  statementsMax: 2, // they keep two processors busy; a third would only make all of them smaller
  ordersMax: 32, // some twenty milliseconds, and who orders again meanwhile waits for the next one
  unitsMax: 1_000, // for the same reason; more of one order is a statement of its own
  waitMsMax: 100, // statements that hang, each for a reason of its own, hold nobody else up
}

/**
 * Gathers orders into statements: the first goes at once and alone, and what arrives while statements
 * are under way goes together in the next one, because most of what an acceptance costs it costs once
 * per statement. Never two orders of one customer or one key at a time: the caller sees to that.
 * An order that cannot go with others, and one that was handed back or lost its statement, goes alone
 * and waits for its locks.
 */
export function createOrderBatches(
  accept: AcceptOrders,
  limits: BatchLimits = LIMITS,
): (request: OrderRequest) => Promise<AcceptedOrder> {
  const gather = createGatherer<Order, OrderOutcome>(
    (orders) => accept.many(orders.map(({ request }) => request)),
    {
      lanes: limits.statementsMax,
      take: (waiting) => countNext(waiting, limits),
      waitMsMax: limits.waitMsMax,
    },
  )

  return async (request) => {
    const units = request.items.reduce((sum, item) => sum + item.quantity, 0)
    if (!request.allow_backorder || units > limits.unitsMax) return accept.one(request)
    const outcome = await gather({ request, units }).catch(takeUndoneAsLocked)
    if (outcome === 'locked') return accept.one(request)
    if (outcome instanceof DomainError) throw outcome
    return outcome
  }
}

type Order = { request: OrderRequest; units: number }

function countNext(
  waiting: readonly { question: Order }[],
  { ordersMax, unitsMax }: BatchLimits,
): number {
  let units = 0
  let count = 0
  for (const { question } of waiting) {
    units += question.units
    if (count === ordersMax || units > unitsMax) break
    count += 1
  }
  return count
}

/** Either way nothing of the order was written. */
function takeUndoneAsLocked(error: unknown): 'locked' {
  if (isUndone(error)) return 'locked'
  throw error
}
