import { setTimeout as delay } from 'node:timers/promises'
import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { PSP_FAULTS, type PspFault } from '../domain/test-card.ts'
import { deskFor, openAccount, type Shop } from './psp-accounts.ts'
import type { Desk } from './psp-desk.ts'
import { PspFailure, type PspError } from './psp-failure.ts'
import { hashOf, parseForm, plainText, requireKnown, textOf, type Params } from './psp-form.ts'
import { disputePayment } from './psp-disputes.ts'
import { FILE_BYTES_MAX, takeFile } from './psp-files.ts'
import type { Hooks } from './psp-hooks.ts'
import { finishAction } from './psp-intents.ts'
import { authenticationPage } from './psp-page.ts'
import type { PspRoute } from './psp-route.ts'
import { PSP_ROUTES } from './psp-routes.ts'
import type { PspStore } from './psp-store.ts'

type Bindings = { Bindings: HttpBindings }
type PspContext = Context<Bindings>

const BODY_BYTES_MAX = 512 * 1024
const SLOW_MS = 2_000
const KEY_MS_MAX = 24 * 3_600_000 // as at Stripe: after a day a key is forgotten
const PLATFORM = 'acct_platform'

export type Psp = {
  app: Hono<Bindings>
  /** Lets happen what is due by now, on every account's own clock. */
  runDue(): void
}

export type PspParts = {
  store: PspStore
  hooks: Hooks
  /** Where a payer's browser reaches it. */
  url: () => string
  onError: (error: Error) => void
}

/** The HTTP side over a store. */
export function buildPsp({ store, hooks, url, onError }: PspParts): Psp {
  const shop: Shop = { store, hooks, url, inFlight: new Set(), planted: new Map() }
  const app = new Hono<Bindings>()
  app.use('/v1/files', bodyLimit({ maxSize: FILE_BYTES_MAX + BODY_BYTES_MAX }))
  const limit = bodyLimit({ maxSize: BODY_BYTES_MAX })
  app.use((context, next) => (context.req.path === '/v1/files' ? next() : limit(context, next)))
  app.get('/healthz', (context) => context.json({ status: 'ok' }))
  for (const route of PSP_ROUTES) {
    const handle = (context: PspContext) => answer(shop, route, context)
    if (route.method === 'GET') app.get(route.path, handle)
    else app.post(route.path, handle)
  }
  app.post('/v1/files', async (context) => {
    requireKey(context)
    return context.json(await takeFile(shop, accountOf(context), context))
  })
  mountPages(app, shop)
  mountControls(app, shop)
  app.notFound((context) =>
    refuse(
      context,
      404,
      PspFailure.invalid(`Unrecognized request URL (${context.req.method}: ${context.req.path}).`)
        .error,
    ),
  )
  app.onError((error, context) => {
    if (error instanceof PspFailure) return refuse(context, error.status, error.error)
    onError(error)
    return refuse(context, 500, { type: 'api_error', message: 'The sandbox PSP failed.' })
  })
  return {
    app,
    runDue() {
      const waiting = new Set(store.jobs().map((job) => job.account))
      for (const account of waiting) openAccount(shop, account)
      store.flush()
    },
  }
}

async function answer(shop: Shop, route: PspRoute, context: PspContext): Promise<Response> {
  requireKey(context)
  const desk = deskFor(shop, accountOf(context), context.req.header('x-sandbox-time'))
  const url = new URL(context.req.url)
  const text = route.method === 'GET' ? url.search.slice(1) : await context.req.text()
  const params = parseForm(text)
  requireKnown(params, route.known)
  const key = route.method === 'POST' ? context.req.header('idempotency-key') : undefined
  const hash = hashOf(route.method, url.pathname, params)
  if (key !== undefined) {
    const kept = findKept(shop, desk, key, hash)
    if (kept !== null) return kept
  }
  const lane = `${desk.account} ${key ?? ''}`
  if (key !== undefined) shop.inFlight.add(lane)
  try {
    return await carryOut(shop, route, context, { desk, params, key, hash })
  } finally {
    shop.inFlight.delete(lane)
  }
}

type Request = { desk: Desk; params: Params; key: string | undefined; hash: string }

async function carryOut(
  shop: Shop,
  route: PspRoute,
  context: PspContext,
  { desk, params, key, hash }: Request,
): Promise<Response> {
  const id = context.req.param('id') ?? ''
  const fault = takeFault(shop, route, desk, params, id)
  if (fault === 'drop_before') return cut(context)
  if (fault === 'error_before') throw broken()
  if (fault === 'slow') await delay(SLOW_MS)
  const printed = print(() => route.run(desk, params, id))
  const { status, body } = fault === 'error_after' ? failed(broken()) : printed
  if (key !== undefined) {
    const kept = { account: desk.account, key, hash, status, body, atMs: desk.nowMs }
    shop.store.append([{ kept }])
  }
  shop.store.flush()
  return fault === 'drop_after' ? cut(context) : reply(context, status, body)
}

type Answer = { status: number; body: string }

/** What Stripe answers when it refuses after it began is an answer like any other, and kept. */
function print(run: () => object): Answer {
  try {
    return { status: 200, body: JSON.stringify(run()) }
  } catch (error) {
    if (error instanceof PspFailure) return failed(error)
    throw error
  }
}

function failed({ status, error }: PspFailure): Answer {
  return { status, body: JSON.stringify({ error }) }
}

function broken(): PspFailure {
  return new PspFailure(500, { type: 'api_error', message: 'An unknown error occurred.' })
}

function cut(context: PspContext): Response {
  context.env.incoming.socket.destroy()
  return RESPONSE_ALREADY_SENT
}

function findKept(shop: Shop, desk: Desk, key: string, hash: string): Response | null {
  if (shop.inFlight.has(`${desk.account} ${key}`)) {
    throw new PspFailure(409, {
      type: 'idempotency_error',
      code: 'idempotency_key_in_use',
      message: `There is currently another in-progress request using this Idempotency Key: ${key}.`,
    })
  }
  const kept = shop.store.kept(desk.account, key)
  if (kept === undefined || desk.nowMs - kept.atMs > KEY_MS_MAX) return null
  if (kept.hash !== hash) {
    throw new PspFailure(400, {
      type: 'idempotency_error',
      message: `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`,
    })
  }
  return new Response(kept.body, {
    status: kept.status,
    headers: { 'Content-Type': 'application/json', 'Idempotent-Replayed': 'true' },
  })
}

/** Plants of tests first, then what the payment's method is documented to do, once each. */
function takeFault(
  shop: Shop,
  route: PspRoute,
  desk: Desk,
  params: Params,
  id: string,
): PspFault | undefined {
  const planted = shop.planted.get(`${desk.account} ${route.operation ?? ''}`)?.shift()
  if (planted !== undefined) return planted
  const planned = route.fault?.(desk, params, id) ?? null
  if (planned === null || shop.store.hadFault(planned.name)) return undefined
  shop.store.append([{ fault: planned.name }])
  shop.store.flush()
  return planned.fault
}

function mountPages(app: Hono<Bindings>, shop: Shop): void {
  const path = '/authenticate/:account/:id'
  app.get(path, (context) => {
    const intent = openAccount(shop, context.req.param('account')).get(
      'payment_intent',
      context.req.param('id'),
    )
    return context.html(authenticationPage(intent, intent.status !== 'requires_action'))
  })
  app.post(path, async (context) => {
    const form = await context.req.parseBody()
    const desk = openAccount(shop, context.req.param('account'))
    const intent = finishAction(desk, context.req.param('id'), form['answer'] === 'pass')
    shop.store.flush()
    if (intent.return_url === null) return context.html(authenticationPage(intent, true))
    const back = new URL(intent.return_url)
    back.searchParams.set('payment_intent', intent.id)
    return context.redirect(back.href, 303)
  })
}

/** What Stripe has not: faults are planted here, payers dispute, a start names its webhook endpoint. */
function mountControls(app: Hono<Bindings>, shop: Shop): void {
  app.post('/v1/webhook_endpoints', async (context) => {
    requireKey(context)
    const url = parseForm(await context.req.text())['url']
    if (typeof url !== 'string' || !URL.canParse(url)) throw PspFailure.invalid('Not a URL', 'url')
    const id = `we_${Buffer.from(url).toString('base64url').slice(-24)}`
    shop.store.append([{ endpoint: { id, url } }])
    shop.store.flush()
    return context.json({ id, object: 'webhook_endpoint', url, status: 'enabled' })
  })
  app.post('/sandbox/faults', async (context) => {
    const params = parseForm(await context.req.text())
    const { account = PLATFORM, operation = '', fault = '' } = params
    const known = PSP_FAULTS.find((each) => each === fault)
    if (known === undefined) throw PspFailure.invalid(`Faults: ${PSP_FAULTS.join(', ')}`, 'fault')
    const name = `${plainText(account)} ${plainText(operation)}`
    shop.planted.set(name, [...(shop.planted.get(name) ?? []), known])
    return context.json({ planted: known })
  })
  app.post('/sandbox/disputes', async (context) => {
    const params = parseForm(await context.req.text())
    const desk = openAccount(shop, textOf(params, 'account') ?? PLATFORM)
    const dispute = disputePayment(desk, params)
    shop.store.flush()
    return context.json(dispute)
  })
  app.get('/sandbox/ledger', (context) => {
    const account = context.req.query('account') ?? PLATFORM
    const desk = openAccount(shop, account)
    return context.json({ entries: desk.list('balance_transaction') })
  })
}

function accountOf(context: PspContext): string {
  return context.req.header('stripe-account') ?? PLATFORM
}

function requireKey(context: PspContext): void {
  const key = /^Bearer (sk_test_\w+)$/.exec(context.req.header('authorization') ?? '')
  if (key !== null) return
  throw new PspFailure(401, {
    type: 'invalid_request_error',
    message: 'Invalid API Key provided: the sandbox takes any key that begins with sk_test_.',
  })
}

function reply(context: PspContext, status: number, body: string): Response {
  const requestId = `req_${Date.now().toString(36)}`
  const headers = { 'Content-Type': 'application/json', 'Request-Id': requestId }
  return context.newResponse(body, { status: status === 200 ? 200 : statusOf(status), headers })
}

function statusOf(status: number): 400 | 401 | 402 | 404 | 409 | 500 {
  const known = ([400, 401, 402, 404, 409] as const).find((each) => each === status)
  return known ?? 500
}

function refuse(context: PspContext, status: number, error: PspError): Response {
  return reply(context, status, JSON.stringify({ error }))
}
