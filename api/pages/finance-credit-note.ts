import { html } from 'hono/html'
import { getCreditNoteView } from '../../db/credit-note-views.ts'
import { findCreditNoteDocument } from '../../db/credit-notes.ts'
import { displayCount, displayDate } from '../../documents/display.ts'
import { notFound, requireId } from '../fields.ts'
import type { InvoiceLine } from '../../domain/invoice-lines.ts'
import type { ApiContext } from '../context.ts'
import type { ApiDeps } from '../deps.ts'
import { renderDocumentList, sendFile } from './finance-documents.ts'
import type { FinanceContent, FinanceView } from './finance-view.ts'
import { renderAmount, renderState, renderTable } from './layout.ts'

/** One credit note: what it takes back, and its documents once it has its number. */
export async function renderCreditNotePage(view: FinanceView): Promise<FinanceContent> {
  const id = requireId('creditNote', view.id)
  const owner = { accountId: view.accountId, customerId: null }
  const note = await getCreditNoteView(view.deps.database.db, owner, id)
  const { snapshot, currency } = note
  const title = snapshot === null ? 'Credit note, pending' : `Credit note ${snapshot.number}`
  const body = html`<h1>${title}</h1>
    <p>For <a href="/finance/invoices/${note.invoice_id}">${note.invoice_number}</a></p>
    ${snapshot === null ? '' : renderDocumentList(`/finance/credit-notes/${id}`, snapshot)}
    <dl>
      <dt>State</dt>
      <dd>
        ${
          snapshot === null
            ? renderState('its number follows within seconds', 'wait')
            : renderState(note.sent_at === null ? 'issued, not sent yet' : 'issued', 'good')
        }
      </dd>
      <dt>Reason</dt>
      <dd>${note.reason}</dd>
      ${
        snapshot === null
          ? ''
          : html`<dt>Issued</dt>
              <dd>${displayDate(snapshot.issue_date)}</dd>`
      }
      <dt>Net</dt>
      <dd>${renderAmount(note.subtotal_minor, currency)}</dd>
      <dt>Tax</dt>
      <dd>${renderAmount(note.tax_minor, currency)}</dd>
      <dt>Credited</dt>
      <dd>${renderAmount(note.total_minor, currency)}</dd>
      <dt>Id</dt>
      <dd class="mono">${id}</dd>
    </dl>
    ${
      snapshot === null
        ? ''
        : renderTable<InvoiceLine>(
            [
              {
                head: 'Product',
                cell: (line) => html`${line.name} <span class="small mono">${line.sku}</span>`,
              },
              { head: 'Pieces', number: true, cell: (line) => displayCount(line.quantity) },
              {
                head: 'Net',
                number: true,
                cell: (line) => renderAmount(line.net_minor, currency),
              },
            ],
            snapshot.lines,
            '',
          )
    }`
  return { title, body }
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
