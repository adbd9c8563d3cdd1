import type { Statement, StatementEntry, StatementKind } from '../domain/statement.ts'
import { amountCell, renderCsv } from './csv.ts'
import { displayAmount, displayDate } from './display.ts'
import { closeSheet, collectBytes } from './pdf-frames.ts'
import { drawHead, type Fact } from './pdf-head.ts'
import { openSheet, STYLE, xmlSafe } from './pdf-sheet.ts'
import type { Sheet } from './pdf-sheet.ts'
import { drawTable, type Column } from './pdf-table.ts'

/** What people call a row. */
export const STATEMENT_WORDS: Readonly<Record<StatementKind, string>> = {
  invoice: 'Invoice',
  credit_note: 'Credit note',
  payment: 'Payment, thank you',
  payment_reversal: 'Payment returned',
  card_payment: 'Paid by card',
  refund: 'Refund',
  adjustment: 'Adjustment',
}

/** What the file is called: letters, digits and hyphens only. */
export function statementFileName(statement: Statement, format: 'pdf' | 'csv'): string {
  const { customerId, currency, from, until } = statement
  return `statement-${customerId.replace(/^cust_/, '')}-${currency}-${from}-${until}.${format}`
}

/** A statement as a file; the same statement gives the same bytes. */
export async function renderStatementDocument(
  statement: Statement,
  format: 'pdf' | 'csv',
): Promise<Uint8Array> {
  return format === 'pdf' ? renderStatementPdf(statement) : renderStatementCsv(statement)
}

/** Minor units for the eye; what is the customer's has a minus before it. */
export function displaySigned(minor: bigint, currency: string, locale?: string): string {
  const amount = displayAmount(String(minor < 0n ? -minor : minor), currency, locale)
  return minor < 0n ? `−${amount}` : amount
}

/** One row per entry, between the opening and the closing balance. */
function renderStatementCsv(statement: Statement): Uint8Array {
  const { customerId, currency, from, until, openingMinor, closingMinor, entries } = statement
  const row = (date: string, kind: string, reference: string, amount: bigint, balance: bigint) => [
    customerId,
    date,
    kind,
    reference,
    amountCell(amount, currency),
    amountCell(balance, currency),
    currency,
  ]
  return renderCsv([
    ['customer_id', 'date', 'kind', 'reference', 'amount', 'balance', 'currency'],
    row(from, 'opening_balance', '', 0n, openingMinor),
    ...entries.map((entry) =>
      row(entry.date, entry.kind, entry.reference, entry.amountMinor, entry.balanceMinor),
    ),
    row(until, 'closing_balance', '', 0n, closingMinor),
  ])
}

/** PDF/A-3b. Its dates are those of the period's end, so rendering again gives the same file. */
async function renderStatementPdf(statement: Statement): Promise<Uint8Array> {
  const { seller, buyer, locale, from, until } = statement
  const dated = new Date(`${until}T00:00:00Z`)
  const sheet = openSheet({
    subset: 'PDF/A-3b',
    pdfVersion: '1.7',
    tagged: true,
    lang: 'en',
    displayTitle: true,
    info: {
      Title: `Statement of account ${xmlSafe(until)}`,
      Subject: `Customer ${xmlSafe(statement.customerId)}`,
      Producer: 'Bark',
      Creator: 'Bark',
      CreationDate: dated,
      ModDate: dated,
    },
  })
  const bytes = collectBytes(sheet)
  drawHead(sheet, {
    title: 'Statement',
    number: `${displayDate(from, locale)} to ${displayDate(until, locale)}`,
    seller,
    to: 'For',
    buyer,
    facts: facts(statement),
  })
  drawEntries(sheet, statement)
  drawOpenInvoices(sheet, statement)
  closeSheet(sheet, {
    head: `Statement of account, ${buyer.company ?? buyer.name}`,
    date: displayDate(until, locale),
    foot: [seller.legal_name, seller.tax_id, statement.customerId],
  })
  return bytes
}

function facts({ customerId, currency, locale, ...statement }: Statement): Fact[] {
  const amount = (minor: bigint) => `${currency} ${displaySigned(minor, currency, locale)}`
  return [
    { label: 'Customer', value: customerId, style: STYLE.body },
    { label: 'From', value: displayDate(statement.from, locale), style: STYLE.body },
    { label: 'To', value: displayDate(statement.until, locale), style: STYLE.body },
    { label: 'Opening', value: amount(statement.openingMinor), style: STYLE.body },
    {
      label: statement.closingMinor < 0n ? 'In your favour' : 'Balance due',
      value: amount(statement.closingMinor),
      style: STYLE.strong,
    },
  ]
}

function drawEntries(sheet: Sheet, { currency, locale, entries, ...statement }: Statement): void {
  const amount = (minor: bigint) => displaySigned(minor, currency, locale)
  const columns: Column[] = [
    { title: 'Date', align: 'left', widthMax: 110 },
    { title: 'What', align: 'left', widthMax: 130 },
    { title: 'Reference', align: 'left', widthMax: 'rest' },
    { title: `Charge (${currency})`, align: 'right', widthMax: 100 },
    { title: `Credit (${currency})`, align: 'right', widthMax: 100 },
    { title: `Balance (${currency})`, align: 'right', widthMax: 100 },
  ]
  const row = ({ date, kind, reference, amountMinor, balanceMinor }: StatementEntry) => [
    displayDate(date, locale),
    STATEMENT_WORDS[kind],
    reference,
    amountMinor > 0n ? amount(amountMinor) : '',
    amountMinor > 0n ? '' : amount(-amountMinor),
    amount(balanceMinor),
  ]
  drawTable(sheet, {
    columns,
    rows: [
      [
        displayDate(statement.from, locale),
        'Opening balance',
        '',
        '',
        '',
        amount(statement.openingMinor),
      ],
      ...entries.map(row),
    ],
    total: [
      displayDate(statement.until, locale),
      'Closing balance',
      '',
      '',
      '',
      amount(statement.closingMinor),
    ],
  })
}

function drawOpenInvoices(
  sheet: Sheet,
  { currency, locale, openInvoices, ...statement }: Statement,
): void {
  if (openInvoices.length === 0 && statement.unallocatedMinor === 0n) return
  const amount = (minor: bigint) => displaySigned(minor, currency, locale)
  const owed = openInvoices.reduce((sum, invoice) => sum + invoice.owedMinor, 0n)
  const onAccount = ['On account', '', '', '', amount(-statement.unallocatedMinor)]
  sheet.y += 18
  drawTable(sheet, {
    title: `Open on ${displayDate(statement.until, locale)}`,
    columns: [
      { title: 'Invoice', align: 'left', widthMax: 'rest' },
      { title: 'Issued', align: 'left', widthMax: 110 },
      { title: 'Due', align: 'left', widthMax: 110 },
      { title: `Total (${currency})`, align: 'right', widthMax: 100 },
      { title: `Owed (${currency})`, align: 'right', widthMax: 100 },
    ],
    rows: [
      ...openInvoices.map((invoice) => [
        invoice.number,
        displayDate(invoice.issueDate, locale),
        displayDate(invoice.dueDate, locale),
        amount(invoice.totalMinor),
        amount(invoice.owedMinor),
      ]),
      ...(statement.unallocatedMinor === 0n ? [] : [onAccount]),
    ],
    total: ['Balance', '', '', '', amount(owed - statement.unallocatedMinor)],
  })
}
