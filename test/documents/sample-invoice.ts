import { computeCreditNote } from '../../domain/credit-note.ts'
import { computeInvoice } from '../../domain/invoice.ts'
import type { InvoiceInput, InvoiceSnapshot } from '../../domain/invoice.ts'
import { taxOf, type BillableUnits } from '../../domain/invoice-lines.ts'
import { TAX_POLICIES, taxPolicyOn, taxTreatment } from '../../domain/tax.ts'

const POLICY = taxPolicyOn(TAX_POLICIES, '2026-11-22')

const NAMES = [
  'Amazon Gift Card USD 25 (US)',
  'PlayStation Store Guthaben 50 EUR – Österreich',
  'Δωροκάρτα Public 100 € (Ελλάδα)',
  'Подарочная карта Steam 1000 ₽',
  'Xbox Game Pass Ultimate, 3 months, global edition without regional restrictions, delivered as a single-use redemption code by e-mail or API',
  'Karta podarunkowa Empik 200 zł',
]

/** Units of `lines` products in `transactions` orders, spread evenly; vouchers of a German seller. */
export function sampleUnits(lines: number, transactions = 3): BillableUnits[] {
  const treatment = taxTreatment(POLICY, {
    seller_country: 'DE',
    buyer_country: 'GR',
    product_class: 'multi_purpose_voucher',
  })
  return Array.from({ length: Math.max(lines, transactions) }, (_, index) => {
    const product = index % lines
    const order = index % transactions
    return {
      transaction_id: `txn_01jd${String(order).padStart(22, '0')}`,
      client_reference: order % 3 === 2 ? undefined : `PO-${4711 + order}/A`,
      accepted_at: new Date(Date.UTC(2026, 10, 21, 22, 15) + order * 61_000).toISOString(),
      sku: `GC-${String(product + 1).padStart(4, '0')}-EU`,
      name: NAMES[product % NAMES.length] ?? '',
      quantity: 1 + (index % 7),
      unit_price_minor: 2_499n + BigInt(product) * 101n,
      treatment,
    }
  })
}

/** The day of a Greek reseller at a German seller of vouchers; any part can be replaced. */
export function sampleInput(changes: Partial<InvoiceInput> = {}): InvoiceInput {
  return {
    number: 'INV-2026-000123',
    kind: 'invoice',
    purchase_order_id: 'po_01jd8m4k2f7w9x3y5z6a7b8c9d',
    purchase_order_number: 'PO-2026-11-22-0042',
    business_date: '2026-11-22',
    business_time_zone: 'Europe/Athens',
    issue_date: '2026-11-23',
    due_date: '2026-12-07',
    currency: 'EUR',
    time_zone: 'Europe/Berlin',
    seller: {
      legal_name: 'Nordlicht Codes GmbH',
      address: { street: 'Große Elbstraße 145', city: 'Hamburg', zip: '22767', country: 'DE' },
      tax_id: 'DE123456789',
      registration_id: 'HRB 98765',
      email: 'billing@nordlicht.example',
    },
    buyer: {
      customer_id: 'cust_01jd8m4k2f7w9x3y5z6a7b8c9d',
      name: 'Ελένη Παπαδοπούλου',
      company: 'Κάρτες & Δώρα Α.Ε.',
      email: 'logistirio@kartes.example',
      address: {
        street: 'Λεωφόρος Βασιλίσσης Σοφίας 12',
        street2: '3ος όροφος',
        city: 'Αθήνα',
        zip: '106 74',
        country: 'GR',
      },
      tax_id: 'EL094259216',
    },
    locale: 'en',
    notes: [],
    units: sampleUnits(3),
    prepaid_minor: 0n,
    ...changes,
  }
}

/** A computed invoice with `lines` lines. */
export function sampleInvoice(lines: number, changes: Partial<InvoiceInput> = {}): InvoiceSnapshot {
  return computeInvoice(sampleInput({ units: sampleUnits(lines), ...changes }))
}

/** A credit note for the first unit of each line of an invoice, with a part of the last one's price. */
export function sampleCreditNote(invoice: InvoiceSnapshot): InvoiceSnapshot {
  const last = invoice.lines.length - 1
  const units = invoice.lines.map((line, index) => ({
    transaction_id: invoice.transactions[0]?.transaction_id ?? '',
    client_reference: null,
    accepted_at: new Date('2026-11-22T08:00:00.000Z'),
    sku: line.sku,
    name: line.name,
    tax_category: line.tax_category,
    tax_rate_bp: line.tax_rate_bp,
    price_minor: BigInt(line.unit_price_minor),
    net_minor: BigInt(line.unit_price_minor) / (index === last ? 2n : 1n),
  }))
  const taxes = invoice.tax_breakdown.map(({ category, rate_bp }) => {
    const taxable_minor = units
      .filter((unit) => unit.tax_category === category && unit.tax_rate_bp === rate_bp)
      .reduce((sum, unit) => sum + unit.net_minor, 0n)
    return { category, rate_bp, taxable_minor, tax_minor: taxOf(taxable_minor, rate_bp) }
  })
  return computeCreditNote({
    number: 'CN-2026-000007',
    issue_date: '2026-11-25',
    reason: 'Recalled by the maker.',
    invoiceId: 'inv_01jd8m4k2f7w9x3y5z6a7b8c9d',
    invoice,
    units,
    taxes,
  })
}

/** Fees and services of a German seller: taxed, in two categories. */
export function taxedUnits(): BillableUnits[] {
  const domestic = taxTreatment(POLICY, {
    seller_country: 'DE',
    buyer_country: 'DE',
    product_class: 'fee',
  })
  const reverse = taxTreatment(POLICY, {
    seller_country: 'DE',
    buyer_country: 'GR',
    buyer_tax_id: 'EL094259216',
    product_class: 'digital_service',
  })
  const base = { transaction_id: 'txn_1', accepted_at: '2026-11-22T08:00:00.000Z' }
  return [
    {
      ...base,
      sku: 'FEE-1',
      name: 'Handling',
      quantity: 3,
      unit_price_minor: 333n,
      treatment: domestic,
    },
    {
      ...base,
      sku: 'FEE-2',
      name: 'Express',
      quantity: 1,
      unit_price_minor: 51n,
      treatment: domestic,
    },
    {
      ...base,
      sku: 'SVC-1',
      name: 'Reporting',
      quantity: 2,
      unit_price_minor: 9_900n,
      treatment: reverse,
    },
  ]
}
