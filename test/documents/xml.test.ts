import { describe, expect, test } from 'vitest'
import { renderCii } from '../../documents/cii.ts'
import { isNormCurrency, normObstacles } from '../../documents/norm.ts'
import { renderUbl } from '../../documents/ubl.ts'
import { element, escapeXml, optionalElement } from '../../documents/xml.ts'
import { DomainError } from '../../domain/error.ts'
import { computeInvoice } from '../../domain/invoice.ts'
import { sampleCreditNote, sampleInput, sampleInvoice, taxedUnits } from './sample-invoice.ts'

const RENDERERS = { cii: renderCii, ubl: renderUbl }
const vouchers = sampleInvoice(3, { notes: ['First <note> & more'] })
const taxed = computeInvoice(sampleInput({ units: taxedUnits(), prepaid_minor: 500n }))

const credited = sampleCreditNote(taxed)

/** One element per line, so that a change shows as a readable difference. */
const readable = (xml: string) => xml.replaceAll('><', '>\n<')

describe.each(Object.entries(RENDERERS))('%s', (format, render) => {
  // NOTE: these files passed the schema and the EN 16931 rules 1.3.16 without a message. A change
  // here needs the validators again (`NORM.rulesVersion`).
  test('writes the documents that the validators accepted', async () => {
    const folder = '__snapshots__'
    await expect(readable(render(vouchers))).toMatchFileSnapshot(`${folder}/vouchers.${format}.xml`)
    await expect(readable(render(taxed))).toMatchFileSnapshot(`${folder}/taxed.${format}.xml`)
    await expect(readable(render(credited))).toMatchFileSnapshot(
      `${folder}/credit-note.${format}.xml`,
    )
  })

  test('shows no VAT id and no rate outside the scope of VAT, and both on a taxed document', () => {
    const vatScheme =
      /schemeID="VA"|<cac:PartyTaxScheme><cbc:CompanyID>[^<]*<\/cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</
    expect(render(vouchers)).not.toMatch(vatScheme)
    expect(render(vouchers)).not.toMatch(/Percent/)
    expect(render(taxed)).toMatch(vatScheme)
    expect(render(taxed)).toMatch(/Percent>19</)
  })

  test('refuses what the norm cannot express, in words', () => {
    const dinars = sampleInvoice(1, { currency: 'KWD' })
    const homeless = sampleInvoice(1, { buyer: { ...sampleInput().buyer, address: undefined } })
    expect(() => render(dinars)).toThrow(DomainError)
    expect(() => render(dinars)).toThrow('amounts in KWD')
    expect(() => render(homeless)).toThrow('no postal address')
  })
})

test('the norm writes at most two decimals and knows most currencies', () => {
  expect(['EUR', 'JPY', 'HUF', 'XCG'].map(isNormCurrency)).toEqual([true, true, true, true])
  expect(['KWD', 'BHD', 'CLF', 'STN'].map(isNormCurrency)).toEqual([false, false, false, false])
  expect(normObstacles(vouchers)).toEqual([])
})

describe('element', () => {
  test('escapes text and attributes, and leaves out what is not there', () => {
    const child = optionalElement('b', 'x < y & "z" > w')
    expect(
      element('a', [child, optionalElement('c', undefined), optionalElement('d', '')], { e: '"<' })
        .xml,
    ).toBe('<a e="&quot;&lt;"><b>x &lt; y &amp; &quot;z&quot; &gt; w</b></a>')
  })

  test('replaces what XML cannot hold', () => {
    expect(escapeXml('a\u0000b\u001fc\ud800d\uffffe\tf\n😀')).toBe(
      'a\ufffdb\ufffdc\ufffdd\ufffde\tf\n😀',
    )
  })
})
