import { sql } from 'kysely'
import { DomainError } from '../domain/error.ts'
import type { InvoiceSnapshot } from '../domain/invoice.ts'
import type { ProductClass } from '../domain/tax.ts'
import type { Db, Tx } from './client.ts'
import type { DocumentNumber } from './document-numbers.ts'

type PurchaseOrderKey = { accountId: string; purchaseOrderId: string }

/**
 * Units of `u` that can be billed: delivered ones, and all that are not given up where the purchase
 * order `po` is billed on acceptance and the order `t` is on credit. A replacement is never billed.
 */
const IS_BILLABLE = sql`u.invoice_line_id is null and u.replaces_unit_id is null
  and (u.state = 'allocated' or (po.bill_on = 'acceptance' and t.payment_method = 'credit'
    and u.state in ('queued', 'sourcing', 'backordered', 'unknown')))`

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
    select l.id as line_id, t.id as transaction_id, t.client_reference, t.accepted_at,
      t.payment_method, l.sku, l.name, l.tax_class, l.unit_price_minor
    from lines l join transactions t on t.account_id = l.account_id and t.id = l.transaction_id
    join purchase_orders po on po.account_id = t.account_id and po.id = t.purchase_order_id
    where t.account_id = ${key.accountId} and t.purchase_order_id = ${key.purchaseOrderId}
      and exists (select 1 from units u where u.line_id = l.id
        and u.purchase_order_id = t.purchase_order_id and ${IS_BILLABLE})
    order by t.position, l.position`.execute(tx)
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
    with billed as (
      update units u set invoice_line_id = bill.invoice_line_id
      from unnest(${key.lines.map((line) => line.lineId)}::text[],
        ${key.lines.map((line) => line.invoiceLineId)}::text[]) as bill (line_id, invoice_line_id),
        purchase_orders po, transactions t
      where u.account_id = ${key.accountId} and u.purchase_order_id = ${key.purchaseOrderId}
        and po.id = u.purchase_order_id and t.id = u.transaction_id
        and u.line_id = bill.line_id and ${IS_BILLABLE}
      returning u.line_id, u.allocated_at
    )
    select line_id, count(*)::integer as quantity, count(allocated_at)::integer as delivered
    from billed group by line_id`.execute(tx)
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
  await tx
    .insertInto('invoices')
    .values({
      id: invoice.invoiceId,
      account_id: invoice.accountId,
      customer_id: invoice.customerId,
      purchase_order_id: invoice.purchaseOrderId,
      tax_group: invoice.taxGroup,
      run: invoice.run,
      series: number.series,
      number_value: number.value,
      number: number.number,
      business_date: snapshot.business_date,
      issue_date: snapshot.issue_date,
      due_date: snapshot.due_date,
      currency: snapshot.currency,
      subtotal_minor: BigInt(snapshot.subtotal_minor),
      tax_minor: BigInt(snapshot.tax_minor),
      total_minor: BigInt(snapshot.total_minor),
      snapshot: JSON.stringify(snapshot),
      snapshot_hash: invoice.snapshotHash,
      issued_at: number.issuedAt,
    })
    .execute()
  await sql`
    insert into invoice_lines (id, account_id, invoice_id, position, sku, name, unit_price_minor,
      quantity, net_minor, tax_category, tax_rate_bp)
    select id, ${invoice.accountId}, ${invoice.invoiceId}, line.position, line.sku, line.name,
      line.unit_price_minor, line.quantity, line.net_minor, line.tax_category, line.tax_rate_bp
    from unnest(${invoice.lineIds}::text[]) with ordinality as ids (id, position)
    join jsonb_to_recordset(${JSON.stringify(snapshot.lines)}::jsonb) as line (position integer,
      sku text, name text, unit_price_minor bigint, quantity integer, net_minor bigint,
      tax_category text, tax_rate_bp integer) using (position)`.execute(tx)
  await sql`
    insert into invoice_taxes (account_id, invoice_id, category, rate_bp, taxable_minor, tax_minor)
    select ${invoice.accountId}, ${invoice.invoiceId}, category, rate_bp, taxable_minor, tax_minor
    from jsonb_to_recordset(${JSON.stringify(snapshot.tax_breakdown)}::jsonb) as tax (category text,
      rate_bp integer, taxable_minor bigint, tax_minor bigint)`.execute(tx)
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
