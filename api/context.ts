import type { HttpBindings } from '@hono/node-server'
import type { Context, MiddlewareHandler } from 'hono'
import type { Caller, Headers } from './route.ts'

/** What the gateway's steps hand to each other. */
export type ApiEnv = {
  /** Absent when a test calls the app without a socket. */
  Bindings: Partial<HttpBindings>
  Variables: {
    requestId: string
    /** The client's network address: the peer's, or what trusted proxies say. */
    address: string
    /** The route's pattern, for the log: it holds no ids. */
    routePath: string | undefined
    caller: Caller | undefined
    /** What the steps add to the answer: see answer-headers.ts. */
    answerHeaders: Headers
  }
}

export type ApiContext = Context<ApiEnv>
export type ApiMiddleware = MiddlewareHandler<ApiEnv>
