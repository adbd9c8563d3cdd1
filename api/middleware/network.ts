import ipaddr from 'ipaddr.js'
import type { ApiContext } from '../context.ts'

/** The address that the bytes came from; a request without a socket is this process's own. */
export function peerAddress(ctx: ApiContext): string {
  return ctx.env?.incoming?.socket.remoteAddress ?? '127.0.0.1'
}

/** Whether the peer may speak for others, by an address or a CIDR range. */
export function isTrusted(address: string, trustedProxies: readonly string[]): boolean {
  if (!ipaddr.isValid(address)) return false
  const ip = ipaddr.process(address)
  return trustedProxies.some((entry) => {
    const [base = '', bits] = entry.split('/')
    if (!ipaddr.isValid(base)) return false
    const range = ipaddr.process(base)
    if (range.kind() !== ip.kind()) return false
    return ip.match(range, bits === undefined ? range.toByteArray().length * 8 : Number(bits))
  })
}

/**
 * The client's address: the peer's, unless that is a trusted proxy; then the last address of
 * X-Forwarded-For that no trusted proxy wrote. Whatever stands before it the client made up.
 */
export function clientAddress(ctx: ApiContext, trustedProxies: readonly string[]): string {
  const peer = peerAddress(ctx)
  if (trustedProxies.length === 0 || !isTrusted(peer, trustedProxies)) return peer
  const hops = (ctx.req.header('x-forwarded-for') ?? '').split(',').map((hop) => hop.trim())
  const client = hops.findLast((hop) => ipaddr.isValid(hop) && !isTrusted(hop, trustedProxies))
  return client ?? peer
}
