import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { InvoiceSnapshot } from '../domain/invoice.ts'
import type { ProductClass } from '../domain/tax.ts'
import type { Db, Tx } from './client.ts'
import type { DocumentNumber } from './document-numbers.ts'

type PurchaseOrderKey = { accountId: string; purchaseOrderId: string }

/** A line of the purchase order that has units to bill. */
export type BillableLine = {
  line_id: string
  transaction_id: string
  client_reference: string | null
  accepted_at: Date
  payment_method: string
  sku: string
  name: string
  tax_class: ProductClass
  unit_price_minor: bigint
}

/** Lines with units that can be billed, in the order of their acceptance. */
export async function listBillableLines(tx: Tx, key: PurchaseOrderKey): Promise<BillableLine[]> {
  const { rows } = await sql<BillableLine>`
    select * from billable_lines(${key.accountId}, ${key.purchaseOrderId})`.execute(tx)
  return rows
}

/** How many units of a line were marked, and how many of them have their code. */
export type BilledQuantity = { quantity: number; delivered: number }

/**
 * Marks the units of some lines that can be billed with the invoice line that will bill them, and
 * counts them by line in the same statement: what is billed is what was marked, whatever is being
 * delivered or given up at the same time.
 */
export async function billUnits(
  tx: Tx,
  key: PurchaseOrderKey & { lines: { lineId: string; invoiceLineId: string }[] },
): Promise<Map<string, BilledQuantity>> {
  const { rows } = await sql<BilledQuantity & { line_id: string }>`
    select * from bill_units(${key.accountId}, ${key.purchaseOrderId},
      ${key.lines.map((line) => line.lineId)}::text[],
      ${key.lines.map((line) => line.invoiceLineId)}::text[])`.execute(tx)
  return new Map(rows.map(({ line_id, ...billed }) => [line_id, billed]))
}

/** Writes the document and its lines. A second one for the same (PO, tax group, run) is refused. */
export async function insertInvoice(
  tx: Tx,
  invoice: PurchaseOrderKey & {
    invoiceId: string
    customerId: string
    taxGroup: string
    run: number
    number: DocumentNumber
    snapshot: InvoiceSnapshot
    snapshotHash: Buffer
    lineIds: string[]
  },
): Promise<void> {
  const { snapshot, number } = invoice
  await sql`
    with invoice as (
      insert into invoices (id, account_id, customer_id, purchase_order_id, tax_group, run, series,
        number_value, number, business_date, issue_date, due_date, currency, subtotal_minor,
        tax_minor, total_minor, snapshot, snapshot_hash, issued_at)
      values (${invoice.invoiceId}, ${invoice.accountId}, ${invoice.customerId},
        ${invoice.purchaseOrderId}, ${invoice.taxGroup}, ${invoice.run}, ${number.series},
        ${number.value}, ${number.number}, ${snapshot.business_date}, ${snapshot.issue_date},
        ${snapshot.due_date}, ${snapshot.currency}, ${snapshot.subtotal_minor},
        ${snapshot.tax_minor}, ${snapshot.total_minor}, ${JSON.stringify(snapshot)},
        ${invoice.snapshotHash}, ${number.issuedAt})
      returning id, account_id, snapshot
    ), taxes as (
      insert into invoice_taxes (account_id, invoice_id, category, rate_bp, taxable_minor, tax_minor)
      select i.account_id, i.id, tax.category, tax.rate_bp, tax.taxable_minor, tax.tax_minor
      from invoice i, jsonb_to_recordset(i.snapshot -> 'tax_breakdown') as tax (category text,
        rate_bp integer, taxable_minor bigint, tax_minor bigint)
    )
    insert into invoice_lines (id, account_id, invoice_id, position, sku, name, unit_price_minor,
      quantity, net_minor, tax_category, tax_rate_bp)
    select ids.id, i.account_id, i.id, line.position, line.sku, line.name, line.unit_price_minor,
      line.quantity, line.net_minor, line.tax_category, line.tax_rate_bp
    from invoice i, unnest(${invoice.lineIds}::text[]) with ordinality as ids (id, position)
    join jsonb_to_recordset(i.snapshot -> 'lines') as line (position integer, sku text, name text,
      unit_price_minor bigint, quantity integer, net_minor bigint, tax_category text,
      tax_rate_bp integer) using (position)`.execute(tx)
}

export type IssuedInvoice = {
  id: string
  run: number
  number: string
  customer_id: string
  snapshot: InvoiceSnapshot
  sent_at: Date | null
  formats: string[]
}

/** The invoices of a purchase order, each with the formats that are rendered and kept. */
export async function listIssuedInvoices(db: Db, key: PurchaseOrderKey): Promise<IssuedInvoice[]> {
  const { rows } = await sql<IssuedInvoice>`
    select i.id, i.run, i.number, i.customer_id, i.snapshot, i.sent_at, array(
      select format from invoice_documents d where d.invoice_id = i.id order by format) as formats
    from invoices i
    where i.account_id = ${key.accountId} and i.purchase_order_id = ${key.purchaseOrderId}
    order by i.run, i.tax_group`.execute(db)
  return rows
}

/** The numbers of those of one run. */
export async function listInvoiceNumbers(
  tx: Tx,
  key: PurchaseOrderKey & { run: number },
): Promise<string[]> {
  const rows = await tx
    .selectFrom('invoices')
    .select('number')
    .where('account_id', '=', key.accountId)
    .where('purchase_order_id', '=', key.purchaseOrderId)
    .where('run', '=', key.run)
    .orderBy('tax_group')
    .execute()
  return rows.map(({ number }) => number)
}

/** One of them. Throws `not_found`. */
export async function getIssuedInvoice(
  db: Db,
  key: { accountId: string; invoiceId: string },
): Promise<IssuedInvoice> {
  const { rows } = await sql<IssuedInvoice>`
    select i.id, i.run, i.number, i.customer_id, i.snapshot, i.sent_at, array(
      select format from invoice_documents d where d.invoice_id = i.id order by format) as formats
    from invoices i where i.account_id = ${key.accountId} and i.id = ${key.invoiceId}`.execute(db)
  const row = rows[0]
  if (row === undefined) throw new DomainError('not_found', 'No such invoice')
  return row
}

/** Keeps rendered bytes. Rendering is byte-stable, so the first one stays. */
export async function insertInvoiceDocument(
  db: Db,
  document: {
    accountId: string
    invoiceId: string
    format: 'pdf' | 'csv' | 'ubl' | 'cii'
    content: Buffer
    sha256: Buffer
  },
): Promise<void> {
  await db
    .insertInto('invoice_documents')
    .values({
      account_id: document.accountId,
      invoice_id: document.invoiceId,
      format: document.format,
      content: document.content,
      sha256: document.sha256,
    })
    .onConflict((conflict) => conflict.columns(['invoice_id', 'format']).doNothing())
    .execute()
}

/** The bytes that are kept, or null when that format is not rendered yet. */
export async function findInvoiceDocument(
  db: Db,
  key: { accountId: string; invoiceId: string; format: 'pdf' | 'csv' | 'ubl' | 'cii' },
): Promise<Buffer | null> {
  const row = await db
    .selectFrom('invoice_documents')
    .select('content')
    .where('account_id', '=', key.accountId)
    .where('invoice_id', '=', key.invoiceId)
    .where('format', '=', key.format)
    .executeTakeFirst()
  return row?.content ?? null
}

export async function updateInvoiceSent(
  db: Db,
  key: { accountId: string; invoiceId: string },
): Promise<void> {
  await db
    .updateTable('invoices')
    .set({ sent_at: sql<Date>`business_now(${key.accountId})` })
    .where('account_id', '=', key.accountId)
    .where('id', '=', key.invoiceId)
    .where('sent_at', 'is', null)
    .execute()
}
