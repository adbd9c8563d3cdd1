import type {
  DayDigest,
  DigestCustomer,
  DigestDocument,
  OpenPurchaseOrder,
} from '../domain/day-digest.ts'
import { purchaseOrderNumber } from '../domain/purchase-order.ts'
import { amountCell, renderCsv, type Cell } from './csv.ts'
import { displayAmount, displayCount } from './display.ts'

export type DigestMail = {
  subject: string
  body: string
  files: { filename: string; content: Uint8Array }[]
}

const LISTED_MAX = 40 // of each list: what a mail can show; the files have everything

/** The mail of a day's digest: totals by customer and currency, documents, what is still open. */
export function writeDayDigest(digest: DayDigest, pagesUrl?: string): DigestMail {
  const { businessDate, seller, customers, documents, open } = digest
  const totals = sumByCurrency(customers)
  const amounts = totals.map((sum) => money(sum.invoiced_minor, sum.currency))
  const later = documents.filter(({ kind }) => kind !== 'invoice')
  const files = [
    { filename: `day-${businessDate}-customers.csv`, content: customersCsv(digest) },
    { filename: `day-${businessDate}-documents.csv`, content: documentsCsv(documents) },
  ]
  return {
    subject:
      `${businessDate}: ${amounts.join(', ')} invoiced by ${seller}` +
      (open.length === 0 ? '' : `, ${count(open.length, 'purchase order')} still open`),
    body: [
      `Business date ${businessDate} of ${seller}`,
      open.length === 0
        ? 'Every purchase order of the date is done.'
        : `${count(open.length, 'purchase order')} of the date ${open.length === 1 ? 'is' : 'are'} still open. You will hear again when all are done.`,
      '',
      'Totals',
      ...totals.map(printTotal),
      '',
      'By customer',
      ...listed(customers, printCustomer),
      ...section(sinceTitle(digest), later, printDocument),
      ...section('Still open', open, printOpen),
      '',
      ...(pagesUrl === undefined ? [] : [`Day close: ${pagesUrl}/day-close?date=${businessDate}`]),
      `Attached: ${files.map(({ filename }) => filename).join(', ')}`,
    ].join('\n'),
    files,
  }
}

type Totals = Omit<DigestCustomer, 'customer_id' | 'name'>

function sumByCurrency(customers: DigestCustomer[]): Totals[] {
  const sums = new Map<string, Totals>()
  for (const { customer_id: _id, name: _name, ...one } of customers) {
    const sum = sums.get(one.currency)
    sums.set(
      one.currency,
      sum === undefined
        ? one
        : {
            currency: one.currency,
            purchase_orders: sum.purchase_orders + one.purchase_orders,
            transactions: sum.transactions + one.transactions,
            accepted_minor: sum.accepted_minor + one.accepted_minor,
            invoices: sum.invoices + one.invoices,
            tax_minor: sum.tax_minor + one.tax_minor,
            invoiced_minor: sum.invoiced_minor + one.invoiced_minor,
          },
    )
  }
  return [...sums.values()]
}

function printTotal(sum: Totals): string {
  return `  ${sum.currency}  ${count(sum.purchase_orders, 'purchase order')}, ${printSums(sum)}`
}

function printCustomer(one: DigestCustomer): string {
  return `  ${one.name} (${one.currency}): ${printSums(one)}`
}

function printSums(sum: Totals): string {
  return (
    `${count(sum.transactions, 'order')} of ${money(sum.accepted_minor, sum.currency)} net; ` +
    `${count(sum.invoices, 'invoice')} of ${money(sum.invoiced_minor, sum.currency)}` +
    (sum.tax_minor === 0n ? '' : ` (tax ${money(sum.tax_minor, sum.currency)})`)
  )
}

const KINDS = {
  invoice: 'invoice',
  supplementary_invoice: 'supplementary invoice',
  credit_note: 'credit note',
} as const

function printDocument(document: DigestDocument): string {
  const { number, kind, name, business_date, total_minor, currency } = document
  return `  ${number}  ${KINDS[kind]} about ${business_date} for ${name}: ${money(total_minor, currency)}`
}

function printOpen(po: OpenPurchaseOrder): string {
  const number = purchaseOrderNumber({
    businessDate: po.business_date,
    currency: po.currency,
    sequence: po.sequence,
    customerId: po.customer_id,
  })
  return `  ${number}  ${po.name}: ${reasonOf(po)}`
}

function reasonOf({ state, held }: OpenPurchaseOrder): string {
  if (held) return 'its invoice is held by an operator'
  switch (state) {
    case 'open':
      return 'its day is not closed'
    case 'settling':
      return 'it is not invoiced yet'
    case 'invoiced':
    case 'settled':
      return 'its documents are not sent yet'
  }
}

function sinceTitle({ businessDate, since }: DayDigest): string {
  return since === null ? `Also issued until ${businessDate}` : `Also issued after ${since}`
}

function section<Row>(title: string, rows: Row[], print: (row: Row) => string): string[] {
  return rows.length === 0 ? [] : ['', title, ...listed(rows, print)]
}

function listed<Row>(rows: Row[], print: (row: Row) => string): string[] {
  const shown = rows.slice(0, LISTED_MAX).map(print)
  const more = rows.length - shown.length
  return more === 0 ? shown : [...shown, `  and ${displayCount(more)} more in the attached files`]
}

function money(minor: bigint, currency: string): string {
  return `${displayAmount(String(minor), currency)} ${currency}`
}

function count(many: number, noun: string): string {
  return `${displayCount(many)} ${noun}${many === 1 ? '' : 's'}`
}

/** One row per customer and currency. `accepted` is without tax, `invoiced` with it. */
function customersCsv({ businessDate, customers }: DayDigest): Uint8Array {
  return renderCsv([
    [
      'business_date',
      'customer_id',
      'customer',
      'currency',
      'purchase_orders',
      'orders',
      'accepted',
      'invoices',
      'tax',
      'invoiced',
    ],
    ...customers.map((one) => [
      businessDate,
      one.customer_id,
      one.name,
      one.currency,
      countCell(one.purchase_orders),
      countCell(one.transactions),
      amountCell(one.accepted_minor, one.currency),
      countCell(one.invoices),
      amountCell(one.tax_minor, one.currency),
      amountCell(one.invoiced_minor, one.currency),
    ]),
  ])
}

/** One row per document. The amounts of a credit note are positive and owed the other way round. */
function documentsCsv(documents: DigestDocument[]): Uint8Array {
  return renderCsv([
    [
      'kind',
      'number',
      'issue_date',
      'due_date',
      'business_date',
      'customer_id',
      'customer',
      'net',
      'tax',
      'total',
      'currency',
    ],
    ...documents.map((each) => [
      each.kind,
      each.number,
      each.issue_date,
      each.due_date ?? '',
      each.business_date,
      each.customer_id,
      each.name,
      amountCell(each.subtotal_minor, each.currency),
      amountCell(each.tax_minor, each.currency),
      amountCell(each.total_minor, each.currency),
      each.currency,
    ]),
  ])
}

function countCell(many: number): Cell {
  return { number: String(many) }
}
