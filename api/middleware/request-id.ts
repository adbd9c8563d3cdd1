import { newId } from '../../new-id.ts'
import type { ApiMiddleware } from '../context.ts'
import { takeHeaders } from '../answer-headers.ts'
import { clientAddress } from './network.ts'

/** Gives the request its id: in the answer's header, in an error's body, in every log line. */
export function requestId(trustedProxies: readonly string[]): ApiMiddleware {
  return async (ctx, next) => {
    const id = newId('request')
    ctx.set('requestId', id)
    ctx.set('address', clientAddress(ctx, trustedProxies))
    ctx.set('answerHeaders', { 'X-Request-Id': id, 'X-Content-Type-Options': 'nosniff' })
    await next()
    // A page writes its answer without them.
    for (const [name, value] of Object.entries(takeHeaders(ctx))) ctx.res.headers.set(name, value)
  }
}
