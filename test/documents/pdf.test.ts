import { describe, expect, test } from 'vitest'
import { renderCii } from '../../documents/cii.ts'
import { renderInvoicePdf } from '../../documents/pdf.ts'
import { PAGE } from '../../documents/pdf-sheet.ts'
import { computeInvoice } from '../../domain/invoice.ts'
import { sampleInput, sampleInvoice, sampleUnits, taxedUnits } from './sample-invoice.ts'
import { readPdf } from './pdf-reader.ts'

const PAGE_HEIGHT = 841.89
/** The smallest text is 7.5 points high. */
const SMALLEST_LEADING = 7.5

const count = (pieces: string[], pattern: RegExp) =>
  pieces.filter((each) => pattern.test(each)).length

describe('renderInvoicePdf', () => {
  test('gives the same bytes for the same snapshot, and others for another', async () => {
    const invoice = sampleInvoice(30)
    const copy = structuredClone(invoice)
    const [first, second] = [await renderInvoicePdf(invoice), await renderInvoicePdf(copy)]
    expect(Buffer.compare(first, second)).toBe(0)
    const other = await renderInvoicePdf({ ...invoice, number: 'INV-2026-000124' })
    expect(Buffer.compare(first, other)).not.toBe(0)
  })

  test('takes its dates from the issue date, not from the clock', async () => {
    const { dictionaries, metadata } = readPdf(await renderInvoicePdf(sampleInvoice(1)))
    const dates = dictionaries.match(/\(D:[^)]*\)/g) ?? []
    expect(dates.length).toBeGreaterThanOrEqual(3)
    expect(new Set(dates)).toEqual(new Set(['(D:20261123000000Z)']))
    expect(metadata).toContain('<xmp:CreateDate>2026-11-23T00:00:00Z</xmp:CreateDate>')
  })

  test('says who, what, when and how much, in Greek and Cyrillic too', async () => {
    const invoice = sampleInvoice(6, { notes: ['Thank you.'] })
    const { pages } = readPdf(await renderInvoicePdf(invoice))
    expect(pages).toHaveLength(1)
    const [page = []] = pages
    for (const text of [
      'Invoice',
      'INV-2026-000123',
      'Nordlicht Codes GmbH',
      'Tax ID DE123456789',
      'Κάρτες & Δώρα Α.Ε.',
      '106 74 Αθήνα',
      'Greece',
      '23 November 2026',
      '7 December 2026',
      'PO-2026-11-22-0042',
      '22 November 2026',
      'Europe/Athens',
      'Δωροκάρτα Public 100 € (Ελλάδα)',
      'Подарочная карта Steam 1000 ₽',
      'Unit price (EUR)',
      'Outside the scope of VAT on EUR 595.49',
      'Total due',
      'EUR 595.49',
      'Payable by 7 December 2026.',
      'Thank you.',
      'Transactions of 22 November 2026',
      'PO-4711/A',
      '2026-11-22 00:15:00',
      'Page 1 of 1',
    ]) {
      expect(page).toContain(text)
    }
    expect(page.join(' ').replace(/ +/g, ' ')).toContain('Article 30b(1) of Directive 2006/112/EC')
  })

  test('shows each tax, what was paid and what is due', async () => {
    const invoice = computeInvoice(sampleInput({ units: taxedUnits(), prepaid_minor: 21_050n }))
    const [page = []] = readPdf(await renderInvoicePdf(invoice)).pages
    for (const text of [
      '19\u00a0%',
      'AE',
      'VAT 19\u00a0% on EUR 10.50',
      'EUR 2.00',
      'VAT reverse charge (AE) on EUR 198.00',
      '−EUR 210.50',
      'This invoice is paid; nothing is due.',
    ]) {
      expect(page).toContain(text)
    }
  })

  test('names a buyer once whose company is their name', async () => {
    const buyer = { ...sampleInput().buyer, name: 'ACME Ltd', company: 'ACME Ltd' }
    const [page = []] = readPdf(await renderInvoicePdf(sampleInvoice(1, { buyer }))).pages
    expect(count(page, /ACME/)).toBe(1)
  })

  test('says what is due above and below the lines, less what was paid', async () => {
    const invoice = computeInvoice(sampleInput({ units: taxedUnits(), prepaid_minor: 500n }))
    const [page = []] = readPdf(await renderInvoicePdf(invoice)).pages
    expect(count(page, /^EUR 205\.50$/)).toBe(2)
    expect(count(page, /^EUR 210\.50$/)).toBe(1)
  })

  test('sets nothing over the foot of the page, and no line over another', async () => {
    for (let lines = 18; lines <= 40; lines += 1) {
      const { places } = readPdf(await renderInvoicePdf(sampleInvoice(lines)))
      const body = places.map((page) => page.filter(({ text }) => !/^Page |·/.test(text)))
      const low = body.flat().filter(({ y }) => y < PAGE_HEIGHT - PAGE.bottom)
      const crowded = body.flatMap((page) =>
        page.filter(({ x, y }) =>
          page.some((other) => other.x === x && other.y > y && other.y - y < SMALLEST_LEADING),
        ),
      )
      expect([lines, low, crowded]).toEqual([lines, [], []])
    }
  }, 120_000)

  test('repeats the head and the number on every page and loses no row', async () => {
    const invoice = sampleInvoice(400, { units: sampleUnits(400, 90) })
    const { pages, dictionaries } = readPdf(await renderInvoicePdf(invoice))
    expect(pages.length).toBeGreaterThan(10)
    expect(dictionaries).toMatch(new RegExp(`/Type /Pages\\s+/Count ${pages.length}\\b`))
    pages.forEach((page, index) => {
      expect(page).toContain(`Page ${index + 1} of ${pages.length}`)
      expect(count(page, /^Invoice INV-2026-000123$/)).toBe(index === 0 ? 0 : 1)
    })
    const headless = pages.filter(
      (page) =>
        (count(page, /^GC-/) > 0 && count(page, /^Description$/) !== 1) ||
        (count(page, /^txn_/) > 0 && count(page, /^Your reference$/) !== 1),
    )
    expect(headless).toEqual([])
    const pieces = pages.flat()
    expect(pieces.filter((piece) => piece.startsWith('GC-'))).toEqual(
      invoice.lines.map((line) => line.sku),
    )
    expect(pieces.filter((piece) => piece.startsWith('txn_'))).toEqual(
      invoice.transactions.map((transaction) => transaction.transaction_id),
    )
  })

  test('never leaves the totals alone on a page', async () => {
    for (let lines = 18; lines <= 32; lines += 1) {
      const { pages } = readPdf(await renderInvoicePdf(sampleInvoice(lines)))
      const page = pages.find((each) => each.includes('Total due')) ?? []
      expect([lines, count(page, /^GC-/) >= 2]).toEqual([lines, true])
      const last = pages.find((each) => each.includes('3 transactions')) ?? []
      expect([lines, count(last, /^txn_/) >= 1]).toEqual([lines, true])
    }
  }, 120_000)

  test('never refers to a glyph that the font does not have', async () => {
    const buyer = { ...sampleInput().buyer, name: '田中\u0000\u200b e\u0301', company: undefined }
    const [page = []] = readPdf(await renderInvoicePdf(sampleInvoice(1, { buyer }))).pages
    expect(page).toContain('□□ é')
    expect(page.join()).not.toContain('(missing glyph)')
  })

  test('embeds the XML that programs read, and says so in the metadata', async () => {
    const invoice = sampleInvoice(5)
    const { files, metadata, dictionaries } = readPdf(await renderInvoicePdf(invoice))
    expect(files).toEqual({ 'factur-x.xml': renderCii(invoice) })
    expect(dictionaries).toContain('/AFRelationship /Alternative')
    expect(metadata).toContain('<pdfaSchema:prefix>fx</pdfaSchema:prefix>')
    expect(metadata).toContain('<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>')
    expect(metadata).toContain('<fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>')
    expect(metadata).toContain('<pdfaid:part>3</pdfaid:part>')
    expect(metadata).toContain('<pdfaid:conformance>B</pdfaid:conformance>')
  })

  test('has no XML where the norm cannot express the invoice', async () => {
    const { files, metadata, pages } = readPdf(
      await renderInvoicePdf(sampleInvoice(1, { currency: 'KWD' })),
    )
    expect(files).toEqual({})
    expect(metadata).not.toContain('fx:')
    expect(pages.flat()).toContain('KWD 14.994')
  })

  test('keeps its metadata well-formed whatever the number is', async () => {
    const { metadata } = readPdf(await renderInvoicePdf(sampleInvoice(1, { number: 'A&B <1>' })))
    expect(metadata).toContain('Invoice A_B _1_')
  })

  test('is tagged, in English, with the colour profile that PDF/A asks for', async () => {
    const { dictionaries } = readPdf(await renderInvoicePdf(sampleInvoice(1)))
    expect(dictionaries).toContain('/Marked true')
    expect(dictionaries).toContain('/Lang (en)')
    expect(dictionaries).toContain('/S /GTS_PDFA1')
    for (const tag of ['Document', 'H1', 'H2', 'Table', 'TR', 'TH', 'TD']) {
      expect(dictionaries).toMatch(new RegExp(`/S /${tag}\\b`))
    }
  })
})
