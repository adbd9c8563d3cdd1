import { Hono } from 'hono'
import { returnRequest, type CountedRequest, type RateCount } from '../db/rate-limits.ts'
import { DomainError } from '../domain/error.ts'
import { addHeader } from './answer-headers.ts'
import { createCarryOut, requireScope, type CarryOut } from './carry-out.ts'
import { createLocalKeyProvider } from '../secrets/key-provider.ts'
import { createKeyRing } from '../secrets/key-ring.ts'
import type { ApiContext, ApiEnv } from './context.ts'
import type { ApiDeps } from './deps.ts'
import type { ApiParts } from './parts.ts'
import { docsPages } from './docs.ts'
import { printProblem, printRefusal, toDomainError } from './errors.ts'
import { accessLog, createRefusalLines } from './middleware/access-log.ts'
import { createAuthenticator, type Authenticator } from './middleware/auth.ts'
import { readBody, readFile } from './middleware/body.ts'
import { createGate, type Visitor } from './middleware/gate.ts'
import { readIdempotencyKey } from './middleware/idempotency.ts'
import { announceLimits, limitedRequest, limitRate, uncounted } from './middleware/rate-limit.ts'
import { createRequestCounter, type RequestCounter } from './middleware/request-counter.ts'
import { requestId } from './middleware/request-id.ts'
import { requireHttps } from './middleware/require-https.ts'
import { createSpentKeys, type SpentKeys } from './middleware/spent-keys.ts'
import { createKeyUsage, type KeyUsage } from './key-usage.ts'
import { createOrderServices } from './order-services.ts'
import { dashboardPages } from './pages/dashboard.ts'
import { financePages } from './pages/finance.ts'
import { inboxPages } from './pages/inbox.ts'
import { send } from './printed.ts'
import { pspEventRoutes } from './psp-events.ts'
import type { Caller, RawCall, Route } from './route.ts'
import { ROUTES } from './routes.ts'
import { createTurnAway, type TurnAway } from './turn-away.ts'
import { readQuery, requireReadablePath } from './url.ts'

export type Api = {
  app: Hono<ApiEnv>
  /** Ask it before the app: it answers by itself what the app would only refuse. */
  turnAway: TurnAway
  /** Ends what the API started in this process; the database is the caller's. */
  close(): Promise<void>
}

/**
 * The whole API without a socket. Throws at once when a route's declaration contradicts itself or
 * another route.
 */
export function buildApp(parts: ApiParts, routes: readonly Route[] = ROUTES): Api {
  requireDeclared(routes)
  const { deps, close } = createDeps(parts)
  const keyUsage = createKeyUsage(parts.database, parts.log)
  const carryOut = createCarryOut(deps)
  const authenticator = createAuthenticator(parts.database)
  const spentKeys = createSpentKeys()
  const counter = createRequestCounter(parts.database)
  const refusalLines = createRefusalLines()
  const app = new Hono<ApiEnv>()
  app.onError((error, ctx) => refuse(deps, ctx, error))
  app.notFound((ctx) => refuse(deps, ctx, new DomainError('not_found', 'No such path.')))

  app.use(requestId(deps.config.api.trustedProxies))
  app.use(accessLog(deps.log, refusalLines))
  app.use(requireHttps(deps.config.api))
  app.route('/', docsPages(routes))
  app.route('/', financePages(deps, carryOut, routes))
  app.route('/', dashboardPages(deps, carryOut, routes))
  app.route('/', inboxPages(deps))
  app.route('/', pspEventRoutes(deps))
  mountRoutes(app, { deps, carryOut, keyUsage, authenticator, spentKeys, counter }, routes)
  const { gate } = deps
  return {
    app,
    turnAway: createTurnAway({
      authenticator,
      spentKeys,
      gate,
      refusalLines,
      docsUrl: docsUrl(deps),
    }),
    async close() {
      await close()
      await keyUsage.close()
    },
  }
}

function createDeps(parts: ApiParts): { deps: ApiDeps; close(): Promise<void> } {
  const orders = createOrderServices(parts)
  const provider = createLocalKeyProvider(parts.config.keys.encryption)
  const keyRing = createKeyRing(parts.database.db, provider)
  const gate = createGate(parts.database, parts.config.api.inFlightMax)
  return {
    deps: { ...parts, orders, keyRing, gate },
    async close() {
      gate.close()
      orders.close()
    },
  }
}

/** Literal paths before those with parameters; a known path with another method is 405. */
function mountRoutes(app: Hono<ApiEnv>, gateway: Gateway, routes: readonly Route[]): void {
  const handle = createHandler(gateway)
  const methods = Map.groupBy(routes, (route) => route.path)
  const parameters = (path: string) => path.split('{').length
  for (const [path, group] of [...methods].toSorted(([a], [b]) => parameters(a) - parameters(b))) {
    const pattern = path.replaceAll(/\{(\w+)\}/g, ':$1')
    for (const route of group) {
      app.on(route.method, pattern, (ctx) => handle(ctx, route))
    }
    const allowed = group.map((route) => route.method.toUpperCase()).join(', ')
    app.all(pattern, (ctx) => {
      addHeader(ctx, 'Allow', allowed)
      const message = `${ctx.req.method.slice(0, 16)} is not a method of this path.`
      return refuse(gateway.deps, ctx, new DomainError('method_not_allowed', message))
    })
  }
}

/** What the handler of every route shares. */
type Gateway = {
  deps: ApiDeps
  carryOut: CarryOut
  keyUsage: KeyUsage
  authenticator: Authenticator
  spentKeys: SpentKeys
  counter: RequestCounter
}

type Admission = { caller: Caller; counted: RateCount }

/** What every request passes, in this order: the cheap refusals first. */
function createHandler({
  deps,
  carryOut,
  keyUsage,
  authenticator,
  spentKeys,
  counter,
}: Gateway): (ctx: ApiContext, route: Route) => Promise<Response> {
  const { database, gate } = deps

  async function admit(ctx: ApiContext, route: Route): Promise<Admission | null> {
    if (route.access === 'public') return null
    const known = await authenticator.authenticate(ctx.req.header('authorization'))
    const { caller } = known
    ctx.set('caller', caller)
    keyUsage.note(caller.keyId, ctx.get('address'))
    const { rateClass } = route
    const request = limitedRequest(known, rateClass)
    const counted = await limitRate(ctx, rateClass, () =>
      count(route, request).catch((error: unknown) => {
        announceLimits(ctx, rateClass, uncounted(request))
        throw error
      }),
    )
    requireScope(caller, route)
    return { caller, counted }
  }

  /** The limit comes before the gate where it costs nothing, and behind it where it costs SQL. */
  async function count(route: Route, request: CountedRequest): Promise<RateCount> {
    const spent = spentKeys.find(request)
    if (spent !== null) return spent
    const visitor = visitorOf(route, request.accountId)
    const askedAtMs = performance.now()
    const counted = await gate.run(visitor, () => counter.count(request))
    spentKeys.note(request, counted, askedAtMs)
    return counted
  }

  /** Gives the request back to the plan's windows, and says so in the headers. */
  async function forgive(
    ctx: ApiContext,
    { rateClass }: Route,
    { caller, counted }: Admission,
  ): Promise<void> {
    const left = await returnRequest(database.pool, caller.accountId, counted)
    announceLimits(ctx, rateClass, left)
  }

  return async (ctx, route) => {
    ctx.set('routePath', route.path)
    const admission = await admit(ctx, route)
    const caller = admission?.caller ?? null
    const raw = await readCall(ctx, route, caller)
    // What nobody has to sign in for costs little, and a probe must hear that the process lives.
    const printed =
      caller === null
        ? await carryOut(route, raw)
        : await gate.run(visitorOf(route, caller.accountId), () => carryOut(route, raw))
    // A write may have committed an event with its deliveries: the dispatcher need not wait for it.
    if (route.rateClass === 'write') deps.orders.outbox.nudge()
    if (printed.free === true && admission !== null) await forgive(ctx, route, admission)
    return send(ctx, printed)
  }
}

function visitorOf(route: Route, accountId: string): Visitor {
  return { accountId, reserved: route.reserved === true }
}

async function readCall(ctx: ApiContext, route: Route, caller: Caller | null): Promise<RawCall> {
  requireReadablePath(ctx.req.url)
  const takesBody = route.method !== 'get' && route.method !== 'delete'
  return {
    requestId: ctx.get('requestId'),
    address: ctx.get('address'),
    caller,
    params: ctx.req.param(),
    query: readQuery(ctx.req.url),
    body:
      takesBody && route.file === undefined ? await readBody(ctx, route.bodyBytesMax) : undefined,
    file: route.file === undefined ? null : await readFile(ctx, route.file),
    tx: null,
    idempotencyKey:
      route.idempotency === 'none' ? null : readIdempotencyKey(ctx.req.header('idempotency-key')),
    header: (name) => ctx.req.header(name),
  }
}

/** Every refusal in one shape; what nobody expected is logged with the request's id. */
function refuse(deps: ApiDeps, ctx: ApiContext, error: unknown): Response {
  const refusal = toDomainError(error)
  if (refusal !== error) {
    const level = refusal.reason === 'unexpected' ? 'error' : 'warn'
    deps.log[level]({ request_id: ctx.get('requestId'), error }, refusal.reason)
  }
  const printed = printRefusal(refusal, ctx.get('requestId'), docsUrl(deps))
  const asProblem = ctx.req.header('accept')?.includes('application/problem+json') === true
  return send(ctx, {
    status: printed.status,
    headers: {
      ...printed.headers,
      'Content-Type': asProblem ? 'application/problem+json' : 'application/json',
    },
    body: JSON.stringify(asProblem ? printProblem(printed) : printed.body),
  })
}

/** Where clients read what each error means. */
function docsUrl({ config }: ApiDeps): string {
  return `${config.api.publicUrl ?? ''}/docs/errors`
}

/** A route that is not what it says is a programmer's mistake: the process does not start. */
function requireDeclared(routes: readonly Route[]): void {
  const seen = new Set<string>()
  for (const route of routes) {
    for (const name of [route.operationId, `${route.method} ${route.path}`]) {
      if (seen.has(name)) throw new Error(`Two routes are called ${name}`)
      seen.add(name)
    }
    const declared = [route.access, route.rateClass, route.idempotency, route.summary, route.tag]
    if (declared.some((each) => each === undefined)) {
      throw new Error(`${route.operationId} does not declare scope, rate class and idempotency`)
    }
    if ((route.method === 'get') !== (route.rateClass === 'read')) {
      throw new Error(`${route.operationId}: a GET is rate class read, and nothing else is`)
    }
    if (route.idempotency !== 'none' && route.method !== 'post') {
      throw new Error(`${route.operationId}: only a POST takes an Idempotency-Key`)
    }
  }
}
