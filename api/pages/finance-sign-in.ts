import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { deleteCookie, getCookie, setCookie } from 'hono/cookie'
import { html } from 'hono/html'
import { findApiKey, hashApiKey } from '../../db/api-keys.ts'
import { apiKeyMode } from '../../domain/api-key.ts'
import { DomainError } from '../../domain/error.ts'
import type { ApiContext, ApiEnv } from '../context.ts'
import type { ApiDeps } from '../deps.ts'
import { agreedLimits, callerOf } from '../middleware/auth.ts'
import type { AgreedLimits } from '../../domain/plan.ts'
import type { Caller } from '../route.ts'
import { renderPage, type Markup } from './layout.ts'
import {
  financeRefusal,
  openSession,
  sealSession,
  SESSION_COOKIE,
  SESSION_SECONDS,
} from './session.ts'

export type SignedIn = { caller: Caller; agreed: AgreedLimits }

const FORM_BYTES_MAX = 4 * 1024 // a key and a path

/** The sign-in form, and the end of a session. */
export function signInPages(deps: ApiDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  app.get('/finance/sign-in', (ctx) => {
    ctx.set('routePath', '/finance/sign-in')
    return ctx.html(renderSignIn(pathOf(ctx.req.query('to')), null))
  })
  app.post('/finance/sign-in', limitBody(), async (ctx) => {
    ctx.set('routePath', '/finance/sign-in')
    requireSameOrigin(deps, ctx)
    const form = await ctx.req.parseBody()
    const key = typeof form['key'] === 'string' ? form['key'].trim() : ''
    const to = pathOf(typeof form['to'] === 'string' ? form['to'] : undefined)
    // Text without a right checksum costs no SQL.
    const row =
      apiKeyMode(key) === null ? null : await findApiKey(deps.database.pool, hashApiKey(key))
    const refusal = financeRefusal(row)
    if (refusal !== null) return ctx.html(renderSignIn(to, refusal), 401)
    const session = sealSession(deps.config.keys.cursors, hashApiKey(key), unixSeconds())
    setCookie(ctx, SESSION_COOKIE, session, { ...cookieOptions(deps), maxAge: SESSION_SECONDS })
    return ctx.redirect(to, 303)
  })
  app.post('/finance/sign-out', limitBody(), (ctx) => {
    ctx.set('routePath', '/finance/sign-out')
    requireSameOrigin(deps, ctx)
    deleteCookie(ctx, SESSION_COOKIE, cookieOptions(deps))
    return ctx.redirect('/finance/sign-in', 303)
  })
  return app
}

/** Who is signed in, or null. Looks the key up each time: a revoked one ends its sessions at once. */
export async function signedIn(deps: ApiDeps, ctx: ApiContext): Promise<SignedIn | null> {
  const cookie = getCookie(ctx, SESSION_COOKIE)
  const hash = openSession(deps.config.keys.cursors, cookie, unixSeconds())
  const row = hash === null ? null : await findApiKey(deps.database.pool, hash)
  if (row === null || financeRefusal(row) !== null) return null
  return { caller: callerOf(row), agreed: agreedLimits(row) }
}

function renderSignIn(to: string, alert: string | null): Markup {
  const body = html`<div class="sign-in">
    <h1>Finance</h1>
    <p>Purchase orders and invoices of your account.</p>
    ${alert === null ? '' : html`<p class="alert" role="alert">${alert}</p>`}
    <form method="post" action="/finance/sign-in">
      <label for="key">API key with the scope finance:read</label>
      <input id="key" name="key" type="password" autocomplete="off" required autofocus />
      <input type="hidden" name="to" value="${to}" />
      <button class="main">Sign in</button>
    </form>
  </div>`
  return renderPage({
    title: 'Sign in',
    brand: { href: '/finance', label: 'Bark Finance' },
    nav: [],
    body,
  })
}

/** Where to go after signing in: a finance page of ours, and nothing that leads elsewhere. */
function pathOf(text: string | undefined): string {
  return /^\/finance(?:[/?][\w\-/?=&.%+]*)?$/.test(text ?? '') ? (text ?? '') : '/finance'
}

/**
 * A form that another site submits is refused. Browsers say where a form comes from; who says
 * nothing is no browser and has no cookie of somebody else.
 */
function requireSameOrigin(deps: ApiDeps, ctx: ApiContext): void {
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

function cookieOptions({ config }: ApiDeps) {
  return {
    path: '/finance',
    httpOnly: true,
    sameSite: 'Strict',
    secure: !config.api.allowPlainHttp,
  } as const
}

function limitBody() {
  return bodyLimit({
    maxSize: FORM_BYTES_MAX,
    onError: () => {
      throw new DomainError('payload_too_large', 'The form is larger than it can be.')
    },
  })
}

/** Sessions end in real time, also when a test account's clock is moved. */
function unixSeconds(): number {
  return Math.floor(Date.now() / 1000)
}
