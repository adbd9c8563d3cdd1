import { html } from 'hono/html'
import { getCreditNoteView, type CreditNoteView } from '../../../db/credit-note-views.ts'
import { findCreditNoteDocument } from '../../../db/credit-notes.ts'
import { displayCount, displayDate } from '../../../documents/display.ts'
import type { InvoiceLine } from '../../../domain/invoice-lines.ts'
import type { InvoiceSnapshot } from '../../../domain/invoice.ts'
import type { ApiContext } from '../../context.ts'
import type { ApiDeps } from '../../deps.ts'
import { notFound, requireId } from '../../fields.ts'
import { renderDocumentList, renderSums, sendFile } from './documents.ts'
import { renderDone } from './done.ts'
import { pageRows } from './list.ts'
import { renderMails, renderResend } from './mails.ts'
import { renderCreditNoteState } from './money.ts'
import type { FinanceContent, FinanceView } from './view.ts'
import { renderAmount, renderTable, type Column, type Markup } from '../layout.ts'

/** One credit note: what it takes back, and its documents once it has its number. */
export async function renderCreditNotePage(view: FinanceView): Promise<FinanceContent> {
  const id = requireId('creditNote', view.id)
  const owner = { accountId: view.accountId, customerId: null }
  const note = await getCreditNoteView(view.deps.database.db, owner, id)
  const { snapshot } = note
  if (snapshot === null) {
    const title = 'Credit note, pending'
    return {
      title,
      body: html`<h1>${title}</h1>
        ${renderHead(note)}`,
    }
  }
  const path = `/finance/credit-notes/${id}`
  const lines = await pageRows(view, path, 'lines', snapshot.lines)
  const title = `Credit note ${snapshot.number}`
  const body = html`<h1>${title}</h1>
    <p>${snapshot.buyer.name}, ${displayDate(snapshot.issue_date)}</p>
    ${renderDocumentList(path, snapshot)} ${renderDone(view)} ${renderHead(note)}
    <h2>Lines</h2>
    ${renderTable(lineColumns(snapshot), lines.rows, '', renderSums(snapshot, { before: 2 }))}
    ${lines.pager} ${await renderMails(view, { creditNoteId: id })}
    ${
      view.mayWrite
        ? html`<h2 class="screen">Actions</h2>
            <div class="forms">${renderResend(path, snapshot.buyer.email)}</div>`
        : ''
    }`
  return { title, body }
}

function renderHead(note: CreditNoteView): Markup {
  return html`<dl>
    <dt>State</dt>
    <dd>
      ${renderCreditNoteState(note)}
      ${note.state === 'pending' ? html`<span class="small">its number follows within seconds</span>` : ''}
    </dd>
    <dt>For invoice</dt>
    <dd><a href="/finance/invoices/${note.invoice_id}">${note.invoice_number}</a></dd>
    <dt>Reason</dt>
    <dd>${note.reason}</dd>
    <dt>Credited</dt>
    <dd>${renderAmount(note.total_minor, note.currency)}</dd>
    <dt>Id</dt>
    <dd class="mono">${note.id}</dd>
  </dl>`
}

function lineColumns({ currency }: InvoiceSnapshot): Column<InvoiceLine>[] {
  return [
    {
      head: 'Product',
      cell: (line) => html`${line.name} <span class="small mono">${line.sku}</span>`,
    },
    { head: 'Pieces', number: true, cell: (line) => displayCount(line.quantity) },
    { head: 'Net', number: true, cell: (line) => renderAmount(line.net_minor, currency) },
  ]
}

/** The bytes of a credit note's document. */
export async function sendCreditNoteDocument(
  deps: ApiDeps,
  ctx: ApiContext,
  { accountId }: { accountId: string },
): Promise<Response> {
  const id = requireId('creditNote', ctx.req.param('id') ?? '')
  const { db } = deps.database
  const { snapshot } = await getCreditNoteView(db, { accountId, customerId: null }, id)
  if (snapshot === null) throw notFound('document')
  return sendFile(ctx, snapshot, (format) =>
    findCreditNoteDocument(db, { accountId, creditNoteId: id, format }),
  )
}
