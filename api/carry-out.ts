import { DomainError } from '../domain/error.ts'
import type { ApiDeps } from './deps.ts'
import { createRunOnce } from './middleware/idempotency.ts'
import { printAnswer } from './printed.ts'
import type { Caller, Printed, RawCall, Route } from './route.ts'

/** Runs a route for a caller who was admitted, once per `Idempotency-Key` where it takes one. */
export type CarryOut = (route: Route, raw: RawCall) => Promise<Printed>

export function createCarryOut(deps: ApiDeps): CarryOut {
  const runOnce = createRunOnce(deps)
  return async (route, raw) => {
    if (route.idempotency !== 'key24h' && route.idempotency !== 'keyForEver') {
      return printAnswer(route, await route.respond(deps, raw))
    }
    const forEver = route.idempotency === 'keyForEver'
    const call = { ...raw, operationId: route.operationId, forEver }
    const printed = await runOnce(call, async (tx) =>
      printAnswer(route, await route.respond(deps, { ...raw, tx })),
    )
    return route.settle === undefined ? printed : route.settle(deps, call, printed)
  }
}

/** @throws DomainError `forbidden_scope` */
export function requireScope(caller: Caller, route: Route): void {
  if (route.access === 'any_key' || route.access === 'public') return
  if (caller.scopes.includes(route.access)) return
  throw new DomainError('forbidden_scope', `This key has not the scope ${route.access}.`)
}
