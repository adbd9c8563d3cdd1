import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { documentFormats, fileName, renderDocument } from '../../documents/render.ts'
import { displaySigned, renderStatementDocument } from '../../documents/statement.ts'
import type { InvoiceSnapshot } from '../../domain/invoice.ts'
import { formatDecimal } from '../../domain/money.ts'
import {
  detach,
  FOLDER,
  judgeNorm,
  judgePdf,
  judgePdfA,
  prepareJudges,
  readCsv,
  readText,
} from './judges.ts'
import { BAD_SAMPLES, SAMPLES, STATEMENTS } from './verify-samples.ts'

/**
 * `npm run verify:documents`: every document in every format, judged by programs that are not ours; with
 * `-- NAME…` only those samples.
 */

let failed = 0

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function report(what: string, problems: string[]): void {
  print(`${problems.length === 0 ? 'ok    ' : 'FAILED'} ${what}`)
  for (const problem of problems) print(`       ${problem}`)
  if (problems.length > 0) failed += 1
}

function keep(name: string, content: Uint8Array | string): string {
  const path = join(FOLDER, name)
  writeFileSync(path, content)
  return path
}

/** What a document states, in minor units: the digits as they stand, whatever is set between them. */
type Stated = { net: string; tax: string; due: string }

const digitsOf = (text: string) => BigInt(text.replaceAll(/\D/g, '') || '-1')

/** What a person reads in the PDF; each figure ends its line, behind its label. */
function readPdfTotals(name: string): Stated {
  const lines = readText(join(FOLDER, `${name}.pdf`)).split('\n')
  const figure = (line: string) =>
    digitsOf(/ [A-Z]{3} (\S+(?:\u00a0\S+)*)\s*$/.exec(line)?.[1] ?? '')
  const sum = (label: RegExp) =>
    lines.filter((line) => label.test(line)).reduce((all, line) => all + figure(line), 0n)
  return {
    net: String(sum(/^ *Subtotal /)),
    tax: String(sum(/^ *(?:VAT|Exempt from VAT|Outside the scope of VAT) .*on [A-Z]{3} /)),
    due: String(sum(/^ *Total (?:due|credited) /)),
  }
}

/** The same in either syntax of the norm. */
function readXmlTotals(xml: string): Stated {
  const figure = (pattern: RegExp) => String(digitsOf(pattern.exec(xml)?.[1] ?? ''))
  return {
    net: figure(/<(?:ram:TaxBasisTotalAmount|cbc:TaxExclusiveAmount currencyID="\w+")>([^<]*)</),
    tax: figure(/<(?:ram:TaxTotalAmount|cac:TaxTotal><cbc:TaxAmount) currencyID="\w+">([^<]*)</),
    due: figure(/<(?:ram:DuePayableAmount|cbc:PayableAmount currencyID="\w+")>([^<]*)</),
  }
}

function judgeTotals(source: string, stated: Stated, invoice: InvoiceSnapshot): string[] {
  const right: Stated = {
    net: invoice.subtotal_minor,
    tax: invoice.tax_minor,
    due: invoice.due_minor,
  }
  return (['net', 'tax', 'due'] as const)
    .filter((figure) => stated[figure] !== right[figure])
    .map((figure) => `${source} says ${figure} ${stated[figure]}, not ${right[figure]}`)
}

/** The rows of the CSV add up to the net amount, and none of them lacks a cell. */
function judgeCsv(invoice: InvoiceSnapshot, [head = [], ...rows]: string[][]): string[] {
  const net = head.indexOf('net')
  const sum = rows.reduce((all, row) => all + digitsOf(row[net] ?? ''), 0n)
  const ragged = rows.filter((row) => row.length !== head.length).length
  return [
    ...(sum === BigInt(invoice.subtotal_minor) ? [] : [`the CSV adds up to ${sum}`]),
    ...(ragged === 0 ? [] : [`${ragged} rows of the CSV have another number of cells`]),
  ]
}

async function verifyInvoice(name: string, invoice: InvoiceSnapshot): Promise<void> {
  const rendered = new Map<string, Uint8Array>()
  for (const format of documentFormats(invoice)) {
    const bytes = await renderDocument(invoice, format)
    rendered.set(format, bytes)
    keep(fileName(name, format), bytes)
  }
  const pdf = join(FOLDER, `${name}.pdf`)
  report(`${name}.pdf: qpdf, pdfinfo`, judgePdf(pdf))
  report(`${name}.pdf: PDF/A-3b by veraPDF`, judgePdfA(pdf))
  const csv = readCsv(join(FOLDER, `${name}.csv`))
  report(`${name}: PDF and CSV state the same totals`, [
    ...judgeTotals('the PDF', readPdfTotals(name), invoice),
    ...judgeCsv(invoice, csv),
  ])
  const cii = rendered.get('cii')
  if (cii === undefined) return
  const attached = detach(pdf, 'factur-x.xml')
  const same = attached !== null && Buffer.from(cii).equals(attached)
  report(`${name}.pdf: the XML inside is ${name}.cii.xml, byte for byte`, same ? [] : ['it is not'])
  for (const format of ['cii', 'ubl']) {
    const path = join(FOLDER, `${name}.${format}.xml`)
    const xml = Buffer.from(rendered.get(format) ?? []).toString()
    report(`${name}.${format}.xml: EN 16931 by Mustang`, [
      ...judgeNorm(path),
      ...judgeTotals('the XML', readXmlTotals(xml), invoice),
    ])
  }
}

const names = process.argv.slice(2)

function chosen<Sample>(samples: Readonly<Record<string, Sample>>): [string, Sample][] {
  return Object.entries(samples).filter(([name]) => names.length === 0 || names.includes(name))
}

prepareJudges()
for (const [name, invoice] of chosen(SAMPLES)) await verifyInvoice(name, invoice)
for (const [name, statement] of chosen(STATEMENTS)) {
  const pdf = keep(`${name}.pdf`, await renderStatementDocument(statement, 'pdf'))
  report(`${name}.pdf: qpdf, pdfinfo`, judgePdf(pdf))
  report(`${name}.pdf: PDF/A-3b by veraPDF`, judgePdfA(pdf))
  const csv = readCsv(keep(`${name}.csv`, await renderStatementDocument(statement, 'csv')))
  const closing = displaySigned(statement.closingMinor, statement.currency, statement.locale)
  const line =
    readText(pdf)
      .split('\n')
      .find((each) => each.includes('Closing balance')) ?? ''
  const last = csv.at(-1)?.[5]
  const decimal = formatDecimal(statement.closingMinor, statement.currency)
  report(`${name}: PDF and CSV state the same balance`, [
    ...(line.includes(closing) ? [] : [`the PDF says "${line.trim()}", not ${closing}`]),
    ...(last === decimal ? [] : [`the CSV says ${last}, not ${decimal}`]),
  ])
}
const bad = Object.fromEntries(BAD_SAMPLES.map((sample) => [sample.name, sample]))
for (const [name, { reason, judge, content }] of chosen(bad)) {
  const problems = judge(keep(name, await content()))
  const named = problems.some((problem) => problem.includes(reason))
  const seen = problems.length === 0 ? ['it passed'] : problems
  report(`${name}: refused for ${reason}`, named ? [] : seen)
}
print(failed === 0 ? '\nEvery judge agrees.' : `\n${failed} judgements failed.`)
process.exitCode = failed === 0 ? 0 : 1
