import type { Log } from '../../log.ts'
import type { ApiMiddleware } from '../context.ts'

/** One line per request: ids, status and time, never a body, a query or a header. */
export function accessLog(log: Log): ApiMiddleware {
  return async (ctx, next) => {
    const startedAt = performance.now()
    await next()
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
      },
      'request',
    )
  }
}
