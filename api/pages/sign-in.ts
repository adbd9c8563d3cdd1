import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { html } from 'hono/html'
import { countRequest } from '../../db/rate-limits.ts'
import { findApiKey, hashApiKey } from '../../db/api-keys.ts'
import { apiKeyMode } from '../../domain/api-key.ts'
import { DomainError } from '../../domain/error.ts'
import { requestLimits, type AgreedLimits } from '../../domain/plan.ts'
import type { ApiContext, ApiEnv } from '../context.ts'
import type { ApiDeps } from '../deps.ts'
import type { Caller } from '../route.ts'
import { agreedLimits, callerOf } from '../middleware/auth.ts'
import { limitRate } from '../middleware/rate-limit.ts'
import { renderPage, type Markup } from './layout.ts'
import {
  entryRefusal,
  openSession,
  sealSession,
  SESSION_SECONDS,
  sessionCookie,
  type Area,
} from './session.ts'

export type SignedIn = { caller: Caller; agreed: AgreedLimits }

const FORM_BYTES_MAX = 4 * 1024 // a key and a path

/** The sign-in form of an area, and the end of a session. */
export function signInPages(deps: ApiDeps, area: Area): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  const signIn = `${area.root}/sign-in`
  app.get(signIn, (ctx) => {
    ctx.set('routePath', signIn)
    return ctx.html(renderSignIn(area, pathIn(area, ctx.req.query('to')), null))
  })
  app.post(signIn, limitBody(), async (ctx) => {
    ctx.set('routePath', signIn)
    requireSameOrigin(deps, ctx)
    const form = await ctx.req.parseBody()
    const key = typeof form['key'] === 'string' ? form['key'].trim() : ''
    const to = pathIn(area, typeof form['to'] === 'string' ? form['to'] : undefined)
    // Text without a right checksum costs no SQL.
    const row =
      apiKeyMode(key) === null ? null : await findApiKey(deps.database.pool, hashApiKey(key))
    const refusal = entryRefusal(area, row)
    if (refusal !== null) return ctx.html(renderSignIn(area, to, refusal), 401)
    const session = sealSession(area, deps.config.keys.cursors, hashApiKey(key), unixSeconds())
    const options = { ...cookieOptions(deps, area), maxAge: SESSION_SECONDS }
    setCookie(ctx, sessionCookie(area), session, options)
    return ctx.redirect(to, 303)
  })
  app.post(`${area.root}/sign-out`, limitBody(), (ctx) => {
    ctx.set('routePath', `${area.root}/sign-out`)
    requireSameOrigin(deps, ctx)
    deleteCookie(ctx, sessionCookie(area), cookieOptions(deps, area))
    return ctx.redirect(signIn, 303)
  })
  return app
}

/** Who is signed in, or null. Looks the key up each time: a revoked one ends its sessions at once. */
async function signedIn(deps: ApiDeps, ctx: ApiContext, area: Area): Promise<SignedIn | null> {
  const cookie = getCookie(ctx, sessionCookie(area))
  const hash = openSession(area, deps.config.keys.cursors, cookie, unixSeconds())
  const row = hash === null ? null : await findApiKey(deps.database.pool, hash)
  if (row === null || entryRefusal(area, row) !== null) return null
  return { caller: callerOf(row), agreed: agreedLimits(row) }
}

/**
 * The session of the request, counted against its key's rate; or the way to the sign-in page. After a
 * form that way leads to the area's first page, because a form cannot be asked for again.
 */
export async function enter(
  deps: ApiDeps,
  ctx: ApiContext,
  area: Area,
  pattern: string,
): Promise<SignedIn | Response> {
  ctx.set('routePath', pattern)
  const session = await signedIn(deps, ctx, area)
  const rateClass = ctx.req.method === 'GET' ? 'read' : 'write'
  if (session === null) {
    const { pathname, search } = new URL(ctx.req.url)
    const to = rateClass === 'read' ? pathname + search : area.home
    return ctx.redirect(`${area.root}/sign-in?to=${encodeURIComponent(to)}`, 303)
  }
  const { caller, agreed } = session
  ctx.set('caller', caller)
  // The plan's hour and day are for programs: a person looking at pages does not use them up.
  const { perSecond } = requestLimits(caller.plan, rateClass, agreed)
  await limitRate(ctx, rateClass, () =>
    countRequest(deps.database.pool, {
      keyId: caller.keyId,
      accountId: caller.accountId,
      rateClass,
      limits: { perSecond, perHour: null, perDay: null },
    }),
  )
  return session
}

function renderSignIn(area: Area, to: string, alert: string | null): Markup {
  const body = html`<div class="sign-in">
    <h1>${area.title}</h1>
    <p>${area.lead}</p>
    ${alert === null ? '' : html`<p class="alert" role="alert">${alert}</p>`}
    <form method="post" action="${area.root}/sign-in">
      <label for="key">API key with the scope ${area.scope}</label>
      <input id="key" name="key" type="password" autocomplete="off" required autofocus />
      <input type="hidden" name="to" value="${to}" />
      <button class="main">Sign in</button>
    </form>
  </div>`
  return renderPage({
    title: 'Sign in',
    brand: { href: area.home, label: area.brand },
    nav: [],
    body,
  })
}

/** Where to go after signing in: a page of the area, and nothing that leads elsewhere. */
function pathIn(area: Area, text: string | undefined): string {
  const [, root, rest] = /^(\/\w+)(?:([/?])[\w\-/?=&.%+]*)?$/.exec(text ?? '') ?? []
  const isPage = root === area.root && (rest !== undefined || area.home === area.root)
  return isPage ? (text ?? '') : area.home
}

/**
 * A form that another site submits is refused. Browsers say where a form comes from; who says
 * nothing is no browser and has no cookie of somebody else.
 */
export function requireSameOrigin(deps: ApiDeps, ctx: ApiContext): void {
  const origin = ctx.req.header('origin')
  const site = ctx.req.header('sec-fetch-site')
  const isOurs =
    origin === undefined ||
    origin === deps.config.api.publicUrl ||
    hostOf(origin) === ctx.req.header('host')
  if (isOurs && (site === undefined || site === 'same-origin' || site === 'none')) return
  throw new DomainError('invalid_parameter', 'This form was sent from another site.')
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null
}

function cookieOptions({ config }: ApiDeps, area: Area) {
  return {
    path: area.root,
    httpOnly: true,
    sameSite: 'Strict',
    secure: !config.api.allowPlainHttp,
  } as const
}

/** Forms are small: a key, a path, a choice. */
export function limitBody(bytesMax = FORM_BYTES_MAX) {
  return bodyLimit({
    maxSize: bytesMax,
    onError: () => {
      throw new DomainError('payload_too_large', 'The form is larger than it can be.')
    },
  })
}

/** Sessions end in real time, also when a test account's clock is moved. */
function unixSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
