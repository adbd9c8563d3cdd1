import type { InvoiceBuyer, InvoiceSeller } from './invoice.ts'

/** What a row of a statement is, in the order in which a day's rows are explained to people. */
export const STATEMENT_KINDS = {
  invoice_issued: 'invoice',
  credit_note_issued: 'credit_note',
  payment_received: 'payment',
  payment_reversed: 'payment_reversal',
  prepayment_applied: 'card_payment',
  refund_succeeded: 'refund',
  credit_note_refunded: 'refund',
} as const

export type StatementKind = (typeof STATEMENT_KINDS)[keyof typeof STATEMENT_KINDS] | 'adjustment'

/** One thing that changed what a customer owes. Minor units; a charge is positive. */
export type StatementMove = {
  /** YYYY-MM-DD in the seller's zone. */
  date: string
  kind: StatementKind
  /** The number of the document, or the reference of the payment. */
  reference: string
  amountMinor: bigint
}

export type StatementEntry = StatementMove & {
  /** What is owed after it; negative is the customer's money. */
  balanceMinor: bigint
}

/** An invoice of which something was owed when the period ended. */
export type OpenInvoice = {
  id: string
  number: string
  issueDate: string
  dueDate: string
  totalMinor: bigint
  owedMinor: bigint
}

/** What a customer owed, what changed it, and what it owes: in one currency, for whole days. */
export type Statement = {
  customerId: string
  currency: string
  seller: InvoiceSeller
  buyer: InvoiceBuyer
  /** BCP 47: how the customer's figures and dates are written. */
  locale: string
  /** The first day of the period, and the first one after it. */
  from: string
  before: string
  /** The last day of the period. */
  until: string
  openingMinor: bigint
  closingMinor: bigint
  entries: StatementEntry[]
  openInvoices: OpenInvoice[]
  /** Money of the customer that pays no invoice yet, when the period ended. */
  unallocatedMinor: bigint
}

/** The kind of a journal's row. A journal that has no word of its own is an adjustment. */
export function statementKind(journal: string): StatementKind {
  const kinds = new Map<string, StatementKind>(Object.entries(STATEMENT_KINDS))
  return kinds.get(journal) ?? 'adjustment'
}

/** Rows with what is owed after each, from what was owed before the first. */
export function runBalance(openingMinor: bigint, moves: StatementMove[]): StatementEntry[] {
  let balanceMinor = openingMinor
  return moves.map((move) => {
    balanceMinor += move.amountMinor
    return { ...move, balanceMinor }
  })
}
