import { createHash } from 'node:crypto'
import { inTransaction, type Tx } from '../db/client.ts'
import { takeDocumentNumber, type DocumentNumber } from '../db/document-numbers.ts'
import { emitEvent } from '../db/events.ts'
import { getInvoiceParties, type InvoiceParties } from '../db/invoice-parties.ts'
import {
  billUnits,
  findInvoiceDocument,
  insertInvoice,
  insertInvoiceDocument,
  listBillableLines,
  listIssuedInvoices,
  updateInvoiceSent,
  type BillableLine,
  type IssuedInvoice,
} from '../db/invoices.ts'
import { lockCustomerBalance, postJournal } from '../db/ledger.ts'
import {
  lockPurchaseOrder,
  updatePurchaseOrderEnded,
  updatePurchaseOrderInvoiced,
  type PurchaseOrderRow,
} from '../db/purchase-orders.ts'
import { documentFormats, renderDocument } from '../documents/render.ts'
import { writeInvoiceMail } from '../documents/invoice-mail.ts'
import { canonicalJson } from '../domain/canonical-json.ts'
import { computeInvoice, type InvoiceSnapshot } from '../domain/invoice.ts'
import type { BillableUnits, InvoiceLine } from '../domain/invoice-lines.ts'
import { invoiceIssued } from '../domain/ledger.ts'
import { purchaseOrderNumber } from '../domain/purchase-order.ts'
import { TAX_POLICY_CURRENT, taxTreatment, type TaxTreatment } from '../domain/tax.ts'
import { newId } from '../new-id.ts'
import { renderInvoice } from '../wire/invoice.ts'
import type { ActivityDeps } from './index.ts'
import { sendDocumentMail } from './mails.ts'

type PurchaseOrderInput = { accountId: string; purchaseOrderId: string }

/** A purchase order's first invoices; what is delivered later is billed by later runs. */
const FIRST_RUN = 1

/** The payment method whose orders hold credit until they are billed. */
const CREDIT = 'credit'

export function invoiceActivities(deps: ActivityDeps) {
  const { database, log } = deps
  const { db } = database
  return {
    /**
     * Issues the invoices of a closed purchase order, one per tax group, in one transaction: units
     * marked, figures computed, number taken, snapshot frozen. Safe to run twice: only a purchase
     * order that is settling is billed, and its state changes in the same transaction.
     */
    async billPurchaseOrder(input: PurchaseOrderInput): Promise<{ invoices: string[] }> {
      return inTransaction(db, async (tx) => {
        const po = await lockPurchaseOrder(tx, input)
        if (po.state === 'settling') await billOnce(tx, po)
        const issued = await listIssuedInvoices(tx, input)
        if (issued.length === 0) await updatePurchaseOrderEnded(tx, input)
        return { invoices: issued.map((invoice) => invoice.number) }
      })
    },

    /**
     * Renders every format from the frozen snapshots and keeps the bytes. Safe to run twice: a
     * rendering is byte-stable and the first one stays.
     */
    async renderInvoices(input: PurchaseOrderInput): Promise<void> {
      for (const invoice of await listIssuedInvoices(db, input)) {
        for (const format of documentFormats(invoice.snapshot)) {
          if (invoice.formats.includes(format)) continue
          const content = Buffer.from(await renderDocument(invoice.snapshot, format))
          await insertInvoiceDocument(db, {
            accountId: input.accountId,
            invoiceId: invoice.id,
            format,
            content,
            sha256: sha256(content),
          })
        }
      }
    },

    /**
     * Mails each invoice with its PDF and CSV to the customer, and ends the purchase order. Safe to
     * run twice: one mail per invoice key; a reply lost after the server took the mail sends it
     * again under the same Message-ID.
     */
    async sendInvoices(input: PurchaseOrderInput): Promise<void> {
      for (const invoice of await listIssuedInvoices(db, input)) {
        await sendInvoice(input.accountId, invoice)
      }
      await inTransaction(db, (tx) => updatePurchaseOrderEnded(tx, input))
    },
  }

  async function sendInvoice(accountId: string, invoice: IssuedInvoice): Promise<void> {
    await sendDocumentMail(
      deps,
      {
        ...writeInvoiceMail(invoice.snapshot),
        accountId,
        key: `invoice/${invoice.id}`,
        recipients: [invoice.snapshot.buyer.email],
        invoiceId: invoice.id,
      },
      async ({ format }) => {
        const kept = await findInvoiceDocument(db, { accountId, invoiceId: invoice.id, format })
        if (kept === null) throw new Error(`${invoice.number} has no ${format} to send`)
        return kept
      },
    )
    await updateInvoiceSent(db, { accountId, invoiceId: invoice.id })
    log.info({ invoice: invoice.id }, 'invoice sent')
  }
}

type TreatedLine = BillableLine & { treatment: TaxTreatment }

async function billOnce(tx: Tx, po: PurchaseOrderRow): Promise<void> {
  const key = { accountId: po.account_id, purchaseOrderId: po.id }
  const parties = await getInvoiceParties(tx, {
    accountId: po.account_id,
    customerId: po.customer_id,
  })
  const lines = treatLines(await listBillableLines(tx, key), parties)
  const groups = [...new Set(lines.map((line) => line.treatment.tax_group))].sort()
  const manifest: string[] = []
  for (const group of groups) {
    const members = lines.filter((line) => line.treatment.tax_group === group)
    manifest.push(await billGroup(tx, po, parties, group, members))
  }
  await updatePurchaseOrderInvoiced(tx, { ...key, manifestHash: sha256(manifest.join('\n')) })
}

/** Issues the document of one tax group; answers its canonical content. */
async function billGroup(
  tx: Tx,
  po: PurchaseOrderRow,
  parties: InvoiceParties,
  taxGroup: string,
  lines: TreatedLine[],
): Promise<string> {
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
  const snapshot = computeInvoice({
    ...parties.snapshot,
    number: number.number,
    kind: 'invoice',
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
    notes: [],
    prepaid_minor: 0n,
    units: lines.flatMap((line) => toBillable(line, quantities.get(line.line_id) ?? 0)),
  })
  const content = canonicalJson(snapshot)
  const invoiceId = newId('invoice')
  await insertInvoice(tx, {
    ...key,
    invoiceId,
    customerId: po.customer_id,
    taxGroup,
    run: FIRST_RUN,
    number,
    snapshot,
    snapshotHash: sha256(content),
    lineIds: snapshot.lines.map(idOf),
  })
  await postInvoice(tx, owner, { invoiceId, snapshot, number, lines, quantities })
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
  return content
}

type Issued = {
  invoiceId: string
  snapshot: InvoiceSnapshot
  number: DocumentNumber
  lines: TreatedLine[]
  quantities: Map<string, number>
}

async function postInvoice(
  tx: Tx,
  owner: { accountId: string; customerId: string; currency: string },
  { invoiceId, snapshot, number, lines, quantities }: Issued,
): Promise<void> {
  await postJournal(tx, {
    ...owner,
    posting: invoiceIssued({
      netMinor: BigInt(snapshot.subtotal_minor),
      taxMinor: BigInt(snapshot.tax_minor),
      heldMinor: heldFor(lines, quantities),
    }),
    sourceId: invoiceId,
    at: number.issuedAt,
  })
}

/** What was held for the billed units: the price of those that were ordered on credit. */
function heldFor(lines: TreatedLine[], quantities: Map<string, number>): bigint {
  return lines
    .filter((line) => line.payment_method === CREDIT)
    .map((line) => line.unit_price_minor * BigInt(quantities.get(line.line_id) ?? 0))
    .reduce((total, minor) => total + minor, 0n)
}

function treatLines(lines: BillableLine[], parties: InvoiceParties): TreatedLine[] {
  return lines.map((line) => ({
    ...line,
    treatment: taxTreatment(TAX_POLICY_CURRENT, {
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
