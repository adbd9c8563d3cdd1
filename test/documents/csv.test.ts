import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { renderInvoiceCsv, renderTransactionsCsv } from '../../documents/csv.ts'
import { computeInvoice } from '../../domain/invoice.ts'
import type { InvoiceSnapshot } from '../../domain/invoice.ts'
import { sampleInput, sampleInvoice, sampleUnits, taxedUnits } from './sample-invoice.ts'

type Row = Record<string, string>

function read(bytes: Uint8Array): Row[] {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  const rows: Row[] = parse(text, { columns: true, record_delimiter: '\r\n' })
  return rows
}

/** An invoice of one line whose texts are given. */
function named(name: string, sku = 'SKU'): InvoiceSnapshot {
  const units = sampleUnits(1).map((unit) => ({ ...unit, name, sku }))
  return computeInvoice(sampleInput({ units }))
}

describe('renderInvoiceCsv', () => {
  test('has one row per line, with amounts in major units and the rate in percent', () => {
    const rows = read(renderInvoiceCsv(computeInvoice(sampleInput({ units: taxedUnits() }))))
    expect(rows).toHaveLength(3)
    expect(rows[0]).toEqual({
      invoice_number: 'INV-2026-000123',
      issue_date: '2026-11-23',
      due_date: '2026-12-07',
      customer_id: 'cust_01jd8m4k2f7w9x3y5z6a7b8c9d',
      purchase_order_id: 'po_01jd8m4k2f7w9x3y5z6a7b8c9d',
      purchase_order_number: 'PO-2026-11-22-0042',
      business_date: '2026-11-22',
      position: '1',
      sku: 'FEE-1',
      name: 'Handling',
      quantity: '3',
      unit_price: '3.33',
      net: '9.99',
      tax_category: 'S',
      tax_rate: '19',
      currency: 'EUR',
    })
  })

  test('adds up to the subtotal of the invoice', () => {
    const invoice = sampleInvoice(40)
    const nets = read(renderInvoiceCsv(invoice)).map((row) =>
      BigInt((row['net'] ?? '').replace('.', '')),
    )
    expect(nets.reduce((all, net) => all + net, 0n)).toBe(BigInt(invoice.subtotal_minor))
  })

  test('ends every row with CRLF and has no mark at the beginning', () => {
    const text = Buffer.from(renderInvoiceCsv(sampleInvoice(2))).toString('utf8')
    expect(text.startsWith('invoice_number,')).toBe(true)
    expect(text.endsWith('EUR\r\n')).toBe(true)
    expect(text.split('\r\n')).toHaveLength(4)
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
  })

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '=HYPERLINK("http://x","y")'])(
    'defuses %j, which a spreadsheet would run',
    (name) => {
      expect(read(renderInvoiceCsv(named(name)))[0]?.['name']).toBe(`'${name}`)
      expect(read(renderInvoiceCsv(named('x', name)))[0]?.['sku']).toBe(`'${name}`)
    },
  )

  test('gives back every other text as it was: quotes, commas, line ends, any script', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        fc.pre(!/^[=+\-@\t\r\n]/.test(name))
        expect(read(renderInvoiceCsv(named(name)))[0]?.['name']).toBe(name)
      }),
    )
    const awkward = 'a "quoted", name\r\nin two lines; Δωροκάρτα '
    expect(read(renderInvoiceCsv(named(awkward)))[0]?.['name']).toBe(awkward)
  })

  test('writes amounts with the digits of their currency', () => {
    const unitPrice = (currency: string) =>
      read(renderInvoiceCsv(sampleInvoice(1, { currency })))[0]?.['unit_price']
    expect([unitPrice('JPY'), unitPrice('EUR'), unitPrice('KWD')]).toEqual([
      '2499',
      '24.99',
      '2.499',
    ])
  })
})

describe('renderTransactionsCsv', () => {
  test('has one row per transaction, and its totals add up to the subtotal', () => {
    const invoice = sampleInvoice(7)
    const rows = read(renderTransactionsCsv(invoice))
    expect(rows.map((row) => row['transaction_id'])).toEqual(
      invoice.transactions.map((transaction) => transaction.transaction_id),
    )
    expect(rows[0]).toMatchObject({
      client_reference: 'PO-4711/A',
      accepted_at: '2026-11-21T22:15:00.000Z',
      units: String(invoice.transactions[0]?.units),
    })
    expect(rows[2]).toMatchObject({ client_reference: '' })
    const totals = rows.map((row) => BigInt((row['total'] ?? '').replace('.', '')))
    expect(totals.reduce((all, total) => all + total, 0n)).toBe(BigInt(invoice.subtotal_minor))
  })

  test('defuses the reference that the customer chose', () => {
    const units = sampleUnits(1).map((unit) => ({ ...unit, client_reference: '=cmd' }))
    const rows = read(renderTransactionsCsv(computeInvoice(sampleInput({ units }))))
    expect(rows[0]?.['client_reference']).toBe("'=cmd")
  })
})
