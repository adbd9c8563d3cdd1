import { DomainError } from '../../domain/error.ts'
import type { ApiMiddleware } from '../context.ts'
import type { ApiSettings } from '../parts.ts'
import { isTrusted, peerAddress } from './network.ts'

/**
 * Refuses plain HTTP instead of redirecting it: a redirect would hide that the key was already sent
 * in the clear. TLS ends at a trusted proxy, which says so in X-Forwarded-Proto. Probes come from
 * beside the process and carry no key.
 */
export function requireHttps(settings: ApiSettings['api']): ApiMiddleware {
  return async (ctx, next) => {
    const isForwarded =
      isTrusted(peerAddress(ctx), settings.trustedProxies) &&
      ctx.req.header('x-forwarded-proto')?.toLowerCase() === 'https'
    const isProbe = ctx.req.path === '/healthz' || ctx.req.path === '/readyz'
    if (!isForwarded && !settings.allowPlainHttp && !isProbe) {
      throw new DomainError('plain_http', 'Plain HTTP is refused.')
    }
    await next()
  }
}
