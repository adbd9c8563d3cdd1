import {
  isUndone,
  type AcceptedOrder,
  type OrderOutcome,
  type OrderRequest,
} from '../db/order-acceptance.ts'
import { DomainError } from '../domain/error.ts'

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

type Waiting = {
  request: OrderRequest
  units: number
  resolve(order: AcceptedOrder): void
  reject(error: unknown): void
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
  const waiting: Waiting[] = []
  let underWay = 0
  let timer: NodeJS.Timeout | undefined

  function send(): void {
    clearTimeout(timer)
    const batch = takeBatch(waiting, limits)
    timer = waiting.length === 0 ? undefined : setTimeout(send, limits.waitMsMax)
    if (batch.length === 0) return
    underWay += 1
    const next = (): void => {
      underWay -= 1
      if (underWay < limits.statementsMax) send()
    }
    carryOut(accept, batch).then(next, next)
  }

  return (request) => {
    const units = request.items.reduce((sum, item) => sum + item.quantity, 0)
    if (!request.allow_backorder || units > limits.unitsMax) return accept.one(request)
    return new Promise((resolve, reject) => {
      waiting.push({ request, units, resolve, reject })
      if (underWay < limits.statementsMax) send()
      else timer ??= setTimeout(send, limits.waitMsMax)
    })
  }
}

function takeBatch(waiting: Waiting[], { ordersMax, unitsMax }: BatchLimits): Waiting[] {
  let units = 0
  let count = 0
  for (const order of waiting) {
    units += order.units
    if (count === ordersMax || units > unitsMax) break
    count += 1
  }
  return waiting.splice(0, count)
}

/** Ends when the statement has; who goes alone after it is waited for by nobody else. Never rejects. */
async function carryOut(accept: AcceptOrders, batch: readonly Waiting[]): Promise<void> {
  const alone = ({ request, resolve, reject }: Waiting): void => {
    accept.one(request).then(resolve, reject)
  }
  let outcomes: OrderOutcome[]
  try {
    outcomes = await accept.many(batch.map(({ request }) => request))
  } catch (error) {
    for (const order of batch) {
      if (isUndone(error)) alone(order)
      else order.reject(error)
    }
    return
  }
  for (const [place, order] of batch.entries()) {
    const outcome = outcomes[place]
    if (outcome === undefined || outcome === 'locked') alone(order)
    else if (outcome instanceof DomainError) order.reject(outcome)
    else order.resolve(outcome)
  }
}
