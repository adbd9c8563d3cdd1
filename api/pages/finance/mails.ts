import { html } from 'hono/html'
import { listDocumentMails, type MailRow } from '../../../db/mails.ts'
import { renderFormKey } from '../form-call.ts'
import type { FinanceView } from './view.ts'
import { renderClock, renderState, renderTable, type Column, type Markup } from '../layout.ts'

type MailedDocument = { invoiceId: string } | { creditNoteId: string }

/** Who was sent a document, and whether it reached them. */
export async function renderMails(view: FinanceView, document: MailedDocument): Promise<Markup> {
  const { accountId, deps } = view
  const mails = await listDocumentMails(deps.database.db, { accountId, ...document })
  return html`<h2>Mails</h2>
    ${renderTable(columns(view.timeZone), mails, 'It was not mailed yet.')}`
}

const TONES = { queued: 'wait', sent: 'good', bounced: 'bad' } as const

function columns(timeZone: string): Column<MailRow>[] {
  return [
    {
      head: 'Sent',
      cell: ({ sent_at }) =>
        html`<span class="nowrap"
          >${sent_at === null ? '–' : renderClock(sent_at, timeZone)}</span
        >`,
    },
    { head: 'To', cell: ({ recipients }) => recipients.join(', ') },
    {
      head: 'Attached',
      cell: ({ attachments }) => attachments.map(({ format }) => format.toUpperCase()).join(', '),
    },
    { head: 'State', cell: ({ state }) => renderState(state, TONES[state]) },
    { head: 'Last error', cell: ({ last_error }) => last_error ?? '' },
  ]
}

/** The form below a document's path that mails it once more. */
export function renderResend(path: string, placeholder: string): Markup {
  return html`<details>
    <summary>Send it again</summary>
    <form method="post" action="${path}/send">
      ${renderFormKey()}
      <label>
        To, if not to whom it always goes
        <input name="recipients" placeholder="${placeholder}" />
      </label>
      <button class="main">Send</button>
    </form>
  </details>`
}
