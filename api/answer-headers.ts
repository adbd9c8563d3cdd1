import type { ApiContext } from './context.ts'
import type { Headers } from './route.ts'

/**
 * Headers that the steps of the gateway add to the answer, whoever writes it. They are plain pairs: the
 * web's `Headers` would copy and sort them once more on their way to the socket.
 */
export function addHeader(ctx: ApiContext, name: string, value: string): void {
  ctx.get('answerHeaders')[name] = value
}

/** Hands them over to who writes the answer, or else to who puts them on a written one. */
export function takeHeaders(ctx: ApiContext): Headers {
  const taken = ctx.get('answerHeaders')
  ctx.set('answerHeaders', {})
  return taken
}
