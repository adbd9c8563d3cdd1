import { assertInvoiceSums, type InvoiceSnapshot } from './invoice.ts'
import {
  billLines,
  billTransactions,
  type BillableUnits,
  type InvoiceTax,
} from './invoice-lines.ts'
import type { TaxCategory, TaxTreatment } from './tax.ts'

/** A unit of an invoice and how much of its price, without tax, is taken back. */
export type CreditedUnit = {
  transaction_id: string
  client_reference: string | null
  accepted_at: Date
  sku: string
  name: string
  tax_category: TaxCategory
  tax_rate_bp: number
  price_minor: bigint
  net_minor: bigint
}

/** The tax of one category and rate, as `request_credit_note` decided it. */
export type CreditedTax = {
  category: TaxCategory
  rate_bp: number
  taxable_minor: bigint
  tax_minor: bigint
}

export type CreditNoteInput = {
  number: string
  /** YYYY-MM-DD in the seller's legal zone. */
  issue_date: string
  reason: string
  invoiceId: string
  invoice: InvoiceSnapshot
  units: CreditedUnit[]
  taxes: CreditedTax[]
}

/**
 * Computes the content of a credit note from the invoice that it takes back: the same parties, the
 * same tax texts, amounts that are positive and are owed the other way round. Quantity × price is
 * each line's net, so units of which a part is credited have lines of their own.
 *
 * @throws RangeError when there is nothing to credit or the sums do not hold: the caller's mistakes
 */
export function computeCreditNote(input: CreditNoteInput): InvoiceSnapshot {
  const { invoice, taxes } = input
  if (input.units.length === 0) throw new RangeError('credit note: there is nothing to credit')
  const units = input.units.map((unit) => toBillable(unit, invoice))
  const tax_breakdown = taxes.map((tax): InvoiceTax => ({
    ...groupOf(invoice, tax.category, tax.rate_bp),
    taxable_minor: String(tax.taxable_minor),
    tax_minor: String(tax.tax_minor),
  }))
  const subtotal = taxes.reduce((sum, tax) => sum + tax.taxable_minor, 0n)
  const tax = taxes.reduce((sum, each) => sum + each.tax_minor, 0n)
  const snapshot: InvoiceSnapshot = {
    snapshot_version: 1,
    number: input.number,
    kind: 'credit_note',
    corrects: {
      invoice_id: input.invoiceId,
      number: invoice.number,
      issue_date: invoice.issue_date,
    },
    purchase_order_id: invoice.purchase_order_id,
    purchase_order_number: invoice.purchase_order_number,
    business_date: invoice.business_date,
    business_time_zone: invoice.business_time_zone,
    issue_date: input.issue_date,
    due_date: input.issue_date,
    currency: invoice.currency,
    time_zone: invoice.time_zone,
    seller: invoice.seller,
    buyer: invoice.buyer,
    locale: invoice.locale,
    notes: [input.reason],
    lines: billLines(units),
    tax_breakdown,
    subtotal_minor: String(subtotal),
    tax_minor: String(tax),
    total_minor: String(subtotal + tax),
    prepaid_minor: '0',
    due_minor: String(subtotal + tax),
    transactions: billTransactions(units),
  }
  assertInvoiceSums(snapshot)
  return snapshot
}

function toBillable(unit: CreditedUnit, invoice: InvoiceSnapshot): BillableUnits {
  const isPart = unit.net_minor !== unit.price_minor
  return {
    transaction_id: unit.transaction_id,
    ...(unit.client_reference === null ? {} : { client_reference: unit.client_reference }),
    accepted_at: unit.accepted_at.toISOString(),
    sku: unit.sku,
    name: isPart ? `${unit.name} (part of the price)` : unit.name,
    quantity: 1,
    unit_price_minor: unit.net_minor,
    treatment: treatmentOf(unit, invoice),
  }
}

function treatmentOf(unit: CreditedUnit, invoice: InvoiceSnapshot): TaxTreatment {
  const { category, rate_bp, ...texts } = groupOf(invoice, unit.tax_category, unit.tax_rate_bp)
  return {
    category,
    rate_bp,
    ...(texts.exemption_text === undefined ? {} : { exemption_text: texts.exemption_text }),
    ...(texts.exemption_code === undefined ? {} : { exemption_code: texts.exemption_code }),
    tax_group: category === 'O' ? 'outside_scope' : 'taxed',
  }
}

function groupOf(invoice: InvoiceSnapshot, category: TaxCategory, rate_bp: number): InvoiceTax {
  const group = invoice.tax_breakdown.find(
    (each) => each.category === category && each.rate_bp === rate_bp,
  )
  if (group === undefined) {
    throw new RangeError(`credit note: ${invoice.number} charges no ${category} at ${rate_bp}`)
  }
  return group
}
