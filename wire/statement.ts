import { minorToNumber } from '../domain/money.ts'
import type { Statement } from '../domain/statement.ts'
import { renderDocumentLinks } from './invoice.ts'

/** The formats in which a statement can be downloaded. */
export const STATEMENT_FORMATS = ['pdf', 'csv'] as const

/** A statement of account. Amounts are signed: a charge is positive. */
export function renderStatement(statement: Statement) {
  const { currency, customerId, from, before } = statement
  const decimal = (minor: bigint) => minorToNumber(minor, currency)
  const period = new URLSearchParams({ currency, date_from: from, date_to: before }).toString()
  const self = `/v2/customers/${customerId}/statement`
  return {
    object: 'statement' as const,
    customer_id: customerId,
    currency,
    date_from: from,
    date_to: before,
    opening_balance: decimal(statement.openingMinor),
    opening_balance_minor: Number(statement.openingMinor),
    entries: statement.entries.map((entry) => ({
      date: entry.date,
      kind: entry.kind,
      reference: entry.reference,
      amount: decimal(entry.amountMinor),
      amount_minor: Number(entry.amountMinor),
      balance: decimal(entry.balanceMinor),
      balance_minor: Number(entry.balanceMinor),
    })),
    closing_balance: decimal(statement.closingMinor),
    closing_balance_minor: Number(statement.closingMinor),
    unallocated: decimal(statement.unallocatedMinor),
    unallocated_minor: Number(statement.unallocatedMinor),
    open_invoices: statement.openInvoices.map((invoice) => ({
      id: invoice.id,
      number: invoice.number,
      issue_date: invoice.issueDate,
      due_date: invoice.dueDate,
      total: decimal(invoice.totalMinor),
      total_minor: Number(invoice.totalMinor),
      owed: decimal(invoice.owedMinor),
      owed_minor: Number(invoice.owedMinor),
    })),
    documents: renderDocumentLinks(self, STATEMENT_FORMATS).map(({ format, url }) => ({
      format,
      url: `${url}?${period}`,
    })),
    links: { self: `${self}?${period}`, customer: `/v2/customers/${customerId}` },
  }
}
