import { sql } from 'kysely'
import { expect } from 'vitest'
import type { Database } from '../../db/client.ts'
import { renderCii } from '../../documents/cii.ts'
import { renderUbl } from '../../documents/ubl.ts'
import type { InvoiceSnapshot } from '../../domain/invoice.ts'

/**
 * What must add up whatever a day was like, worked out from units, lines and documents alone and not by
 * the code that made them. Answers how many documents were looked at.
 */
export async function expectDocumentsAddUp({ db }: Database, accountId: string): Promise<number> {
  const { rows: documents } = await sql<{
    id: string
    snapshot: InvoiceSnapshot
    units: bigint
    lines: bigint
  }>`
    select i.id, i.snapshot,
      (select sum(u.price_minor)::bigint from units u join invoice_lines l on l.id = u.invoice_line_id
        where l.invoice_id = i.id) as units,
      (select sum(l.net_minor)::bigint from invoice_lines l where l.invoice_id = i.id) as lines
    from invoices i where i.account_id = ${accountId}
    union all
    select n.id, n.snapshot,
      (select sum(c.net_minor)::bigint from credit_note_units c where c.credit_note_id = n.id),
      (select sum(l.net_minor)::bigint from credit_note_lines l where l.credit_note_id = n.id)
    from credit_notes n where n.account_id = ${accountId} and n.state = 'issued'`.execute(db)
  for (const { id, snapshot, units, lines } of documents) {
    const net = BigInt(snapshot.subtotal_minor)
    expect({ id, units, lines }).toEqual({ id, units: net, lines: net })
    expect({ id, xml: readTotals(snapshot) }).toEqual({ id, xml: expectedTotals(snapshot) })
    if (snapshot.kind === 'invoice') expectTaxExact(snapshot)
  }
  await expectOrdersAddUp(db, accountId)
  return documents.length
}

/** Of each group of tax: the lines of that group, and the tax on their sum, to the nearest cent. */
function expectTaxExact({ lines, tax_breakdown: taxes, tax_minor }: InvoiceSnapshot): void {
  const groups = new Map<string, bigint>()
  for (const line of lines) {
    const key = `${line.tax_category} ${line.tax_rate_bp}`
    groups.set(key, (groups.get(key) ?? 0n) + BigInt(line.net_minor))
  }
  expect(
    new Map(taxes.map((tax) => [`${tax.category} ${tax.rate_bp}`, BigInt(tax.taxable_minor)])),
  ).toEqual(groups)
  for (const { taxable_minor, rate_bp, tax_minor: minor } of taxes) {
    const off = BigInt(taxable_minor) * BigInt(rate_bp) - BigInt(minor) * 10_000n
    expect(off >= -5_000n && off <= 5_000n).toBe(true)
  }
  expect(taxes.reduce((sum, tax) => sum + BigInt(tax.tax_minor), 0n)).toBe(BigInt(tax_minor))
}

/** BT-109 and BT-112 of both e-invoices. */
function readTotals(snapshot: InvoiceSnapshot): Record<string, string | undefined> {
  const [cii, ubl] = [renderCii(snapshot), renderUbl(snapshot)]
  const read = (xml: string, name: string) => new RegExp(`<${name}[^>]*>([^<]*)<`).exec(xml)?.[1]
  return {
    cii_net: read(cii, 'ram:TaxBasisTotalAmount'),
    cii_gross: read(cii, 'ram:GrandTotalAmount'),
    ubl_net: read(ubl, 'cbc:TaxExclusiveAmount'),
    ubl_gross: read(ubl, 'cbc:TaxInclusiveAmount'),
  }
}

function expectedTotals({ subtotal_minor, total_minor }: InvoiceSnapshot): Record<string, string> {
  const [net, gross] = [decimal(subtotal_minor), decimal(total_minor)]
  return { cii_net: net, cii_gross: gross, ubl_net: net, ubl_gross: gross }
}

/** The desk sells in euros: two digits. */
function decimal(minor: string): string {
  const digits = minor.padStart(3, '0')
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`
}

/**
 * What was ordered is what invoices bill, less what credit notes took back of units that came never, and what
 * is carried over: delivered and on no invoice, open, or given up. Each purchase order by itself.
 */
async function expectOrdersAddUp(db: Database['db'], accountId: string): Promise<void> {
  const { rows } = await sql<{ id: string; ordered: bigint; accounted: bigint; twice: bigint }>`
    select po.id,
      (select coalesce(sum(t.total_minor), 0) from transactions t
        where t.purchase_order_id = po.id)::bigint as ordered,
      (coalesce((select sum(i.subtotal_minor) from invoices i where i.purchase_order_id = po.id), 0)
        + coalesce((select sum(u.price_minor) from units u where u.purchase_order_id = po.id
            and u.invoice_line_id is null), 0))::bigint as accounted,
      (select count(*) from (select u.id from units u join invoice_lines l on l.id = u.invoice_line_id
        where u.purchase_order_id = po.id group by u.id having count(*) > 1) more)::bigint as twice
    from purchase_orders po where po.account_id = ${accountId}`.execute(db)
  for (const { id, ordered, accounted, twice } of rows) {
    expect({ id, accounted, twice }).toEqual({ id, accounted: ordered, twice: 0n })
  }
  const { rows: credits } = await sql<{ id: string; credited: bigint; noted: bigint }>`
    select i.id, i.credited_minor as credited, coalesce((select sum(n.total_minor) from credit_notes n
      where n.invoice_id = i.id), 0)::bigint as noted
    from invoices i where i.account_id = ${accountId}
      and not exists (select 1 from credit_notes n where n.invoice_id = i.id and n.state <> 'issued')
    `.execute(db)
  for (const { id, credited, noted } of credits)
    expect({ id, noted }).toEqual({ id, noted: credited })
}
