import { z } from '@hono/zod-openapi'
import { html } from 'hono/html'
import {
  listFinanceBalances,
  listFinanceCreditNotes,
  listFinancePayments,
  type FinanceBalance,
  type FinanceCreditNote,
  type FinancePayment,
} from '../../../db/finance-money.ts'
import { isCurrency } from '../../../domain/money.ts'
import { parseInput } from '../../input.ts'
import { renderExport, walkList } from './list.ts'
import type { FinanceContent, FinanceView } from './view.ts'
import { renderAmount, renderState, renderTable, type Column, type Markup } from '../layout.ts'
import { optional } from '../page-query.ts'

/** What the lists, and their files, can be narrowed down by. */
export const paymentQuery = z.object({
  currency: optional(z.string().refine(isCurrency, 'Must be a currency such as USD')),
})
export const creditNoteQuery = z.object({ status: optional(z.enum(['pending', 'issued'])) })

/** Everything that came in, the latest first. */
export async function renderPaymentList(view: FinanceView): Promise<FinanceContent> {
  const filter = parseInput(paymentQuery, view.query, 'query')
  const { rows, pager } = await walkList(view, '/finance/payments', filter, (request) =>
    listFinancePayments(view.deps.database.db, view.accountId, filter, request),
  )
  const body = html`<h1>Payments received</h1>
    <p>Record one on the page of the invoice that it pays.</p>
    ${renderTable(paymentColumns(), rows, 'Nothing has come in yet.')} ${pager}
    ${renderExport('payments', filter)}`
  return { title: 'Payments received', body }
}

/** How lists show a payment. */
export function paymentColumns(): Column<FinancePayment>[] {
  return [
    { head: 'Value date', cell: (row) => html`<span class="nowrap">${row.received_on}</span>` },
    {
      head: 'Customer',
      cell: (row) =>
        html`<a href="/finance/customers/${row.customer_id}/statement?currency=${row.currency}"
          >${row.customer_name}</a
        >`,
    },
    {
      head: 'For invoice',
      cell: (row) =>
        html`<a class="nowrap" href="/finance/invoices/${row.invoice_id}"
          >${row.invoice_number}</a
        >`,
    },
    {
      head: 'Reference',
      cell: (row) =>
        html`${row.reference} <span class="small">${row.method.replaceAll('_', ' ')}</span>`,
    },
    { head: 'State', cell: renderPaymentState },
    { head: 'Amount', number: true, cell: (row) => renderAmount(row.amount_minor, row.currency) },
    {
      head: 'Too much',
      number: true,
      cell: (row) => renderAmount(row.amount_minor - row.allocated_minor, row.currency),
    },
  ]
}

/** A payment that went back says when and why. */
export function renderPaymentState(row: FinancePayment): Markup {
  if (row.reversed_on === null) return renderState('received', 'good')
  return html`${renderState(`returned ${row.reversed_on}`, 'bad')}
    <span class="small">${row.reversal_reason}</span>`
}

/** Every credit note, the latest first. */
export async function renderCreditNoteList(view: FinanceView): Promise<FinanceContent> {
  const filter = parseInput(creditNoteQuery, view.query, 'query')
  const { rows, pager } = await walkList(view, '/finance/credit-notes', filter, (request) =>
    listFinanceCreditNotes(view.deps.database.db, view.accountId, filter, request),
  )
  const body = html`<h1>Credit notes</h1>
    <p>Each takes back a part or all of one invoice. Make one on the invoice’s page.</p>
    ${renderTable(creditNoteColumns(), rows, 'No invoice has been credited yet.')} ${pager}
    ${renderExport('credit-notes', filter)}`
  return { title: 'Credit notes', body }
}

/** How lists show a credit note. */
function creditNoteColumns(): Column<FinanceCreditNote>[] {
  const [number, ...rest] = creditNoteOfInvoiceColumns()
  return [
    ...(number === undefined ? [] : [number]),
    { head: 'Customer', cell: (row) => row.customer_name },
    {
      head: 'For invoice',
      cell: (row) =>
        html`<a class="nowrap" href="/finance/invoices/${row.invoice_id}"
          >${row.invoice_number}</a
        >`,
    },
    ...rest,
  ]
}

/** The same among those of one invoice. */
export function creditNoteOfInvoiceColumns(): Column<FinanceCreditNote>[] {
  return [
    {
      head: 'Credit note',
      cell: (row) =>
        html`<a class="nowrap" href="/finance/credit-notes/${row.id}"
          >${row.number ?? 'pending'}</a
        >`,
    },
    { head: 'Issued', cell: (row) => html`<span class="nowrap">${row.issue_date ?? '–'}</span>` },
    { head: 'Reason', cell: (row) => row.reason },
    { head: 'State', cell: renderCreditNoteState },
    { head: 'Net', number: true, cell: (row) => renderAmount(row.subtotal_minor, row.currency) },
    { head: 'Tax', number: true, cell: (row) => renderAmount(row.tax_minor, row.currency) },
    { head: 'Total', number: true, cell: (row) => renderAmount(row.total_minor, row.currency) },
  ]
}

/** One that nobody was told of yet says so. */
export function renderCreditNoteState({
  state,
  sent_at,
}: Pick<FinanceCreditNote, 'state' | 'sent_at'>): Markup {
  if (state === 'pending') return renderState('pending', 'wait')
  return html`${renderState('issued', 'good')}
  ${sent_at === null ? html`<span class="small nowrap">not sent yet</span>` : ''}`
}

/** What every customer owes and has. */
export async function renderBalanceList(view: FinanceView): Promise<FinanceContent> {
  const { rows, pager } = await walkList(view, '/finance/customers', {}, (request) =>
    listFinanceBalances(view.deps.database.db, view.accountId, request),
  )
  const body = html`<h1>Customers</h1>
    <p>What each of them owes and has with you, by currency.</p>
    ${renderTable(balanceColumns(), rows, 'Nobody has ordered anything yet.')} ${pager}
    ${renderExport('customers', {})}`
  return { title: 'Customers', body }
}

function balanceColumns(): Column<FinanceBalance>[] {
  const amount = (
    head: string,
    column: 'held_minor' | 'invoiced_minor' | 'unallocated_minor',
  ): Column<FinanceBalance> => ({
    head,
    number: true,
    cell: (row) => renderAmount(row[column], row.currency),
  })
  return [
    { head: 'Customer', cell: (row) => row.customer_name },
    {
      head: 'Statement',
      cell: (row) =>
        html`<a href="/finance/customers/${row.customer_id}/statement?currency=${row.currency}"
          >${row.currency}</a
        >`,
    },
    amount('Ordered, not billed', 'held_minor'),
    amount('Owed', 'invoiced_minor'),
    amount('On account', 'unallocated_minor'),
    {
      head: 'Credit limit',
      number: true,
      cell: (row) =>
        row.credit_limit_minor === null
          ? 'unlimited'
          : renderAmount(row.credit_limit_minor, row.currency),
    },
  ]
}
