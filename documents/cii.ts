import { isIban } from '../domain/bank-account.ts'
import type { CorrectedInvoice, InvoiceAddress, InvoiceSnapshot } from '../domain/invoice.ts'
import type { InvoiceLine, InvoiceTax } from '../domain/invoice-lines.ts'
import { formatDecimal } from '../domain/money.ts'
import { formatRate } from '../domain/tax.ts'
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

const NAMESPACES = {
  'xmlns:rsm': 'urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100',
  'xmlns:ram': 'urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100',
  'xmlns:udt': 'urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100',
}

/** For the date of the invoice that a credit note names. */
const QUALIFIED = { 'xmlns:qdt': 'urn:un:unece:uncefact:data:standard:QualifiedDataType:100' }

/**
 * The invoice in UN/CEFACT Cross Industry Invoice (D16B), profile EN 16931: the XML of Factur-X and
 * ZUGFeRD. The order of the elements is the schema's.
 *
 * @throws DomainError `document_format_unavailable` when the norm cannot express the invoice
 */
export function renderCii(invoice: InvoiceSnapshot): string {
  assertNormInvoice(invoice)
  const amount = (minor: string) => formatDecimal(BigInt(minor), invoice.currency)
  return xmlDocument(
    element(
      'rsm:CrossIndustryInvoice',
      [
        element('rsm:ExchangedDocumentContext', [
          element('ram:GuidelineSpecifiedDocumentContextParameter', [
            element('ram:ID', NORM.customizationId),
          ]),
        ]),
        element('rsm:ExchangedDocument', [
          element('ram:ID', invoice.number),
          element('ram:TypeCode', typeCode(invoice)),
          dateTime('ram:IssueDateTime', invoice.issue_date),
          ...invoice.notes.map((note) =>
            element('ram:IncludedNote', [element('ram:Content', note)]),
          ),
        ]),
        element('rsm:SupplyChainTradeTransaction', [
          ...invoice.lines.map((line) => lineItem(line, amount)),
          agreement(invoice),
          element('ram:ApplicableHeaderTradeDelivery', []),
          settlement(invoice, amount),
        ]),
      ],
      invoice.corrects === undefined ? NAMESPACES : { ...NAMESPACES, ...QUALIFIED },
    ),
  )
}

function lineItem(line: InvoiceLine, amount: (minor: string) => string): XmlElement {
  return element('ram:IncludedSupplyChainTradeLineItem', [
    element('ram:AssociatedDocumentLineDocument', [element('ram:LineID', String(line.position))]),
    element('ram:SpecifiedTradeProduct', [
      element('ram:SellerAssignedID', line.sku),
      element('ram:Name', line.name),
    ]),
    element('ram:SpecifiedLineTradeAgreement', [
      element('ram:NetPriceProductTradePrice', [
        element('ram:ChargeAmount', amount(line.unit_price_minor)),
      ]),
    ]),
    element('ram:SpecifiedLineTradeDelivery', [
      element('ram:BilledQuantity', String(line.quantity), { unitCode: NORM.unitCode }),
    ]),
    element('ram:SpecifiedLineTradeSettlement', [
      element('ram:ApplicableTradeTax', [
        element('ram:TypeCode', 'VAT'),
        element('ram:CategoryCode', line.tax_category),
        rate(line.tax_category, line.tax_rate_bp),
      ]),
      element('ram:SpecifiedTradeSettlementLineMonetarySummation', [
        element('ram:LineTotalAmount', amount(line.net_minor)),
      ]),
    ]),
  ])
}

function agreement(invoice: InvoiceSnapshot): XmlElement {
  const { seller, buyer } = invoice
  const ids = sellerIds(invoice)
  const contact = contactName(buyer)
  return element('ram:ApplicableHeaderTradeAgreement', [
    element('ram:SellerTradeParty', [
      optionalElement('ram:ID', ids.plain),
      element('ram:Name', seller.legal_name),
      ids.registration === undefined
        ? undefined
        : element('ram:SpecifiedLegalOrganization', [element('ram:ID', ids.registration)]),
      postalAddress(seller.address),
      electronicAddress(seller.email),
      taxRegistration(ids.vat, 'VA'),
      taxRegistration(ids.localTax, 'FC'),
    ]),
    element('ram:BuyerTradeParty', [
      element('ram:ID', buyer.customer_id),
      element('ram:Name', buyer.company ?? buyer.name),
      contact === undefined
        ? undefined
        : element('ram:DefinedTradeContact', [element('ram:PersonName', contact)]),
      buyer.address ? postalAddress(buyer.address) : undefined,
      electronicAddress(buyer.email),
      taxRegistration(buyerVatId(invoice), 'VA'),
    ]),
    element('ram:BuyerOrderReferencedDocument', [
      element('ram:IssuerAssignedID', invoice.purchase_order_number),
    ]),
  ])
}

function postalAddress(address: InvoiceAddress): XmlElement {
  return element('ram:PostalTradeAddress', [
    optionalElement('ram:PostcodeCode', address.zip),
    optionalElement('ram:LineOne', address.street),
    optionalElement('ram:LineTwo', address.street2),
    optionalElement('ram:CityName', address.city),
    element('ram:CountryID', address.country),
    optionalElement('ram:CountrySubDivisionName', address.state),
  ])
}

function electronicAddress(email: string): XmlElement {
  return element('ram:URIUniversalCommunication', [
    element('ram:URIID', email, { schemeID: NORM.emailScheme }),
  ])
}

function taxRegistration(id: string | undefined, schemeID: 'VA' | 'FC'): XmlElement | undefined {
  if (id === undefined) return undefined
  return element('ram:SpecifiedTaxRegistration', [element('ram:ID', id, { schemeID })])
}

function settlement(invoice: InvoiceSnapshot, amount: (minor: string) => string): XmlElement {
  return element('ram:ApplicableHeaderTradeSettlement', [
    element('ram:PaymentReference', invoice.number),
    element('ram:InvoiceCurrencyCode', invoice.currency),
    creditTransfer(invoice),
    ...invoice.tax_breakdown.map((group) => tradeTax(group, amount)),
    element('ram:BillingSpecifiedPeriod', [
      dateTime('ram:StartDateTime', invoice.business_date),
      dateTime('ram:EndDateTime', invoice.business_date),
    ]),
    element('ram:SpecifiedTradePaymentTerms', [
      optionalElement('ram:Description', creditTerms(invoice)),
      dateTime('ram:DueDateDateTime', invoice.due_date),
    ]),
    element('ram:SpecifiedTradeSettlementHeaderMonetarySummation', [
      element('ram:LineTotalAmount', amount(invoice.subtotal_minor)),
      element('ram:TaxBasisTotalAmount', amount(invoice.subtotal_minor)),
      element('ram:TaxTotalAmount', amount(invoice.tax_minor), { currencyID: invoice.currency }),
      element('ram:GrandTotalAmount', amount(invoice.total_minor)),
      element('ram:TotalPrepaidAmount', amount(invoice.prepaid_minor)),
      element('ram:DuePayableAmount', amount(invoice.due_minor)),
    ]),
    invoice.corrects === undefined ? undefined : correctedInvoice(invoice.corrects),
  ])
}

function creditTransfer(invoice: InvoiceSnapshot): XmlElement | undefined {
  const means = paymentMeans(invoice)
  if (means === undefined) return undefined
  const { account, bank_code, typeCode: code } = means
  const name = isIban(account) ? 'ram:IBANID' : 'ram:ProprietaryID'
  return element('ram:SpecifiedTradeSettlementPaymentMeans', [
    element('ram:TypeCode', code),
    element('ram:PayeePartyCreditorFinancialAccount', [element(name, account)]),
    bank_code === undefined
      ? undefined
      : element('ram:PayeeSpecifiedCreditorFinancialInstitution', [
          element('ram:BICID', bank_code),
        ]),
  ])
}

/** BG-3: the invoice that is taken back. */
function correctedInvoice(corrects: CorrectedInvoice): XmlElement {
  return element('ram:InvoiceReferencedDocument', [
    element('ram:IssuerAssignedID', corrects.number),
    element('ram:FormattedIssueDateTime', [
      element('qdt:DateTimeString', corrects.issue_date.replaceAll('-', ''), { format: '102' }),
    ]),
  ])
}

function tradeTax(group: InvoiceTax, amount: (minor: string) => string): XmlElement {
  return element('ram:ApplicableTradeTax', [
    element('ram:CalculatedAmount', amount(group.tax_minor)),
    element('ram:TypeCode', 'VAT'),
    optionalElement('ram:ExemptionReason', group.exemption_text),
    element('ram:BasisAmount', amount(group.taxable_minor)),
    element('ram:CategoryCode', group.category),
    optionalElement('ram:ExemptionReasonCode', group.exemption_code),
    rate(group.category, group.rate_bp),
  ])
}

/** A supply outside the scope of VAT has no rate, not even zero (BR-O-05). */
function rate(category: string, rate_bp: number): XmlElement | undefined {
  if (category === 'O') return undefined
  return element('ram:RateApplicablePercent', formatRate(rate_bp))
}

/** Format 102 of UNCL 2379: YYYYMMDD. */
function dateTime(name: string, date: string): XmlElement {
  return element(name, [element('udt:DateTimeString', date.replaceAll('-', ''), { format: '102' })])
}
