import type { CorrectedInvoice, InvoiceAddress, InvoiceSnapshot } from '../domain/invoice.ts'
import type { InvoiceLine, InvoiceTax } from '../domain/invoice-lines.ts'
import { formatDecimal } from '../domain/money.ts'
import { formatRate } from '../domain/tax.ts'
import type { TaxCategory } from '../domain/tax.ts'
import {
  assertNormInvoice,
  buyerVatId,
  contactName,
  creditTerms,
  NORM,
  paymentMeans,
  sellerIds,
  typeCode,
} from './norm.ts'
import { element, optionalElement, xmlDocument } from './xml.ts'
import type { XmlElement } from './xml.ts'

/** UBL has a schema for each: the names differ, the content is the same. */
const DOCUMENTS = {
  invoice: {
    root: 'Invoice',
    typeCode: 'cbc:InvoiceTypeCode',
    line: 'cac:InvoiceLine',
    quantity: 'cbc:InvoicedQuantity',
  },
  credit_note: {
    root: 'CreditNote',
    typeCode: 'cbc:CreditNoteTypeCode',
    line: 'cac:CreditNoteLine',
    quantity: 'cbc:CreditedQuantity',
  },
} as const

const NAMESPACES = {
  'xmlns:cac': 'urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2',
  'xmlns:cbc': 'urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2',
}

/** An amount element with its currency. */
type AmountElement = (name: string, minor: string) => XmlElement

/**
 * The invoice in UBL 2.1 by the rules of EN 16931. The order of the elements is the schema's.
 *
 * @throws DomainError `document_format_unavailable` when the norm cannot express the invoice
 */
export function renderUbl(invoice: InvoiceSnapshot): string {
  assertNormInvoice(invoice)
  const { currency } = invoice
  const names = DOCUMENTS[invoice.kind]
  const amount: AmountElement = (name, minor) =>
    element(name, formatDecimal(BigInt(minor), currency), { currencyID: currency })
  return xmlDocument(
    element(
      names.root,
      [
        element('cbc:CustomizationID', NORM.customizationId),
        element('cbc:ID', invoice.number),
        element('cbc:IssueDate', invoice.issue_date),
        invoice.kind === 'invoice' ? element('cbc:DueDate', invoice.due_date) : undefined,
        element(names.typeCode, typeCode(invoice)),
        ...invoice.notes.map((note) => element('cbc:Note', note)),
        element('cbc:DocumentCurrencyCode', currency),
        element('cac:InvoicePeriod', [
          element('cbc:StartDate', invoice.business_date),
          element('cbc:EndDate', invoice.business_date),
        ]),
        element('cac:OrderReference', [element('cbc:ID', invoice.purchase_order_number)]),
        invoice.corrects === undefined ? undefined : correctedInvoice(invoice.corrects),
        element('cac:AccountingSupplierParty', [supplier(invoice)]),
        element('cac:AccountingCustomerParty', [customer(invoice)]),
        creditTransfer(invoice),
        paymentTerms(creditTerms(invoice)),
        element('cac:TaxTotal', [
          amount('cbc:TaxAmount', invoice.tax_minor),
          ...invoice.tax_breakdown.map((group) => taxSubtotal(group, amount)),
        ]),
        element('cac:LegalMonetaryTotal', [
          amount('cbc:LineExtensionAmount', invoice.subtotal_minor),
          amount('cbc:TaxExclusiveAmount', invoice.subtotal_minor),
          amount('cbc:TaxInclusiveAmount', invoice.total_minor),
          amount('cbc:PrepaidAmount', invoice.prepaid_minor),
          amount('cbc:PayableAmount', invoice.due_minor),
        ]),
        ...invoice.lines.map((line) => invoiceLine(line, names, amount)),
      ],
      { xmlns: `urn:oasis:names:specification:ubl:schema:xsd:${names.root}-2`, ...NAMESPACES },
    ),
  )
}

function supplier(invoice: InvoiceSnapshot): XmlElement {
  const { seller } = invoice
  const ids = sellerIds(invoice)
  return element('cac:Party', [
    element('cbc:EndpointID', seller.email, { schemeID: NORM.emailScheme }),
    partyIdentification(ids.plain),
    postalAddress(seller.address),
    partyTaxScheme(ids.vat, 'VAT'),
    partyTaxScheme(ids.localTax, 'TAX'),
    element('cac:PartyLegalEntity', [
      element('cbc:RegistrationName', seller.legal_name),
      optionalElement('cbc:CompanyID', ids.registration),
    ]),
  ])
}

function customer(invoice: InvoiceSnapshot): XmlElement {
  const { buyer } = invoice
  const contact = contactName(buyer)
  return element('cac:Party', [
    element('cbc:EndpointID', buyer.email, { schemeID: NORM.emailScheme }),
    partyIdentification(buyer.customer_id),
    buyer.address ? postalAddress(buyer.address) : undefined,
    partyTaxScheme(buyerVatId(invoice), 'VAT'),
    element('cac:PartyLegalEntity', [element('cbc:RegistrationName', buyer.company ?? buyer.name)]),
    contact === undefined ? undefined : element('cac:Contact', [element('cbc:Name', contact)]),
  ])
}

function partyIdentification(id: string | undefined): XmlElement | undefined {
  if (id === undefined) return undefined
  return element('cac:PartyIdentification', [element('cbc:ID', id)])
}

function partyTaxScheme(id: string | undefined, scheme: 'VAT' | 'TAX'): XmlElement | undefined {
  if (id === undefined) return undefined
  return element('cac:PartyTaxScheme', [element('cbc:CompanyID', id), taxScheme(scheme)])
}

function postalAddress(address: InvoiceAddress): XmlElement {
  return element('cac:PostalAddress', [
    optionalElement('cbc:StreetName', address.street),
    optionalElement('cbc:AdditionalStreetName', address.street2),
    optionalElement('cbc:CityName', address.city),
    optionalElement('cbc:PostalZone', address.zip),
    optionalElement('cbc:CountrySubentity', address.state),
    element('cac:Country', [element('cbc:IdentificationCode', address.country)]),
  ])
}

function taxSubtotal(group: InvoiceTax, amount: AmountElement): XmlElement {
  return element('cac:TaxSubtotal', [
    amount('cbc:TaxableAmount', group.taxable_minor),
    amount('cbc:TaxAmount', group.tax_minor),
    element('cac:TaxCategory', [
      ...categoryAndRate(group.category, group.rate_bp),
      optionalElement('cbc:TaxExemptionReasonCode', group.exemption_code),
      optionalElement('cbc:TaxExemptionReason', group.exemption_text),
      taxScheme('VAT'),
    ]),
  ])
}

/** BG-3: the invoice that is taken back. */
function correctedInvoice(corrects: CorrectedInvoice): XmlElement {
  return element('cac:BillingReference', [
    element('cac:InvoiceDocumentReference', [
      element('cbc:ID', corrects.number),
      element('cbc:IssueDate', corrects.issue_date),
    ]),
  ])
}

function creditTransfer(invoice: InvoiceSnapshot): XmlElement | undefined {
  const means = paymentMeans(invoice)
  if (means === undefined) return undefined
  const { account, bank_code, typeCode: code } = means
  return element('cac:PaymentMeans', [
    element('cbc:PaymentMeansCode', code),
    element('cbc:PaymentID', invoice.number),
    element('cac:PayeeFinancialAccount', [
      element('cbc:ID', account),
      bank_code === undefined
        ? undefined
        : element('cac:FinancialInstitutionBranch', [element('cbc:ID', bank_code)]),
    ]),
  ])
}

function paymentTerms(note: string | undefined): XmlElement | undefined {
  return note === undefined ? undefined : element('cac:PaymentTerms', [element('cbc:Note', note)])
}

function invoiceLine(
  line: InvoiceLine,
  names: { line: string; quantity: string },
  amount: AmountElement,
): XmlElement {
  return element(names.line, [
    element('cbc:ID', String(line.position)),
    element(names.quantity, String(line.quantity), { unitCode: NORM.unitCode }),
    amount('cbc:LineExtensionAmount', line.net_minor),
    element('cac:Item', [
      element('cbc:Name', line.name),
      element('cac:SellersItemIdentification', [element('cbc:ID', line.sku)]),
      element('cac:ClassifiedTaxCategory', [
        ...categoryAndRate(line.tax_category, line.tax_rate_bp),
        taxScheme('VAT'),
      ]),
    ]),
    element('cac:Price', [amount('cbc:PriceAmount', line.unit_price_minor)]),
  ])
}

/** A supply outside the scope of VAT has no rate, not even zero (BR-O-05). */
function categoryAndRate(category: TaxCategory, rate_bp: number): XmlElement[] {
  const id = element('cbc:ID', category)
  return category === 'O' ? [id] : [id, element('cbc:Percent', formatRate(rate_bp))]
}

function taxScheme(id: 'VAT' | 'TAX'): XmlElement {
  return element('cac:TaxScheme', [element('cbc:ID', id)])
}
