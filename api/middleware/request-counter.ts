import type { Database } from '../../db/client.ts'
import { countRequests, type CountedRequest, type RateCount } from '../../db/rate-limits.ts'

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
  /** Keys of which a statement is on its way, and who waits for the next one. */
  const lanes = new Map<string, Waiting[]>()

  /** Counts who waits, and then who has come meanwhile, until nobody has. */
  function serve(name: string, lane: Waiting[]): void {
    const batch = lane.splice(0)
    const [first] = batch
    if (first === undefined) {
      lanes.delete(name)
      return
    }
    run(pool, first.request, batch.length)
      .then((counts) => {
        for (const [index, { settle }] of batch.entries()) settle.resolve(takeAt(counts, index))
      })
      .catch((error: unknown) => {
        for (const { settle } of batch) settle.reject(error)
      })
      .finally(() => serve(name, lane))
  }

  return {
    count(request) {
      const waiting = { request, settle: Promise.withResolvers<RateCount>() }
      const name = nameOf(request)
      const lane = lanes.get(name)
      if (lane === undefined) {
        const opened = [waiting]
        lanes.set(name, opened)
        serve(name, opened)
      } else {
        lane.push(waiting)
      }
      return waiting.settle.promise
    },
  }
}

type Waiting = { request: CountedRequest; settle: PromiseWithResolvers<RateCount> }

/** Requests of one name may be counted by one statement: all that it is told is equal. */
function nameOf({ keyId, rateClass, limits }: CountedRequest): string {
  return `${keyId} ${rateClass} ${limits.perSecond} ${limits.perHour} ${limits.perDay}`
}

function takeAt(counts: RateCount[], index: number): RateCount {
  const count = counts[index]
  if (count === undefined) throw new Error('A request was not counted')
  return count
}
