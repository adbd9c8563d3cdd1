import { html } from 'hono/html'
import type { FinanceInvoiceDocument } from '../../../db/finance-invoices.ts'
import {
  findFinanceBalance,
  listFinanceCreditNotes,
  listFinancePayments,
  type FinancePayment,
} from '../../../db/finance-money.ts'
import { RECEIVED_METHODS } from '../../../db/received-payments.ts'
import { formatDecimal } from '../../../domain/money.ts'
import { renderFormKey } from '../form-call.ts'
import { renderMails, renderResend } from './mails.ts'
import { creditNoteOfInvoiceColumns, renderPaymentState } from './money.ts'
import type { FinanceView } from './view.ts'
import { renderAmount, renderTable, wallDate, type Markup } from '../layout.ts'

const ROWS_MAX = 200 // of one invoice; all of them are in the lists

/** What became of an invoice: what came in, what was credited, who was sent it; and what can be done. */
export async function renderInvoiceMoney(
  view: FinanceView,
  invoice: FinanceInvoiceDocument,
): Promise<Markup> {
  const { db } = view.deps.database
  const { accountId } = view
  const filter = { invoiceId: invoice.id }
  const first = { kind: 'cursor', after: null, limit: ROWS_MAX } as const
  const { currency } = invoice.snapshot
  const [payments, notes, mails, balance] = await Promise.all([
    listFinancePayments(db, accountId, filter, first),
    listFinanceCreditNotes(db, accountId, filter, first),
    renderMails(view, { invoiceId: invoice.id }),
    findFinanceBalance(db, { accountId, customerId: invoice.customer_id, currency }),
  ])
  const onAccount = balance?.unallocated_minor ?? 0n
  return html`<h2>Payments received</h2>
    ${renderPayments(view, invoice, payments.rows)}
    ${notes.rows.length === 0 ? '' : html`<h2>Credit notes</h2>`}
    ${notes.rows.length === 0 ? '' : renderTable(creditNoteOfInvoiceColumns(), notes.rows, '')}
    ${mails} ${view.mayWrite ? renderForms(view, invoice, onAccount) : ''}`
}

function renderPayments(
  view: FinanceView,
  invoice: FinanceInvoiceDocument,
  rows: FinancePayment[],
): Markup {
  return renderTable<FinancePayment>(
    [
      { head: 'Value date', cell: (row) => html`<span class="nowrap">${row.received_on}</span>` },
      {
        head: 'Reference',
        cell: (row) =>
          html`${row.reference} <span class="small">${row.method.replaceAll('_', ' ')}</span>`,
      },
      { head: 'State', cell: renderPaymentState },
      {
        head: 'Amount',
        number: true,
        cell: (row) => renderAmount(row.amount_minor, row.currency),
      },
      {
        head: 'Too much',
        number: true,
        cell: (row) => renderAmount(row.amount_minor - row.allocated_minor, row.currency),
      },
      ...(view.mayWrite
        ? [{ head: 'It went back', cell: (row: FinancePayment) => renderReversal(invoice, row) }]
        : []),
    ],
    rows,
    'Nothing has come in for it yet.',
  )
}

function renderReversal(invoice: FinanceInvoiceDocument, payment: FinancePayment): Markup {
  if (payment.reversed_on !== null) return html``
  return html`<details>
    <summary>Return</summary>
    <form method="post" action="/finance/invoices/${invoice.id}/payments/${payment.id}/reversal">
      ${renderFormKey()}
      <label>Why <input name="reason" maxlength="500" required /></label>
      <label>Value date <input name="reversed_on" type="date" required /></label>
      <button>Record the return</button>
    </form>
  </details>`
}

function renderForms(
  view: FinanceView,
  invoice: FinanceInvoiceDocument,
  onAccount: bigint,
): Markup {
  const { currency } = invoice.snapshot
  const path = `/finance/invoices/${invoice.id}`
  const owed = formatDecimal(invoice.owed_minor, currency)
  const least = onAccount < invoice.owed_minor ? onAccount : invoice.owed_minor
  const today = wallDate(view.now, view.timeZone)
  return html`<h2 class="screen">Actions</h2>
    <div class="forms">
      <details>
        <summary>Money came in</summary>
        <form method="post" action="${path}/payments">
          ${renderFormKey()}
          <label>
            Amount in ${currency}
            <input name="amount" inputmode="decimal" value="${owed}" required />
          </label>
          <label>Reference of the bank <input name="reference" maxlength="140" required /></label>
          <label>
            Value date <input name="received_on" type="date" value="${today}" required />
          </label>
          <label>
            How
            <select name="method">
              ${RECEIVED_METHODS.map(
                (method) => html`<option value="${method}">${method.replaceAll('_', ' ')}</option>`,
              )}
            </select>
          </label>
          <button class="main">Record the payment</button>
        </form>
      </details>
      ${
        least <= 0n
          ? ''
          : html`<details>
              <summary>Pay it from what is on account</summary>
              <form method="post" action="${path}/allocations">
                ${renderFormKey()}
                <p class="small">${renderAmount(onAccount, currency)} is on account.</p>
                <label>
                  Amount in ${currency}
                  <input
                    name="amount"
                    inputmode="decimal"
                    value="${formatDecimal(least, currency)}"
                    required
                  />
                </label>
                <button class="main">Pay from the account</button>
              </form>
            </details>`
      }
      ${renderResend(path, invoice.snapshot.buyer.email)}
      <p><a href="${path}/credit">Credit it, in whole or in part</a></p>
    </div>`
}
