import { takeHeaders } from './answer-headers.ts'
import { entityTag, isKnownToClient } from './entity-tag.ts'
import type { ApiContext } from './context.ts'
import type { Answer, Headers, Printed, Route } from './route.ts'

/** Prints an answer; a route with `entityTag` gets a strong ETag of the very bytes. */
export function printAnswer(route: Route, answer: Answer): Printed {
  return { ...printBody(route, answer), free: answer.free ?? false }
}

function printBody(route: Route, answer: Answer): Printed {
  const headers = { ...answer.headers }
  if ('bytes' in answer) {
    return {
      status: answer.status,
      headers: { 'Content-Type': answer.contentType, ...headers },
      body: answer.bytes,
    }
  }
  if (!('body' in answer)) return { status: answer.status, headers, body: null }
  const body = JSON.stringify(answer.body)
  const tagged = route.entityTag === true && headers['ETag'] === undefined
  return {
    status: answer.status,
    headers: {
      'Content-Type': 'application/json',
      ...(tagged ? { ETag: entityTag(answer.body, body) } : {}),
      ...headers,
    },
    body,
  }
}

/** Sends it, or 304 when the client of a GET knows this representation already. */
export function send(ctx: ApiContext, printed: Printed): Response {
  const tag = printed.headers['ETag']
  const isGet = ctx.req.method === 'GET' || ctx.req.method === 'HEAD'
  const known = isGet && tag !== undefined && isKnownToClient(ctx.req.header('if-none-match'), tag)
  const caching = { 'Cache-Control': tag === undefined ? 'no-store' : 'private, no-cache' }
  if (known) {
    const { 'Content-Type': _, ...headers } = printed.headers
    return respond(ctx, 304, { ...caching, ...headers }, null)
  }
  return respond(ctx, printed.status, { ...caching, ...printed.headers }, printed.body)
}

function respond(
  ctx: ApiContext,
  status: number,
  headers: Headers,
  body: string | Uint8Array | null,
): Response {
  const bytes = body === null || typeof body === 'string' ? body : new Uint8Array(body)
  return new Response(bytes, { status, headers: { ...takeHeaders(ctx), ...headers } })
}
