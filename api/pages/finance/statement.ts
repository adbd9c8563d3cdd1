import { z } from '@hono/zod-openapi'
import { html } from 'hono/html'
import { getStatement } from '../../../db/statements.ts'
import { displayDate } from '../../../documents/display.ts'
import { CONTENT_TYPES } from '../../../documents/render.ts'
import {
  displaySigned,
  renderStatementDocument,
  STATEMENT_WORDS,
  statementFileName,
} from '../../../documents/statement.ts'
import { DomainError } from '../../../domain/error.ts'
import type { OpenInvoice, Statement, StatementEntry } from '../../../domain/statement.ts'
import { STATEMENT_FORMATS } from '../../../wire/statement.ts'
import type { ApiContext } from '../../context.ts'
import type { ApiDeps } from '../../deps.ts'
import { currencyField, requireId } from '../../fields.ts'
import { parseInput } from '../../input.ts'
import type { Caller } from '../../route.ts'
import { readQuery } from '../../url.ts'
import { pageRows } from './list.ts'
import type { FinanceContent, FinanceView } from './view.ts'
import { linkTo, renderAmount, renderTable, type Column, type Markup } from '../layout.ts'
import { optional } from '../page-query.ts'

const day = z.iso.date('Must be a day such as 2026-01-31')
const statementQuery = z.object({
  currency: optional(currencyField),
  date_from: optional(day),
  /** The last day of the period, as people mean it. */
  until: optional(day),
})

/** What a customer owed, what changed it and what it owes. */
export async function renderStatementPage(view: FinanceView): Promise<FinanceContent> {
  const statement = await readStatement(view.deps, view.caller, view.id, view.query)
  const { customerId, currency, from, until, buyer } = statement
  const path = `/finance/customers/${customerId}/statement`
  const query = { currency, date_from: from, until }
  const entries = await pageRows(view, path, 'entries', statement.entries)
  const open = await pageRows(view, path, 'open', statement.openInvoices)
  const signed = (minor: bigint) => `${displaySigned(minor, currency)}\u00a0${currency}`
  const body = html`<h1>Statement</h1>
    <p>${buyer.name}, ${displayDate(from)} to ${displayDate(until)}</p>
    <ul class="documents">
      ${STATEMENT_FORMATS.map(
        (format) =>
          html`<li>
            <a href="${linkTo(`${path}/documents/${format}`, query)}">${format.toUpperCase()}</a>
          </li>`,
      )}
    </ul>
    ${renderPeriod(path, query)}
    <ul class="cards">
      <li><b>${signed(statement.openingMinor)}</b> <span class="quiet">opening balance</span></li>
      <li>
        <b>${signed(statement.closingMinor)}</b>
        <span class="quiet"
          >${statement.closingMinor < 0n ? 'in their favour' : 'balance due'}</span
        >
      </li>
      <li>
        <b>${renderAmount(statement.unallocatedMinor, currency)}</b>
        <span class="quiet">on account, pays no invoice yet</span>
      </li>
    </ul>
    ${renderTable(entryColumns(signed), entries.rows, 'Nothing happened in this time.')}
    ${entries.pager}
    <h2>Open on ${displayDate(until)}</h2>
    ${renderTable(openColumns(currency), open.rows, 'No invoice was open.')} ${open.pager}`
  return { title: `Statement, ${buyer.name}`, body }
}

/** The statement as a file, as the API gives it. */
export async function sendStatement(
  deps: ApiDeps,
  ctx: ApiContext,
  caller: Caller,
): Promise<Response> {
  const format = STATEMENT_FORMATS.find((each) => each === ctx.req.param('format'))
  if (format === undefined) throw new DomainError('not_found', 'There is no such document.')
  const query = readQuery(ctx.req.url)
  const statement = await readStatement(deps, caller, ctx.req.param('id') ?? '', query)
  const bytes = await renderStatementDocument(statement, format)
  return ctx.body(new Uint8Array(bytes), 200, {
    'Content-Type': CONTENT_TYPES[format],
    'Content-Disposition': `attachment; filename="${statementFileName(statement, format)}"`,
  })
}

async function readStatement(
  deps: ApiDeps,
  caller: Caller,
  id: string,
  query: Readonly<Record<string, string>>,
): Promise<Statement> {
  const { currency, date_from, until } = parseInput(statementQuery, query, 'query')
  return getStatement(deps.database.db, {
    accountId: caller.accountId,
    customerId: requireId('customer', id),
    currency: currency ?? caller.currency,
    from: date_from,
    before: until === undefined ? undefined : dayAfter(until),
  })
}

function dayAfter(date: string): string {
  const at = new Date(`${date}T00:00:00Z`)
  at.setUTCDate(at.getUTCDate() + 1)
  return at.toISOString().slice(0, 'YYYY-MM-DD'.length)
}

function renderPeriod(
  path: string,
  { currency, date_from, until }: { currency: string; date_from: string; until: string },
): Markup {
  return html`<form class="filter" method="get" action="${path}">
    <div>
      <label for="date_from">From</label>
      <input id="date_from" name="date_from" type="date" value="${date_from}" />
    </div>
    <div>
      <label for="until">To</label>
      <input id="until" name="until" type="date" value="${until}" />
    </div>
    <div>
      <label for="currency">Currency</label>
      <input id="currency" name="currency" size="5" maxlength="3" value="${currency}" />
    </div>
    <button>Show</button>
  </form>`
}

function entryColumns(signed: (minor: bigint) => string): Column<StatementEntry>[] {
  return [
    { head: 'Date', cell: (row) => html`<span class="nowrap">${row.date}</span>` },
    { head: 'What', cell: (row) => STATEMENT_WORDS[row.kind] },
    { head: 'Reference', cell: (row) => row.reference },
    {
      head: 'Charge',
      number: true,
      cell: (row) => (row.amountMinor > 0n ? signed(row.amountMinor) : ''),
    },
    {
      head: 'Credit',
      number: true,
      cell: (row) => (row.amountMinor > 0n ? '' : signed(-row.amountMinor)),
    },
    { head: 'Balance', number: true, cell: (row) => signed(row.balanceMinor) },
  ]
}

function openColumns(currency: string): Column<OpenInvoice>[] {
  return [
    {
      head: 'Invoice',
      cell: (row) => html`<a href="/finance/invoices/${row.id}">${row.number}</a>`,
    },
    { head: 'Issued', cell: (row) => html`<span class="nowrap">${row.issueDate}</span>` },
    { head: 'Due', cell: (row) => html`<span class="nowrap">${row.dueDate}</span>` },
    { head: 'Total', number: true, cell: (row) => renderAmount(row.totalMinor, currency) },
    { head: 'Owed', number: true, cell: (row) => renderAmount(row.owedMinor, currency) },
  ]
}
