import { randomUUID } from 'node:crypto'
import type { Hono } from 'hono'
import { html } from 'hono/html'
import { requireScope, type CarryOut } from '../carry-out.ts'
import type { ApiContext, ApiEnv } from '../context.ts'
import type { ApiDeps } from '../deps.ts'
import { PERSON } from '../middleware/gate.ts'
import { readIdempotencyKey } from '../middleware/idempotency.ts'
import type { Caller, Route } from '../route.ts'
import type { Markup } from './layout.ts'
import type { Area } from './session.ts'
import { enter, limitBody, requireSameOrigin, type SignedIn } from './sign-in.ts'

/** What a form asks of the API. A form that is sent twice has one `key`, and is carried out once. */
export type FormRequest = {
  operationId: string
  params: Readonly<Record<string, string>>
  body?: unknown
  key: string | undefined
}

/** Answers the body of the route's answer; throws what the route refuses with. */
export type FormCall = (ctx: ApiContext, caller: Caller, request: FormRequest) => Promise<unknown>

/** Forms do what routes do: the same scopes, rules and refusals, and nothing of their own. */
export function createFormCall(
  deps: ApiDeps,
  carryOut: CarryOut,
  routes: readonly Route[],
): FormCall {
  return async (ctx, caller, { operationId, params, body, key }) => {
    const route = routes.find((each) => each.operationId === operationId)
    if (route === undefined) throw new Error(`No route is called ${operationId}`)
    requireScope(caller, route)
    const printed = await carryOut(route, {
      requestId: ctx.get('requestId'),
      address: ctx.get('address'),
      caller,
      params,
      query: {},
      body,
      file: null,
      tx: null,
      idempotencyKey: route.idempotency === 'none' ? null : readIdempotencyKey(key),
      header: () => undefined,
    })
    deps.orders.outbox.nudge()
    const answer: unknown = typeof printed.body === 'string' ? JSON.parse(printed.body) : null
    return answer
  }
}

const FORM_BYTES_MAX = 32 * 1024 // a number for each of a thousand lines of an invoice

/** A form of an area at a path: from our own pages only, by somebody who is signed in. */
export function mountForm(
  app: Hono<ApiEnv>,
  deps: ApiDeps,
  { area, pattern }: { area: Area; pattern: string },
  act: (ctx: ApiContext, session: SignedIn) => Promise<Response>,
): void {
  app.post(pattern, limitBody(FORM_BYTES_MAX), (ctx) =>
    deps.gate.run(PERSON, async () => {
      requireSameOrigin(deps, ctx)
      const session = await enter(deps, ctx, area, pattern)
      return session instanceof Response ? session : act(ctx, session)
    }),
  )
}

/** The text fields of a form; the body's size was limited before. */
export async function readForm(ctx: ApiContext): Promise<Record<string, string | undefined>> {
  const form = await ctx.req.parseBody()
  return Object.fromEntries(
    Object.entries(form).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : undefined,
    ]),
  )
}

/** The hidden field that makes a form safe to send twice. */
export function renderFormKey(): Markup {
  return html`<input type="hidden" name="key" value="${randomUUID()}" />`
}
