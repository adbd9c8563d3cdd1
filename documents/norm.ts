import type { BankAccount } from '../domain/bank-account.ts'
import { DomainError } from '../domain/error.ts'
import type { InvoiceBuyer, InvoiceSnapshot } from '../domain/invoice.ts'
import { taxOf, type InvoiceTax } from '../domain/invoice-lines.ts'
import { currencyExponent } from '../domain/money.ts'
import { vatId } from '../domain/tax.ts'

/** EN 16931-1, the European invoice, in the rules that our documents are checked against. */
export const NORM = {
  /** BT-24, the same in both syntaxes. */
  customizationId: 'urn:cen.eu:en16931:2017',
  rulesVersion: '1.3.16',
  /** UNCL 1001: commercial invoice. */
  invoiceTypeCode: '380',
  /** UNCL 1001: credit note. */
  creditNoteTypeCode: '381',
  /** UNCL 4461: credit transfer. */
  creditTransferCode: '30',
  /** UN/ECE Recommendation 20: piece. */
  unitCode: 'H87',
  /** EAS code list: the electronic address is an e-mail address. */
  emailScheme: 'EM',
} as const

/** Active currencies that the code list of `NORM.rulesVersion` does not have yet (BR-CL-03, 04). */
const UNLISTED_CURRENCIES = new Set(['STN', 'XAD'])

/** The norm's amounts have at most two decimals: KWD, BHD and CLF cannot be written in it. */
export function isNormCurrency(currency: string): boolean {
  return currencyExponent(currency) <= 2 && !UNLISTED_CURRENCIES.has(currency)
}

/**
 * Why an invoice has no document in UBL or CII, in words for people; empty when it has one.
 */
export function normObstacles(invoice: InvoiceSnapshot): string[] {
  const obstacles: string[] = []
  if (!isNormCurrency(invoice.currency)) {
    obstacles.push(`EN 16931 cannot express amounts in ${invoice.currency}.`)
  }
  if (!invoice.buyer.address) obstacles.push('The buyer has no postal address.')
  if (invoice.tax_breakdown.some((group) => isTaxTooFar(group, invoice.currency))) {
    obstacles.push('The tax of this part differs from its rate by a whole unit of the currency.')
  }
  return obstacles
}

/**
 * The norm tolerates a tax that is less than 1.00 away from its rate (BR-S-09). A part of an invoice
 * may be one minor unit away, and that is 1.00 in yen.
 */
function isTaxTooFar(group: InvoiceTax, currency: string): boolean {
  const exact = taxOf(BigInt(group.taxable_minor), group.rate_bp)
  return currencyExponent(currency) === 0 && BigInt(group.tax_minor) !== exact
}

/** BT-20 of a credit note, which has no date to be paid by: what happens with its amount. */
export function creditTerms(invoice: InvoiceSnapshot): string | undefined {
  return invoice.corrects === undefined
    ? undefined
    : `Set off against invoice ${invoice.corrects.number} or paid back.`
}

/** BG-16: how an invoice is paid; nothing where nothing is to be paid, or nobody said where to. */
export function paymentMeans(
  invoice: InvoiceSnapshot,
): (BankAccount & { typeCode: string }) | undefined {
  const { bank_account: account } = invoice.seller
  const isOwed = invoice.corrects === undefined && invoice.due_minor !== '0'
  return account === undefined || !isOwed
    ? undefined
    : { ...account, typeCode: NORM.creditTransferCode }
}

/** BT-3: what kind of document it is, UNCL 1001. */
export function typeCode(invoice: InvoiceSnapshot): string {
  return invoice.kind === 'credit_note' ? NORM.creditNoteTypeCode : NORM.invoiceTypeCode
}

/**
 * @throws DomainError `document_format_unavailable` when the invoice cannot be written in the norm
 */
export function assertNormInvoice(invoice: InvoiceSnapshot): void {
  const [obstacle] = normObstacles(invoice)
  if (obstacle !== undefined) throw new DomainError('document_format_unavailable', obstacle)
}

/** Whether the document is outside the scope of VAT, and so may carry no VAT id (BR-O-02). */
export function isOutsideScope(invoice: InvoiceSnapshot): boolean {
  return invoice.tax_breakdown.some((group) => group.category === 'O')
}

/** How the seller is identified: at least one of the first three must be there (BR-CO-26). */
export type SellerIds = {
  /** BT-29 */
  plain?: string
  /** BT-30 */
  registration?: string
  /** BT-31 */
  vat?: string
  /** BT-32 */
  localTax?: string
}

/** The ids that the norm lets the seller show on this document. */
export function sellerIds(invoice: InvoiceSnapshot): SellerIds {
  const { registration_id: registration, tax_id, email } = invoice.seller
  const vat = isOutsideScope(invoice)
    ? undefined
    : vatId(invoice.seller.tax_id, invoice.seller.address.country)
  const needsPlain = registration === undefined && vat === undefined
  return {
    plain: needsPlain ? (tax_id ?? email) : undefined,
    registration,
    vat,
    localTax: vat === undefined ? tax_id : undefined,
  }
}

/** The person behind a company; nobody when the buyer has one name for both. */
export function contactName(buyer: InvoiceBuyer): string | undefined {
  return buyer.company === undefined || buyer.company === buyer.name ? undefined : buyer.name
}

/** BT-48, which a document outside the scope of VAT may not carry. */
export function buyerVatId(invoice: InvoiceSnapshot): string | undefined {
  const { tax_id, address } = invoice.buyer
  return isOutsideScope(invoice) ? undefined : vatId(tax_id, address?.country)
}
