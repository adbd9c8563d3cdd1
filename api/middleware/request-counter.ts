import type { Database } from '../../db/client.ts'
import { countRequests, type CountedRequest, type RateCount } from '../../db/rate-limits.ts'
import { createGatherer } from '../gather.ts'

/** Counts requests of the keys that come to this process. */
export type RequestCounter = { count(request: CountedRequest): Promise<RateCount> }

/**
 * A key's counter is one row, so its requests would queue for that row, each with a connection in its
 * hand. While one statement of a key is on its way, those that come meanwhile wait here and are
 * counted together by the next one: exact as before, and a lone request waits for nobody.
 */
export function createRequestCounter(
  { pool }: Pick<Database, 'pool'>,
  run: typeof countRequests = countRequests,
): RequestCounter {
  /** The gatherers of names of which a statement is on its way. */
  const counting = new Map<string, RequestCounter['count']>()

  function openLane(name: string, request: CountedRequest): RequestCounter['count'] {
    const count = createGatherer(
      (requests: CountedRequest[]) => run(pool, request, requests.length),
      { take: (waiting) => waiting.length, onIdle: () => counting.delete(name) },
    )
    counting.set(name, count)
    return count
  }

  return {
    count(request) {
      const name = nameOf(request)
      const count = counting.get(name) ?? openLane(name, request)
      return count(request)
    },
  }
}

/** Requests of one name may be counted by one statement: all that it is told is equal. */
function nameOf({ keyId, rateClass, limits }: CountedRequest): string {
  return `${keyId} ${rateClass} ${limits.perSecond} ${limits.perHour} ${limits.perDay}`
}
