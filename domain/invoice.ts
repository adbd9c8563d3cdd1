import type { BankAccount } from './bank-account.ts'
import { DomainError } from './error.ts'
import { billLines, billTransactions, breakDownTax, taxOf } from './invoice-lines.ts'
import type { BillableUnits, InvoiceLine, InvoiceTax, InvoiceTransaction } from './invoice-lines.ts'

/**
 * The legal content of an invoice, complete and immutable: every document (PDF, CSV, UBL, CII) is
 * rendered from it alone, today and in ten years. Plain JSON. Every `*_minor` is a whole number of
 * minor units of `currency`, written as text because JSON numbers end at 2^53.
 */
export type InvoiceSnapshot = InvoiceHead & {
  snapshot_version: 1
  lines: InvoiceLine[]
  tax_breakdown: InvoiceTax[]
  /** Sum of the lines without tax. */
  subtotal_minor: string
  tax_minor: string
  total_minor: string
  /** What was captured for these units before the invoice was issued. */
  prepaid_minor: string
  due_minor: string
  transactions: InvoiceTransaction[]
}

/** What the invoice says besides its figures. */
export type InvoiceHead = {
  number: string
  kind: 'invoice' | 'credit_note'
  /** The invoice that a credit note takes back; present exactly on credit notes. */
  corrects?: CorrectedInvoice
  purchase_order_id: string
  purchase_order_number: string
  /** The customer's business day that the purchase order covers, YYYY-MM-DD. */
  business_date: string
  /** IANA zone in which `business_date` is a day: the customer's. Times are printed in it. */
  business_time_zone: string
  /** YYYY-MM-DD in the seller's legal zone; the tax date. */
  issue_date: string
  due_date: string
  currency: string
  /** IANA zone of the seller, in which `issue_date` and `due_date` are days. */
  time_zone: string
  seller: InvoiceSeller
  buyer: InvoiceBuyer
  /** BCP 47 tag of the customer's language. */
  locale: string
  notes: string[]
  /** The version of the tax policy by which its lines were treated. */
  tax_policy?: string
}

export type CorrectedInvoice = { invoice_id: string; number: string; issue_date: string }

export type InvoiceAddress = {
  street: string
  street2?: string
  city: string
  state?: string
  zip: string
  /** ISO 3166 alpha-2, upper case. */
  country: string
}

export type InvoiceSeller = {
  legal_name: string
  address: InvoiceAddress
  /** VAT id or, where there is no VAT, the local tax number. */
  tax_id?: string
  /** Number in the register of companies. */
  registration_id?: string
  email: string
  /** Where the invoice is paid to. */
  bank_account?: BankAccount
}

export type InvoiceBuyer = {
  customer_id: string
  name: string
  company?: string
  email: string
  address?: InvoiceAddress
  tax_id?: string
}

/** What `computeInvoice` needs; `prepaid_minor` is what was captured for these units. */
export type InvoiceInput = InvoiceHead & { units: BillableUnits[]; prepaid_minor: bigint }

/**
 * Computes an invoice from the units it bills. The order of `units` does not matter: the same units
 * give the same snapshot.
 *
 * @throws RangeError when there is nothing to bill, the units do not belong on one document, a
 *   quantity or price is impossible, or more was paid than is billed: the caller's mistakes
 * @throws DomainError `seller_incomplete` when tax is charged by a seller without a tax id, which no
 *   law allows; finance has to complete the seller first
 */
export function computeInvoice(input: InvoiceInput): InvoiceSnapshot {
  const { units, prepaid_minor } = input
  assertOneDocument(units)
  const lines = billLines(units)
  const tax_breakdown = breakDownTax(units)
  const subtotal = sum(lines.map((line) => line.net_minor))
  const tax = sum(tax_breakdown.map((group) => group.tax_minor))
  if (tax !== 0n && !input.seller.tax_id) {
    throw new DomainError(
      'seller_incomplete',
      'VAT is due and the seller has no tax id: an invoice with tax needs it.',
      { fields: [{ field: 'seller.tax_id', message: 'is missing' }] },
    )
  }
  const snapshot: InvoiceSnapshot = {
    snapshot_version: 1,
    number: input.number,
    kind: input.kind,
    purchase_order_id: input.purchase_order_id,
    purchase_order_number: input.purchase_order_number,
    business_date: input.business_date,
    business_time_zone: input.business_time_zone,
    issue_date: input.issue_date,
    due_date: input.due_date,
    currency: input.currency,
    time_zone: input.time_zone,
    seller: input.seller,
    buyer: input.buyer,
    locale: input.locale,
    notes: input.notes,
    ...(input.tax_policy === undefined ? {} : { tax_policy: input.tax_policy }),
    lines,
    tax_breakdown,
    subtotal_minor: String(subtotal),
    tax_minor: String(tax),
    total_minor: String(subtotal + tax),
    prepaid_minor: String(prepaid_minor),
    due_minor: String(subtotal + tax - prepaid_minor),
    transactions: billTransactions(units),
  }
  assertInvoiceSums(snapshot)
  return snapshot
}

/**
 * Checks every sum of an invoice against the others, from what the document says and not from how
 * it was computed. The validators of EN 16931 do not see a wrong quantity × price, and tolerate a
 * tax that is almost one unit of currency off; we tolerate nothing.
 *
 * @throws RangeError naming the sum that does not hold
 */
export function assertInvoiceSums(invoice: InvoiceSnapshot): void {
  for (const line of invoice.lines) {
    const net = BigInt(line.unit_price_minor) * BigInt(line.quantity)
    assertEqual(BigInt(line.net_minor), net, `line ${line.position}: quantity × price`)
  }
  for (const group of invoice.tax_breakdown) {
    const members = invoice.lines.filter(
      (line) => line.tax_category === group.category && line.tax_rate_bp === group.rate_bp,
    )
    const taxable = sum(members.map((line) => line.net_minor))
    assertEqual(BigInt(group.taxable_minor), taxable, `taxable amount of ${group.category}`)
    const tax = BigInt(group.tax_minor)
    const offBy = tax - taxOf(taxable, group.rate_bp)
    // The parts of an invoice that is credited bit by bit add up to its tax, so that each of them
    // may be one minor unit away from the tax of its own amount.
    const isPart = invoice.kind === 'credit_note' && (offBy === 1n || offBy === -1n)
    if (!isPart) assertEqual(tax, tax - offBy, `tax of ${group.category}`)
  }
  const subtotal = BigInt(invoice.subtotal_minor)
  const total = BigInt(invoice.total_minor)
  const prepaid = BigInt(invoice.prepaid_minor)
  const groups = invoice.tax_breakdown
  const quantity = invoice.lines.reduce((all, line) => all + line.quantity, 0)
  const units = invoice.transactions.reduce((all, transaction) => all + transaction.units, 0)
  assertEqual(BigInt(units), BigInt(quantity), 'number of units')
  assertEqual(subtotal, sum(invoice.lines.map((line) => line.net_minor)), 'subtotal')
  assertEqual(subtotal, sum(groups.map((group) => group.taxable_minor)), 'taxable amounts')
  assertEqual(subtotal, sum(invoice.transactions.map((each) => each.total_minor)), 'transactions')
  assertEqual(BigInt(invoice.tax_minor), sum(groups.map((group) => group.tax_minor)), 'tax')
  assertEqual(total, subtotal + BigInt(invoice.tax_minor), 'total')
  assertEqual(BigInt(invoice.due_minor), total - prepaid, 'amount due')
  if (prepaid < 0n || prepaid > total)
    throw new RangeError('invoice: prepaid is not within the total')
}

function assertOneDocument(units: BillableUnits[]): void {
  const [first] = units
  if (!first) throw new RangeError('invoice: there is nothing to bill')
  for (const { treatment, quantity, unit_price_minor, transaction_id } of units) {
    if (treatment.tax_group !== first.treatment.tax_group) {
      throw new RangeError('invoice: units of two tax groups cannot share a document')
    }
    if (!Number.isSafeInteger(quantity) || quantity < 1 || unit_price_minor < 0n) {
      throw new RangeError(
        `invoice: quantity or price of a unit of ${transaction_id} is impossible`,
      )
    }
  }
}

function assertEqual(stated: bigint, computed: bigint, name: string): void {
  if (stated !== computed) throw new RangeError(`invoice: ${name} is ${stated}, not ${computed}`)
}

function sum(amounts: string[]): bigint {
  return amounts.reduce((total, amount) => total + BigInt(amount), 0n)
}
