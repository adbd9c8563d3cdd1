import { Hono } from 'hono'
import { html } from 'hono/html'
import type { FinanceAccount } from '../../db/finance.ts'
import { DomainError } from '../../domain/error.ts'
import type { ApiContext, ApiEnv } from '../context.ts'
import type { ApiDeps } from '../deps.ts'
import { PERSON } from '../middleware/gate.ts'
import { requireReadablePath } from '../url.ts'
import { renderPage, type Link, type Markup } from './layout.ts'
import { refusePage } from './refusal.ts'
import type { Area } from './session.ts'
import { enter, signInPages, type SignedIn } from './sign-in.ts'
import { PAGE_HEADERS } from './style.ts'

/** An app with the way into an area and out of it; its pages, files and forms are mounted next. */
export function openArea(deps: ApiDeps, area: Area, nav: Link[]): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  app.onError((error, ctx) => refusePage(deps, ctx, error, nav))
  app.use(`${area.root}/*`, async (ctx, next) => {
    for (const [name, value] of Object.entries(PAGE_HEADERS)) ctx.header(name, value)
    requireReadablePath(ctx.req.url)
    await next()
  })
  app.route('/', signInPages(deps, area))
  return app
}

/** What somebody who is signed in reads at a path of an area. */
export function mountPage(
  app: Hono<ApiEnv>,
  deps: ApiDeps,
  { area, pattern }: { area: Area; pattern: string },
  answer: (ctx: ApiContext, session: SignedIn) => Response | Promise<Response>,
): void {
  app.get(pattern, (ctx) =>
    deps.gate.run(PERSON, async () => {
      const session = await enter(deps, ctx, area, pattern)
      return session instanceof Response ? session : answer(ctx, session)
    }),
  )
}

/** Ends the area, when all is mounted: no other path below it is there. */
export function closeArea(app: Hono<ApiEnv>, area: Area): void {
  app.all(`${area.root}/*`, () => {
    throw new DomainError('not_found', 'No such page.')
  })
}

/** A page of an area in its frame; `current` is the entry of the menu that it is under. */
export function renderInArea(
  area: Area,
  account: FinanceAccount,
  page: { title: string; nav: Link[]; current: string; body: Markup },
): Markup {
  return renderPage({
    ...page,
    brand: { href: area.home, label: area.brand },
    who: html`<form class="who" method="post" action="${area.root}/sign-out">
      <span>${account.legal_name}</span>
      ${account.mode === 'test' ? html`<span class="badge">Test</span>` : ''}
      <button class="link">Sign out</button>
    </form>`,
  })
}
