import type { Log } from '../../log.ts'
import type { ApiMiddleware } from '../context.ts'

const REFUSAL_LINES_MAX = 20 // of one second: a flood must not cost a line each

/**
 * One line per request: ids, status and time, never a body, a query or a header. Of the refusals 429
 * and 503 of one second only the first ones have a line, and the next line counts the others.
 */
export function accessLog(log: Log): ApiMiddleware {
  let second = 0
  let refusals = 0
  let unwritten = 0
  const mayWrite = (status: number): boolean => {
    if (status !== 429 && status !== 503) return true
    const now = Math.floor(performance.now() / 1_000)
    if (now !== second) {
      second = now
      refusals = 0
    }
    refusals += 1
    if (refusals <= REFUSAL_LINES_MAX) return true
    unwritten += 1
    return false
  }
  return async (ctx, next) => {
    const startedAt = performance.now()
    await next()
    if (!mayWrite(ctx.res.status)) return
    const caller = ctx.var.caller
    log.info(
      {
        request_id: ctx.var.requestId,
        method: ctx.req.method,
        route: ctx.var.routePath ?? null,
        status: ctx.res.status,
        duration_ms: Math.round(performance.now() - startedAt),
        key_id: caller?.keyId ?? null,
        account_id: caller?.accountId ?? null,
        address: ctx.var.address,
        ...(unwritten === 0 ? {} : { refusals_without_line: unwritten }),
      },
      'request',
    )
    unwritten = 0
  }
}
