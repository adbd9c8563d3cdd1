import { Hono } from 'hono'
import { html } from 'hono/html'
import { getFinanceAccount } from '../../db/finance.ts'
import { CONTENT_TYPES } from '../../documents/render.ts'
import { DomainError } from '../../domain/error.ts'
import type { ApiContext, ApiEnv } from '../context.ts'
import type { ApiDeps } from '../deps.ts'
import type { CarryOut } from '../carry-out.ts'
import type { Caller, Route } from '../route.ts'
import { PERSON } from '../middleware/gate.ts'
import { readQuery, requireReadablePath } from '../url.ts'
import { refusePage } from './refusal.ts'
import { carryOutForm, FINANCE_ACTIONS } from './finance/actions.ts'
import { renderCreditNotePage, sendCreditNoteDocument } from './finance/credit-note.ts'
import { renderCreditPage } from './finance/credit.ts'
import { openExport } from './finance/exports.ts'
import { renderInvoicePage, sendInvoiceDocument } from './finance/invoice.ts'
import { renderInvoiceList } from './finance/invoices.ts'
import { renderDayClose } from './finance/day-close.ts'
import { renderBalanceList, renderCreditNoteList, renderPaymentList } from './finance/money.ts'
import { renderPaymentReconciliation } from './finance/provider.ts'
import { renderReconciliation } from './finance/reconciliation.ts'
import { renderStatementPage, sendStatement } from './finance/statement.ts'
import { renderToday } from './finance/today.ts'
import type { FinancePage } from './finance/view.ts'
import { renderPurchaseOrderList, renderPurchaseOrderPage } from './finance/purchase-orders.ts'
import { renderTransactionPage } from './finance/transactions.ts'
import { renderPage, type Link, type Markup } from './layout.ts'
import { createFormCall, mountForm } from './form-call.ts'
import { FINANCE } from './session.ts'
import { enter, signInPages, type SignedIn } from './sign-in.ts'
import { PAGE_HEADERS } from './style.ts'

const NAV: Link[] = [
  { href: '/finance', label: 'Today' },
  { href: '/finance/purchase-orders', label: 'Purchase orders' },
  { href: '/finance/invoices', label: 'Invoices' },
  { href: '/finance/credit-notes', label: 'Credit notes' },
  { href: '/finance/payments', label: 'Payments' },
  { href: '/finance/customers', label: 'Customers' },
  { href: '/finance/day-close', label: 'Day close' },
  { href: '/finance/reconciliation', label: 'Reconciliation' },
  { href: '/finance/provider', label: 'Provider' },
]

/** Every page, by the entry of the menu that it is under. */
const PAGES: Readonly<Record<string, Readonly<Record<string, FinancePage>>>> = {
  '/finance': { '/finance': renderToday },
  '/finance/purchase-orders': {
    '/finance/purchase-orders': renderPurchaseOrderList,
    '/finance/purchase-orders/:id': renderPurchaseOrderPage,
    '/finance/transactions/:id': renderTransactionPage,
  },
  '/finance/invoices': {
    '/finance/invoices': renderInvoiceList,
    '/finance/invoices/:id': renderInvoicePage,
    '/finance/invoices/:id/credit': renderCreditPage,
  },
  '/finance/day-close': { '/finance/day-close': renderDayClose },
  '/finance/credit-notes': {
    '/finance/credit-notes': renderCreditNoteList,
    '/finance/credit-notes/:id': renderCreditNotePage,
  },
  '/finance/payments': { '/finance/payments': renderPaymentList },
  '/finance/customers': {
    '/finance/customers': renderBalanceList,
    '/finance/customers/:id/statement': renderStatementPage,
  },
  '/finance/reconciliation': { '/finance/reconciliation': renderReconciliation },
  '/finance/provider': { '/finance/provider': renderPaymentReconciliation },
}

/** What is no page: documents and lists as files. */
const FILES: Readonly<
  Record<string, (deps: ApiDeps, ctx: ApiContext, caller: Caller) => Promise<Response>>
> = {
  '/finance/invoices/:id/documents/:format': sendInvoiceDocument,
  '/finance/credit-notes/:id/documents/:format': sendCreditNoteDocument,
  '/finance/customers/:id/statement/documents/:format': sendStatement,
  '/finance/exports/:file': sendExport,
}

/**
 * The pages of the finance team: today's purchase orders, invoices, credit notes, payments, statements,
 * down to the single unit. Entered with an API key that has the scope `finance:read`; codes are never
 * shown. What changes something calls the route of the API, with the same scopes and refusals. Nothing
 * here needs a script.
 */
export function financePages(
  deps: ApiDeps,
  carryOut: CarryOut,
  routes: readonly Route[],
): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>()
  const call = createFormCall(deps, carryOut, routes)
  app.onError((error, ctx) => refusePage(deps, ctx, error, NAV))
  app.use('/finance/*', async (ctx, next) => {
    for (const [name, value] of Object.entries(PAGE_HEADERS)) ctx.header(name, value)
    requireReadablePath(ctx.req.url)
    await next()
  })
  app.route('/', signInPages(deps, FINANCE))
  const show = (
    pattern: string,
    answer: (ctx: ApiContext, session: SignedIn) => Promise<Response>,
  ): void => {
    app.get(pattern, (ctx) =>
      deps.gate.run(PERSON, async () => {
        const session = await enter(deps, ctx, FINANCE, pattern)
        return session instanceof Response ? session : answer(ctx, session)
      }),
    )
  }
  for (const [under, pages] of Object.entries(PAGES)) {
    for (const [pattern, page] of Object.entries(pages)) {
      show(pattern, async (ctx, session) =>
        ctx.html(await renderFramed(deps, ctx, session, under, page)),
      )
    }
  }
  for (const [pattern, sendFile] of Object.entries(FILES)) {
    show(pattern, (ctx, { caller }) => sendFile(deps, ctx, caller))
  }
  for (const [pattern, action] of Object.entries(FINANCE_ACTIONS)) {
    mountForm(app, deps, { area: FINANCE, pattern }, (ctx, session) =>
      carryOutForm(call, ctx, session, action),
    )
  }
  app.all('/finance/*', () => {
    throw new DomainError('not_found', 'No such page.')
  })
  return app
}

async function sendExport(
  { database }: ApiDeps,
  ctx: ApiContext,
  { accountId }: Caller,
): Promise<Response> {
  const file = ctx.req.param('file') ?? ''
  const stream = await openExport(database.db, accountId, file, readQuery(ctx.req.url))
  if (stream === null) throw new DomainError('not_found', 'No such file.')
  return ctx.body(stream, 200, {
    'Content-Type': CONTENT_TYPES.csv,
    'Content-Disposition': `attachment; filename="${file}"`,
  })
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
    caller,
    mayWrite: caller.scopes.includes('invoices:write'),
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
