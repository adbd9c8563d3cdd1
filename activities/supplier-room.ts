import { asyncLocalStorage } from '@temporalio/activity'
import { ApplicationFailure } from '@temporalio/common'

/**
 * How many orders of one process may ask suppliers at the same time. A supplier that says nothing
 * holds each of its callers for ten seconds: without a bound they would take all places of the queue
 * `bark-outside` away from webhooks and from everybody else's suppliers.
 */
export type SupplierRoom = {
  /**
   * Takes a place; call what it answers to leave.
   *
   * @throws ApplicationFailure when there is none, to be tried again after a growing delay. It costs
   *   no history and nothing was claimed or bought.
   */
  enter(accountId: string): () => void
}

const CALLERS_MAX = 30 // half of the places for everything outside (worker.ts)
const CALLERS_OF_AN_ACCOUNT_MAX = 10
const RETRY_SECONDS_MAX = 30 // how late an order is at most when its supplier is back

export function createSupplierRoom(): SupplierRoom {
  const callers = new Map<string, number>()
  let all = 0
  return {
    enter(accountId) {
      const own = callers.get(accountId) ?? 0
      if (all >= CALLERS_MAX || own >= CALLERS_OF_AN_ACCOUNT_MAX) throw noRoom()
      callers.set(accountId, own + 1)
      all += 1
      return () => {
        const left = (callers.get(accountId) ?? 1) - 1
        if (left === 0) callers.delete(accountId)
        else callers.set(accountId, left)
        all -= 1
      }
    },
  }
}

function noRoom(): ApplicationFailure {
  const attempt = asyncLocalStorage.getStore()?.info.attempt ?? 1
  const seconds = Math.min(RETRY_SECONDS_MAX, 2 ** Math.min(attempt, 10))
  return ApplicationFailure.create({
    message: `Suppliers are being asked for other orders: this one is next in ${seconds} s`,
    type: 'NoRoom',
    nextRetryDelay: `${seconds}s`,
  })
}
