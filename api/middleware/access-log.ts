import type { Log } from '../../log.ts'
import type { ApiMiddleware } from '../context.ts'

const REFUSAL_LINES_MAX = 20 // of one second: a flood must not cost a line each

/** Which of the refusals 429 and 503 have a line: the first ones of each second. */
export type RefusalLines = {
  /** Whether the running second has had all its lines. */
  areUsedUp(): boolean
  use(): void
  /** A refusal that gets no line; the next line counts it. */
  leaveOut(): void
  /** How many were left out since it was last asked. */
  takeLeftOut(): number
}

export function createRefusalLines(): RefusalLines {
  let second = 0
  let used = 0
  let leftOut = 0
  return {
    areUsedUp() {
      const now = Math.floor(performance.now() / 1_000)
      if (now !== second) used = 0
      second = now
      return used >= REFUSAL_LINES_MAX
    },
    use() {
      used += 1
    },
    leaveOut() {
      leftOut += 1
    },
    takeLeftOut() {
      const taken = leftOut
      leftOut = 0
      return taken
    },
  }
}

/** One line per request: ids, status and time, never a body, a query or a header. */
export function accessLog(log: Log, refusalLines: RefusalLines): ApiMiddleware {
  // The net for secrets costs ten times the line, and nothing that comes from outside is in it.
  const lines = log.child({}, { redact: [] })
  return async (ctx, next) => {
    const startedAt = performance.now()
    await next()
    const { status } = ctx.res
    if (status === 429 || status === 503) {
      if (refusalLines.areUsedUp()) return refusalLines.leaveOut()
      refusalLines.use()
    }
    const caller = ctx.get('caller')
    const leftOut = refusalLines.takeLeftOut()
    lines.info(
      {
        request_id: ctx.get('requestId'),
        method: ctx.req.method,
        route: ctx.get('routePath') ?? null,
        status,
        duration_ms: Math.round(performance.now() - startedAt),
        key_id: caller?.keyId ?? null,
        account_id: caller?.accountId ?? null,
        address: ctx.get('address'),
        ...(leftOut === 0 ? {} : { refusals_without_line: leftOut }),
      },
      'request',
    )
  }
}
