import type { Hono } from 'hono'
import { getFinanceAccount } from '../../db/finance.ts'
import type { CarryOut } from '../carry-out.ts'
import type { ApiContext, ApiEnv } from '../context.ts'
import type { ApiDeps } from '../deps.ts'
import type { Route } from '../route.ts'
import { readQuery } from '../url.ts'
import { closeArea, mountPage, openArea, renderInArea } from './area.ts'
import { renderDeliveryPage } from './dashboard/delivery.ts'
import { createFormCall, mountForm, readForm, type FormCall } from './form-call.ts'
import type { DashboardPage } from './dashboard/view.ts'
import { renderNewSecret } from './dashboard/secret.ts'
import { renderWebhookPage } from './dashboard/webhook.ts'
import { renderWebhookList } from './dashboard/webhooks.ts'
import type { Link, Markup } from './layout.ts'
import { DASHBOARD } from './session.ts'
import type { SignedIn } from './sign-in.ts'

const WEBHOOK = '/dashboard/webhooks/:id'
const DELIVERY = `${WEBHOOK}/deliveries/:delivery`
const NAV: Link[] = [{ href: DASHBOARD.home, label: 'Webhooks' }]

const PAGES: Readonly<Record<string, DashboardPage>> = {
  '/dashboard/webhooks': renderWebhookList,
  [WEBHOOK]: renderWebhookPage,
  [DELIVERY]: renderDeliveryPage,
}

/** A button: the route of the API that it calls, and where its page goes on. */
type Action = {
  operationId: string
  body?: Readonly<Record<string, unknown>>
  done: string
}

const ACTIONS: Readonly<Record<string, Action>> = {
  [`${WEBHOOK}/pause`]: { operationId: 'patchWebhook', body: { active: false }, done: 'paused' },
  [`${WEBHOOK}/resume`]: { operationId: 'patchWebhook', body: { active: true }, done: 'resumed' },
  [`${WEBHOOK}/test`]: { operationId: 'testWebhook', done: 'tested' },
  [`${DELIVERY}/resend`]: { operationId: 'resendWebhookDelivery', done: 'resent' },
}

/**
 * The pages of whoever looks after an account's endpoints. Entered with an API key that has the scope
 * `webhooks:read`; what changes something calls the route of the API, with the same scopes, limits and
 * refusals. Nothing here needs a script.
 */
export function dashboardPages(
  deps: ApiDeps,
  carryOut: CarryOut,
  routes: readonly Route[],
): Hono<ApiEnv> {
  const app = openArea(deps, DASHBOARD, NAV)
  const call = createFormCall(deps, carryOut, routes)
  app.get('/dashboard', (ctx) => ctx.redirect(DASHBOARD.home, 303))
  for (const [pattern, page] of Object.entries(PAGES)) {
    mountPage(app, deps, { area: DASHBOARD, pattern }, async (ctx, session) =>
      ctx.html(await renderFramed(deps, ctx, session, page)),
    )
  }
  for (const [pattern, action] of Object.entries(ACTIONS)) {
    mountForm(app, deps, { area: DASHBOARD, pattern }, (ctx, session) =>
      carryOutAction(call, ctx, session, action),
    )
  }
  const rotating = { area: DASHBOARD, pattern: `${WEBHOOK}/rotate` }
  mountForm(app, deps, rotating, async (ctx, session) => {
    const rotated = await rotateSecret(call, ctx, session)
    return ctx.html(await renderFramed(deps, ctx, session, async () => renderNewSecret(rotated)))
  })
  closeArea(app, DASHBOARD)
  return app
}

/** Calls the route and leads back to the endpoint, where the next page tells what was done. */
async function carryOutAction(
  call: FormCall,
  ctx: ApiContext,
  session: SignedIn,
  { operationId, body, done }: Action,
): Promise<Response> {
  const { key } = await readForm(ctx)
  const params = paramsOf(ctx)
  await call(ctx, session.caller, { operationId, params, body, key })
  return ctx.redirect(`${DASHBOARD.home}/${params['id']}?done=${done}`, 303)
}

async function rotateSecret(
  call: FormCall,
  ctx: ApiContext,
  { caller }: SignedIn,
): Promise<unknown> {
  const { key, ...chosen } = await readForm(ctx)
  const body = {
    overlap_seconds: Number(chosen['overlap_seconds']),
    sign_with: chosen['sign_with'],
  }
  const params = paramsOf(ctx)
  return call(ctx, caller, { operationId: 'rotateWebhookSecret', params, body, key })
}

function paramsOf(ctx: ApiContext): Record<string, string> {
  const { id = '', delivery } = ctx.req.param()
  return { id, ...(delivery === undefined ? {} : { delivery_id: delivery }) }
}

async function renderFramed(
  deps: ApiDeps,
  ctx: ApiContext,
  { caller }: SignedIn,
  page: DashboardPage,
): Promise<Markup> {
  const account = await getFinanceAccount(deps.database.db, caller.accountId)
  const { title, body } = await page({
    deps,
    accountId: caller.accountId,
    mayWrite: caller.scopes.includes('webhooks:write'),
    timeZone: account.time_zone,
    params: ctx.req.param(),
    query: readQuery(ctx.req.url),
  })
  return renderInArea(DASHBOARD, account, { title, nav: NAV, current: DASHBOARD.home, body })
}
