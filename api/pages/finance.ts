import type { Hono } from 'hono'
import { getFinanceAccount } from '../../db/finance.ts'
import { CONTENT_TYPES } from '../../documents/render.ts'
import { DomainError } from '../../domain/error.ts'
import type { ApiContext, ApiEnv } from '../context.ts'
import type { ApiDeps } from '../deps.ts'
import type { CarryOut } from '../carry-out.ts'
import type { Caller, Route } from '../route.ts'
import { readQuery } from '../url.ts'
import { closeArea, mountPage, openArea, renderInArea } from './area.ts'
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
import type { Link, Markup } from './layout.ts'
import { createFormCall, mountForm } from './form-call.ts'
import { FINANCE } from './session.ts'
import type { SignedIn } from './sign-in.ts'

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
  const app = openArea(deps, FINANCE, NAV)
  const call = createFormCall(deps, carryOut, routes)
  for (const [under, pages] of Object.entries(PAGES)) {
    for (const [pattern, page] of Object.entries(pages)) {
      mountPage(app, deps, { area: FINANCE, pattern }, async (ctx, session) =>
        ctx.html(await renderFramed(deps, ctx, session, under, page)),
      )
    }
  }
  for (const [pattern, sendFile] of Object.entries(FILES)) {
    mountPage(app, deps, { area: FINANCE, pattern }, (ctx, { caller }) =>
      sendFile(deps, ctx, caller),
    )
  }
  for (const [pattern, action] of Object.entries(FINANCE_ACTIONS)) {
    mountForm(app, deps, { area: FINANCE, pattern }, (ctx, session) =>
      carryOutForm(call, ctx, session, action),
    )
  }
  closeArea(app, FINANCE)
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
  return renderInArea(FINANCE, account, { title, nav: NAV, current: under, body })
}
