import { createHash } from 'node:crypto'
import { ApplicationFailure } from '@temporalio/common'
import { inTransaction, type Db, type Tx } from '../db/client.ts'
import { takeDocumentNumber, type DocumentNumber } from '../db/document-numbers.ts'
import { emitEvent } from '../db/events.ts'
import { getInvoiceParties, type InvoiceParties } from '../db/invoice-parties.ts'
import {
  billUnits,
  insertInvoice,
  listBillableLines,
  type BillableLine,
  type BilledQuantity,
} from '../db/invoices.ts'
import { lockCustomerBalance, postJournal } from '../db/ledger.ts'
import { applyPrepayments, lockOrderPayments } from '../db/invoice-prepayments.ts'
import type { PurchaseOrderRow } from '../db/purchase-orders.ts'
import { documentFormats } from '../documents/render.ts'
import { canonicalJson } from '../domain/canonical-json.ts'
import { DomainError, type DomainReason } from '../domain/error.ts'
import type { InvoiceInput, InvoiceSnapshot } from '../domain/invoice.ts'
import type { BillableUnits, InvoiceLine } from '../domain/invoice-lines.ts'
import { invoiceIssued } from '../domain/ledger.ts'
import { purchaseOrderNumber } from '../domain/purchase-order.ts'
import {
  TAX_POLICIES,
  taxPolicyOn,
  taxTreatment,
  type TaxPolicy,
  type TaxTreatment,
} from '../domain/tax.ts'
import { newId } from '../new-id.ts'
import { renderInvoice } from '../wire/invoice.ts'
import { computePrepaid } from './invoice-paid.ts'

/** A purchase order's first invoices; what is delivered later is billed by later runs. */
export const FIRST_RUN = 1

const SUPPLEMENTARY_NOTE =
  'Supplementary invoice: delivered after the first invoice of this purchase order.'

const AHEAD_NOTE =
  'Billed on acceptance: some codes are still to be delivered; any that is not will be credited.'

/** What nobody but the seller can mend. */
const FOR_A_PERSON: ReadonlySet<DomainReason> = new Set(['seller_incomplete', 'tax_undecided'])

/**
 * Runs the transaction that issues invoices. What the seller has to complete first is never tried
 * again by itself: the workflow shows it to an operator.
 */
export async function billOrStop<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  try {
    return await inTransaction(db, work)
  } catch (error) {
    if (error instanceof DomainError && FOR_A_PERSON.has(error.reason)) {
      throw ApplicationFailure.nonRetryable(error.message, error.reason)
    }
    throw error
  }
}

/** The payment method whose orders hold credit until they are billed. */
const CREDIT = 'credit'

type TreatedLine = BillableLine & { treatment: TaxTreatment }

export type Billed = {
  /** Of all documents together. */
  manifestHash: Buffer
  /** The invoices of which something was paid before; they are still open. */
  prepaid: string[]
}

/**
 * Issues one document per tax group for what no invoice of a purchase order has billed yet. The caller
 * holds the purchase order's lock.
 *
 * @throws DomainError `seller_incomplete` when the seller lacks what the law demands on the document,
 *   `tax_undecided` when the policy in force says nothing of a supply
 */
export async function billUnbilled(
  tx: Tx,
  po: PurchaseOrderRow,
  { run, policies = TAX_POLICIES }: { run: number; policies?: readonly TaxPolicy[] },
): Promise<Billed> {
  const key = { accountId: po.account_id, purchaseOrderId: po.id }
  const parties = await getInvoiceParties(tx, {
    accountId: po.account_id,
    customerId: po.customer_id,
  })
  const policy = taxPolicyOn(policies, parties.issueDate)
  await lockOrderPayments(tx, key)
  const lines = treatLines(policy, await listBillableLines(tx, key), parties)
  const groups = [...new Set(lines.map((line) => line.treatment.tax_group))].sort()
  const manifest: string[] = []
  const prepaid: string[] = []
  for (const group of groups) {
    const members = lines.filter((line) => line.treatment.tax_group === group)
    const document = { parties, group, run, policy, lines: members }
    const { content, invoiceId, isPrepaid } = await billGroup(tx, po, document)
    manifest.push(content)
    if (isPrepaid) prepaid.push(invoiceId)
  }
  return { manifestHash: sha256(manifest.join('\n')), prepaid }
}

/** Issues the document of one tax group; answers its canonical content, too. */
async function billGroup(
  tx: Tx,
  po: PurchaseOrderRow,
  document: {
    parties: InvoiceParties
    group: string
    run: number
    policy: TaxPolicy
    lines: TreatedLine[]
  },
): Promise<{ content: string; invoiceId: string; isPrepaid: boolean }> {
  const { parties, run, lines } = document
  const key = { accountId: po.account_id, purchaseOrderId: po.id }
  // Lines of different orders that agree on SKU, price and tax share one line of the invoice.
  const lineIds = new Map(lines.map((line) => [lineKey(line), newId('invoiceLine')]))
  const idOf = (line: LineIdentity) => {
    const id = lineIds.get(lineKey(line))
    if (id === undefined) throw new Error(`${po.id}: no invoice line for ${line.sku}`)
    return id
  }
  const quantities = await billUnits(tx, {
    ...key,
    lines: lines.map((line) => ({ lineId: line.line_id, invoiceLineId: idOf(identify(line)) })),
  })
  const owner = { accountId: po.account_id, customerId: po.customer_id, currency: po.currency }
  await lockCustomerBalance(tx, owner)
  const number = await takeDocumentNumber(tx, po.account_id, 'invoice')
  const input = {
    ...parties.snapshot,
    number: number.number,
    kind: 'invoice',
    tax_policy: document.policy.version,
    purchase_order_id: po.id,
    purchase_order_number: purchaseOrderNumber({
      businessDate: po.business_date,
      currency: po.currency,
      sequence: po.sequence,
      customerId: po.customer_id,
    }),
    business_date: po.business_date,
    business_time_zone: po.time_zone,
    issue_date: number.issueDate,
    due_date: number.dueDate,
    currency: po.currency,
    notes: notesOf(run, quantities),
    prepaid_minor: 0n,
    units: lines.flatMap((line) => toBillable(line, quantities.get(line.line_id)?.quantity ?? 0)),
  } satisfies InvoiceInput
  const paidLines = lines.filter((line) => line.payment_method !== CREDIT)
  const paidLineIds = [...new Set(paidLines.map((line) => idOf(identify(line))))]
  const { snapshot, prepayments } = await computePrepaid(tx, input, po, paidLineIds)
  const content = canonicalJson(snapshot)
  const invoiceId = newId('invoice')
  await insertInvoice(tx, {
    ...key,
    invoiceId,
    customerId: po.customer_id,
    taxGroup: document.group,
    run,
    number,
    snapshot,
    snapshotHash: sha256(content),
    lineIds: snapshot.lines.map(idOf),
  })
  await postInvoice(tx, owner, { invoiceId, snapshot, number, lines, quantities })
  await applyPrepayments(tx, { ...owner, invoiceId, at: number.issuedAt }, prepayments)
  await tellIssued(tx, po, invoiceId, snapshot)
  return { content, invoiceId, isPrepaid: prepayments.length > 0 }
}

async function tellIssued(
  tx: Tx,
  po: PurchaseOrderRow,
  invoiceId: string,
  snapshot: InvoiceSnapshot,
): Promise<void> {
  await emitEvent(tx, {
    accountId: po.account_id,
    type: 'invoice.finalized',
    objectId: invoiceId,
    sequence: 1,
    customerId: po.customer_id,
    facts: {
      object: renderInvoice({
        id: invoiceId,
        state: 'open',
        sentAt: null,
        snapshot,
        formats: documentFormats(snapshot),
      }),
    },
  })
}

function notesOf(run: number, quantities: Map<string, BilledQuantity>): string[] {
  const isAhead = [...quantities.values()].some(({ quantity, delivered }) => delivered < quantity)
  return [...(run === FIRST_RUN ? [] : [SUPPLEMENTARY_NOTE]), ...(isAhead ? [AHEAD_NOTE] : [])]
}

type Issued = {
  invoiceId: string
  snapshot: InvoiceSnapshot
  number: DocumentNumber
  lines: TreatedLine[]
  quantities: Map<string, BilledQuantity>
}

async function postInvoice(
  tx: Tx,
  owner: { accountId: string; customerId: string; currency: string },
  { invoiceId, snapshot, number, lines, quantities }: Issued,
): Promise<void> {
  const priceOf = (billed: TreatedLine[], count: (quantity: BilledQuantity) => number): bigint =>
    billed
      .map((line) => [line, quantities.get(line.line_id)] as const)
      .map(([line, one]) => (one ? line.unit_price_minor * BigInt(count(one)) : 0n))
      .reduce((total, minor) => total + minor, 0n)
  const deliveredMinor = priceOf(lines, ({ delivered }) => delivered)
  const onCredit = lines.filter((line) => line.payment_method === CREDIT)
  await postJournal(tx, {
    ...owner,
    posting: invoiceIssued({
      netMinor: deliveredMinor,
      undeliveredMinor: BigInt(snapshot.subtotal_minor) - deliveredMinor,
      taxMinor: BigInt(snapshot.tax_minor),
      heldMinor: priceOf(onCredit, ({ quantity }) => quantity),
    }),
    sourceId: invoiceId,
    at: number.issuedAt,
  })
}

function treatLines(
  policy: TaxPolicy,
  lines: BillableLine[],
  parties: InvoiceParties,
): TreatedLine[] {
  return lines.map((line) => ({
    ...line,
    treatment: taxTreatment(policy, {
      seller_country: parties.sellerCountry,
      buyer_country: parties.buyerCountry,
      buyer_tax_id: parties.snapshot.buyer.tax_id,
      product_class: line.tax_class,
    }),
  }))
}

type LineIdentity = Pick<InvoiceLine, 'sku' | 'unit_price_minor' | 'tax_category' | 'tax_rate_bp'>

function identify(line: TreatedLine): LineIdentity {
  return {
    sku: line.sku,
    unit_price_minor: String(line.unit_price_minor),
    tax_category: line.treatment.category,
    tax_rate_bp: line.treatment.rate_bp,
  }
}

function lineKey(line: LineIdentity | TreatedLine): string {
  const { sku, unit_price_minor, tax_category, tax_rate_bp } =
    'treatment' in line ? identify(line) : line
  return JSON.stringify([sku, unit_price_minor, tax_category, tax_rate_bp])
}

function toBillable(line: TreatedLine, quantity: number): BillableUnits[] {
  if (quantity === 0) return []
  return [
    {
      transaction_id: line.transaction_id,
      ...(line.client_reference === null ? {} : { client_reference: line.client_reference }),
      accepted_at: line.accepted_at.toISOString(),
      sku: line.sku,
      name: line.name,
      quantity,
      unit_price_minor: line.unit_price_minor,
      treatment: line.treatment,
    },
  ]
}

function sha256(content: string | Uint8Array): Buffer {
  return createHash('sha256').update(content).digest()
}
