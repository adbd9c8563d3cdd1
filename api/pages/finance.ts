import { Hono } from 'hono'
import { html } from 'hono/html'
import { getFinanceAccount } from '../../db/finance.ts'
import { DomainError } from '../../domain/error.ts'
import type { ApiContext, ApiEnv } from '../context.ts'
import type { ApiDeps } from '../deps.ts'
import { PERSON } from '../middleware/gate.ts'
import { readQuery, requireReadablePath } from '../url.ts'
import { refusePage } from './refusal.ts'
import { renderInvoicePage, sendDocument } from './finance-invoice.ts'
import { renderInvoiceList } from './finance-invoices.ts'
import { renderDayClose } from './finance-day-close.ts'
import { renderToday } from './finance-today.ts'
import type { FinancePage } from './finance-view.ts'
import { renderPurchaseOrderList, renderPurchaseOrderPage } from './finance-purchase-orders.ts'
import { renderTransactionPage } from './finance-transactions.ts'
import { renderPage, type Link, type Markup } from './layout.ts'
import { FINANCE } from './session.ts'
import { enter, signInPages, type SignedIn } from './sign-in.ts'
import { PAGE_HEADERS } from './style.ts'

const NAV: Link[] = [
  { href: '/finance', label: 'Today' },
  { href: '/finance/purchase-orders', label: 'Purchase orders' },
  { href: '/finance/invoices', label: 'Invoices' },
  { href: '/finance/day-close', label: 'Day close' },
]

const PAGES: Readonly<Record<string, { under: string; page: FinancePage }>> = {
  '/finance': { under: '/finance', page: renderToday },
  '/finance/purchase-orders': { under: '/finance/purchase-orders', page: renderPurchaseOrderList },
  '/finance/purchase-orders/:id': {
    under: '/finance/purchase-orders',
    page: renderPurchaseOrderPage,
  },
  '/finance/transactions/:id': { under: '/finance/purchase-orders', page: renderTransactionPage },
  '/finance/day-close': { under: '/finance/day-close', page: renderDayClose },
  '/finance/invoices': { under: '/finance/invoices', page: renderInvoiceList },
  '/finance/invoices/:id': { under: '/finance/invoices', page: renderInvoicePage },
}

/**
 * The pages of the finance team: today's purchase orders, all invoices, down to the single unit.
 * Entered with an API key that has the scope `finance:read`; codes are never shown.
 */
export function financePages(deps: ApiDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  app.onError((error, ctx) => refusePage(deps, ctx, error, NAV))
  app.use('/finance/*', async (ctx, next) => {
    for (const [name, value] of Object.entries(PAGE_HEADERS)) ctx.header(name, value)
    requireReadablePath(ctx.req.url)
    await next()
  })
  app.route('/', signInPages(deps, FINANCE))
  for (const [pattern, { under, page }] of Object.entries(PAGES)) {
    app.get(pattern, (ctx) =>
      deps.gate.run(PERSON, async () => {
        const session = await enter(deps, ctx, FINANCE, pattern)
        if (session instanceof Response) return session
        return ctx.html(await renderFramed(deps, ctx, session, under, page))
      }),
    )
  }
  app.get('/finance/invoices/:id/documents/:format', (ctx) =>
    deps.gate.run(PERSON, async () => {
      const session = await enter(deps, ctx, FINANCE, '/finance/invoices/:id/documents/:format')
      if (session instanceof Response) return session
      return sendDocument(deps, ctx, session.caller.accountId)
    }),
  )
  app.all('/finance/*', () => {
    throw new DomainError('not_found', 'No such page.')
  })
  return app
}

async function renderFramed(
  deps: ApiDeps,
  ctx: ApiContext,
  { caller }: SignedIn,
  under: string,
  page: FinancePage,
): Promise<Markup> {
  const account = await getFinanceAccount(deps.database.db, caller.accountId)
  const { title, body } = await page({
    deps,
    accountId: caller.accountId,
    timeZone: account.time_zone,
    now: account.now,
    id: ctx.req.param('id') ?? '',
    query: readQuery(ctx.req.url),
  })
  return renderPage({
    title,
    brand: { href: FINANCE.home, label: FINANCE.brand },
    nav: NAV,
    current: under,
    who: html`<form class="who" method="post" action="/finance/sign-out">
      <span>${account.legal_name}</span>
      ${account.mode === 'test' ? html`<span class="badge">Test</span>` : ''}
      <button class="link">Sign out</button>
    </form>`,
    body,
  })
}
