import type { AcceptedOrder, OrderRequest } from '../db/order-acceptance.ts'
import { DomainError } from '../domain/error.ts'

/**
 * Where the orders of one process wait for the database. Per customer one acceptance runs at a time
 * and the others wait here without a connection, because they would only wait for the customer's
 * lock there and take the pool away from everybody else. A duplicate of an order that waits or
 * runs joins it.
 */
export type Acceptance = {
  /**
   * Accepts one order. Throws `busy` without having written anything when too many wait, or it
   * waited too long; else what `acceptOrder` throws.
   */
  accept(request: OrderRequest): Promise<AcceptedOrder>
}

// One acceptance takes a few milliseconds, so a full queue is served within a second; and it is a part
// of what may be in flight (API_IN_FLIGHT_MAX), so that one hot customer leaves room for the others.
const WAITING_PER_CUSTOMER_MAX = 96
const WAITING_MAX = 2_000 // a few KiB each
const WAIT_MS_MAX = 2_000 // like the lock's own time limit: then 503 is the better answer
const RETRY_AFTER_SECONDS = 1

export type AcceptanceLimits = { perCustomerMax: number; max: number; waitMsMax: number }

const LIMITS: AcceptanceLimits = {
  perCustomerMax: WAITING_PER_CUSTOMER_MAX,
  max: WAITING_MAX,
  waitMsMax: WAIT_MS_MAX,
}

/** `run` accepts one order in the database. Tests bring smaller limits. */
export function createAcceptance(
  run: (request: OrderRequest) => Promise<AcceptedOrder>,
  limits: AcceptanceLimits = LIMITS,
): Acceptance {
  const queue = createQueue(limits)
  const inFlight = new Map<string, { hash: string; order: Promise<AcceptedOrder> }>()

  return {
    async accept(request) {
      const customer = JSON.stringify([request.account_id, request.customer_id])
      const admit = () => queue.enter(customer, () => run(request))
      if (request.idempotency_key === null) return admit()

      const key = JSON.stringify([
        request.account_id,
        request.customer_scope,
        request.idempotency_key,
      ])
      for (let ahead = inFlight.get(key); ahead !== undefined; ahead = inFlight.get(key)) {
        if (ahead.hash === request.content_hash) {
          return { ...(await ahead.order), replayed: true }
        }
        // Other content under the same key: whether that is refused depends on how the first ends.
        await ahead.order.catch(() => undefined)
      }
      const order = admit()
      inFlight.set(key, { hash: request.content_hash, order })
      const leave = () => inFlight.delete(key)
      order.then(leave, leave)
      return order
    },
  }
}

type Waiting = { start: () => void; timer: NodeJS.Timeout }

/** Lets one task per lane run at a time, in the order of arrival. */
function createQueue(limits: AcceptanceLimits) {
  // A lane exists while one of its tasks runs.
  const lanes = new Map<string, Waiting[]>()
  let waitingCount = 0

  const waitFor = (lane: Waiting[]): Promise<void> =>
    new Promise((resolve, reject) => {
      const waiting: Waiting = {
        start() {
          clearTimeout(waiting.timer)
          waitingCount -= 1
          resolve()
        },
        timer: setTimeout(() => {
          lane.splice(lane.indexOf(waiting), 1)
          waitingCount -= 1
          reject(busy())
        }, limits.waitMsMax),
      }
      waitingCount += 1
      lane.push(waiting)
    })

  return {
    async enter<T>(name: string, task: () => Promise<T>): Promise<T> {
      const lane = lanes.get(name)
      if (lane === undefined) lanes.set(name, [])
      else if (lane.length >= limits.perCustomerMax || waitingCount >= limits.max) throw busy()
      else await waitFor(lane)
      try {
        return await task()
      } finally {
        const next = lanes.get(name)?.shift()
        if (next === undefined) lanes.delete(name)
        else next.start()
      }
    },
  }
}

function busy(): DomainError {
  return new DomainError('busy', 'Too many orders of this customer are waiting: try again.', {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
}
