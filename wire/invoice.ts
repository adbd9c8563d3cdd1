import type { InvoiceSnapshot } from '../domain/invoice.ts'
import { minorToNumber } from '../domain/money.ts'
import { printInstant } from './instant.ts'

/** The closed list of an issued invoice's states; a draft is never shown. */
export const INVOICE_STATUSES = ['draft', 'open', 'paid', 'void'] as const

/** What is printed: the frozen snapshot, and the few facts that change after it was issued. */
export type InvoiceToRender = {
  id: string
  state: 'open' | 'paid' | 'void'
  sentAt: Date | null
  snapshot: InvoiceSnapshot
  /** The formats in which its document can be read. */
  formats: readonly string[]
  /** Whether its due date is over while it is open; never when it is being issued. */
  overdue?: boolean
  /** What credit notes take back, with tax; nothing when it is being issued. */
  creditedMinor?: bigint
  /** What was paid of it, as the ledger says; what was captured before when it is being issued. */
  paidMinor?: bigint
}

/** An invoice. Everything but `status`, `sent_at`, `overdue` and what was paid is for ever. */
export function renderInvoice({ id, state, snapshot, ...changing }: InvoiceToRender) {
  const { currency } = snapshot
  const decimal = (minor: string): number => minorToNumber(BigInt(minor), currency)
  const paid = changing.paidMinor ?? BigInt(snapshot.prepaid_minor)
  return {
    object: 'invoice' as const,
    id,
    number: snapshot.number,
    status: state,
    customer_id: snapshot.buyer.customer_id,
    purchase_order_id: snapshot.purchase_order_id,
    purchase_order_number: snapshot.purchase_order_number,
    business_date: snapshot.business_date,
    issue_date: snapshot.issue_date,
    due_date: snapshot.due_date,
    overdue: changing.overdue ?? false,
    sent_at: changing.sentAt === null ? null : printInstant(changing.sentAt),
    currency,
    subtotal: decimal(snapshot.subtotal_minor),
    subtotal_minor: Number(snapshot.subtotal_minor),
    tax: decimal(snapshot.tax_minor),
    tax_minor: Number(snapshot.tax_minor),
    total: decimal(snapshot.total_minor),
    total_minor: Number(snapshot.total_minor),
    amount_paid: minorToNumber(paid, currency),
    amount_paid_minor: Number(paid),
    amount_credited: minorToNumber(changing.creditedMinor ?? 0n, currency),
    amount_credited_minor: Number(changing.creditedMinor ?? 0n),
    tax_lines: renderTaxLines(snapshot),
    lines: renderDocumentLines(snapshot),
    documents: renderDocumentLinks(`/v2/invoices/${id}`, changing.formats),
    links: {
      self: `/v2/invoices/${id}`,
      purchase_order: `/v2/purchase-orders/${snapshot.purchase_order_id}`,
    },
  }
}

/** The lines of an invoice or a credit note. */
export function renderDocumentLines({ lines, currency }: InvoiceSnapshot) {
  const decimal = (minor: string): number => minorToNumber(BigInt(minor), currency)
  return lines.map((line) => ({
    position: line.position,
    sku: line.sku,
    name: line.name,
    quantity: line.quantity,
    unit_price: decimal(line.unit_price_minor),
    unit_price_minor: Number(line.unit_price_minor),
    net: decimal(line.net_minor),
    net_minor: Number(line.net_minor),
    tax_category: line.tax_category,
    tax_rate_percent: line.tax_rate_bp / BASIS_POINTS_PER_PERCENT,
  }))
}

/** The taxes of an invoice or a credit note, one per category and rate; they add up to `tax`. */
export function renderTaxLines({ tax_breakdown, currency }: InvoiceSnapshot) {
  const decimal = (minor: string): number => minorToNumber(BigInt(minor), currency)
  return tax_breakdown.map((tax) => ({
    category: tax.category,
    rate_percent: tax.rate_bp / BASIS_POINTS_PER_PERCENT,
    taxable: decimal(tax.taxable_minor),
    taxable_minor: Number(tax.taxable_minor),
    tax: decimal(tax.tax_minor),
    tax_minor: Number(tax.tax_minor),
    exemption_code: tax.exemption_code ?? null,
    exemption_text: tax.exemption_text ?? null,
  }))
}

const BASIS_POINTS_PER_PERCENT = 100

/** Where the documents of an object can be read. */
export function renderDocumentLinks(self: string, formats: readonly string[]) {
  return formats.map((format) => ({ format, url: `${self}/documents/${format}` }))
}
