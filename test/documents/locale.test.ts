import { describe, expect, test } from 'vitest'
import { renderCii } from '../../documents/cii.ts'
import { renderInvoiceCsv, renderTransactionsCsv } from '../../documents/csv.ts'
import { writeDocumentMail } from '../../documents/document-mail.ts'
import { displayDate } from '../../documents/display.ts'
import { findLocale, LOCALE_TAGS, localeOf, writeDecimal } from '../../documents/locale.ts'
import { renderInvoicePdf } from '../../documents/pdf.ts'
import { renderUbl } from '../../documents/ubl.ts'
import { computeInvoice } from '../../domain/invoice.ts'
import { readPdf } from './pdf-reader.ts'
import { sampleInput, sampleInvoice, sampleUnits, taxedUnits } from './sample-invoice.ts'

/** What the documents call a day; English writes the month out and so cannot be asked like this. */
const others = LOCALE_TAGS.filter((tag) => !tag.startsWith('en'))

/** France groups by a narrow no-break space, which not every program shows; we set the wider one. */
const ours = (text: string) => text.replaceAll('\u202f', '\u00a0')

describe('the table of locales, against the common locale data of the runtime', () => {
  test('is asked of a runtime that knows them all', () => {
    expect(Intl.NumberFormat.supportedLocalesOf([...LOCALE_TAGS])).toEqual(LOCALE_TAGS)
  })

  test.each(LOCALE_TAGS)('%s: numbers', (tag) => {
    const intl = new Intl.NumberFormat(tag, { minimumFractionDigits: 2 })
    for (const decimal of ['0.00', '999.99', '1234.50', '12345.60', '1234567.80', '123456789.01']) {
      expect(writeDecimal(decimal, localeOf(tag))).toBe(ours(intl.format(Number(decimal))))
    }
    expect(writeDecimal('1000000', localeOf(tag))).toBe(
      ours(new Intl.NumberFormat(tag).format(1_000_000)),
    )
  })

  test.each(others)('%s: dates', (tag) => {
    const intl = new Intl.DateTimeFormat(tag, {
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      timeZone: 'UTC',
    })
    for (const date of ['2026-02-03', '2026-11-30', '2028-02-29']) {
      const expected = intl.format(new Date(`${date}T00:00:00Z`)).replaceAll(' ', '\u00a0')
      expect(displayDate(date, tag)).toBe(expected)
    }
  })

  test('English writes the month out, in the order of the country', () => {
    expect(displayDate('2026-02-03', 'en')).toBe('3 February 2026')
    expect(displayDate('2026-02-03', 'en-GB')).toBe('3 February 2026')
    expect(displayDate('2026-02-03', 'en-US')).toBe('February 3, 2026')
  })

  test('a country that is not in it writes as its language, a language that is not as English', () => {
    expect(findLocale('el-GR')).toBe(findLocale('el'))
    expect(findLocale('ja')).toBeUndefined()
    expect(localeOf('ja')).toBe(localeOf('en'))
  })
})

describe('a document in the customer’s locale', () => {
  const input = { units: sampleUnits(6, 30).map((unit) => ({ ...unit, quantity: 1000 })) }
  const greek = sampleInvoice(6, { ...input, locale: 'el-GR' })
  const english = sampleInvoice(6, { ...input, locale: 'en' })

  test('has its amounts, counts and dates so, on every page, and the same bytes each time', async () => {
    const bytes = await renderInvoicePdf(greek)
    expect(Buffer.compare(bytes, await renderInvoicePdf(structuredClone(greek)))).toBe(0)
    const pieces = readPdf(bytes).pages.flat()
    for (const text of [
      '23/11/2026',
      '07/12/2026',
      '22/11/2026',
      '5.000',
      '24,99',
      '124.950,00',
      'EUR 825.450,00',
      'Payable by 07/12/2026.',
      'Transactions of 22/11/2026',
      '22/11/2026 00:15:00',
    ]) {
      expect(pieces).toContain(text)
    }
    const figures = pieces.filter((piece) => /\d/.test(piece) && !/^(GC-|txn_|PO-)/.test(piece))
    expect(figures.filter((piece) => /\d\.\d\d$|\d,\d{3}\b|November|December/.test(piece))).toEqual(
      [],
    )
  })

  test('writes rates so too', async () => {
    const [fee] = taxedUnits()
    if (fee === undefined) throw new Error('no taxed unit')
    const units = [{ ...fee, treatment: { ...fee.treatment, rate_bp: 2550 } }]
    const invoice = computeInvoice(sampleInput({ units, locale: 'fi' }))
    const pieces = readPdf(await renderInvoicePdf(invoice)).pages.flat()
    expect(pieces).toContain('VAT 25,5\u00a0% on EUR 9,99')
  })

  test('has a mail that says the same', () => {
    const { subject, body } = writeDocumentMail(greek, ['pdf'])
    expect(subject).toContain('825.450,00 EUR')
    expect(body).toMatch(/Due +07\/12\/2026/)
  })

  test('stays as it is in every format that programs read', () => {
    for (const render of [renderInvoiceCsv, renderTransactionsCsv, renderCii, renderUbl]) {
      expect(render(greek)).toEqual(render(english))
    }
  })
})
