import type { InvoiceSnapshot } from '../domain/invoice.ts'
import { displayAmount, displayDate, displayPayment, displayTax } from './display.ts'
import { drawRule, drawText, ensureRoom, PAGE, PAGE_WIDTH, STYLE, textHeight } from './pdf-sheet.ts'
import type { Box, Sheet, Style } from './pdf-sheet.ts'

const LEFT = PAGE.left + 105
const AMOUNTS_LEFT = LEFT + 210
const LABEL: Box = { x: LEFT, width: AMOUNTS_LEFT - LEFT }
const AMOUNT: Box = { x: AMOUNTS_LEFT, width: PAGE.right - AMOUNTS_LEFT, align: 'right' }
const FULL: Box = { x: PAGE.left, width: PAGE_WIDTH }
const LINE_GAP = 4
const ABOVE = 12

type Total = { label: string; amount: string; style: Style; ruled?: boolean }

/**
 * Draws subtotal, taxes, total and what is due, then why no tax is charged where none is. The caller
 * keeps `totalsHeight` points free, so the block never breaks.
 */
export function drawTotals(sheet: Sheet, invoice: InvoiceSnapshot): void {
  sheet.y += ABOVE
  for (const { label, amount, style, ruled } of totals(invoice)) {
    if (ruled) {
      drawRule(sheet, sheet.y, '#1c1c1c', LEFT)
      sheet.y += LINE_GAP
    }
    const line = sheet.document.struct('P')
    sheet.root.add(line)
    const labelHeight = drawText(sheet, line, 'Span', label, style, LABEL)
    const amountHeight = drawText(sheet, line, 'Span', amount, style, AMOUNT)
    sheet.y += Math.max(labelHeight, amountHeight) + LINE_GAP
  }
  sheet.y += LINE_GAP
  for (const text of closingTexts(invoice)) {
    sheet.y += drawText(sheet, sheet.root, 'P', text, STYLE.quiet, FULL) + LINE_GAP
  }
}

/** What `drawTotals` will take, in points. */
export function totalsHeight(sheet: Sheet, invoice: InvoiceSnapshot): number {
  const lines = totals(invoice).map(({ label, amount, style, ruled }) => {
    const labelHeight = textHeight(sheet, label, style, LABEL.width)
    const amountHeight = textHeight(sheet, amount, style, AMOUNT.width)
    return Math.max(labelHeight, amountHeight) + LINE_GAP * (ruled ? 2 : 1)
  })
  const texts = closingTexts(invoice).map(
    (text) => textHeight(sheet, text, STYLE.quiet, PAGE_WIDTH) + LINE_GAP,
  )
  return ABOVE + LINE_GAP + [...lines, ...texts].reduce((sum, height) => sum + height, 0)
}

/** Draws the notes; a paragraph is not split, so it must be shorter than a page. */
export function drawNotes(sheet: Sheet, invoice: InvoiceSnapshot): void {
  for (const paragraph of invoice.notes.flatMap((note) => note.split('\n'))) {
    ensureRoom(sheet, textHeight(sheet, paragraph, STYLE.body, PAGE_WIDTH))
    sheet.y += drawText(sheet, sheet.root, 'P', paragraph, STYLE.body, FULL) + LINE_GAP
  }
}

function totals(invoice: InvoiceSnapshot): Total[] {
  const { currency, locale } = invoice
  const amount = (minor: string) => `${currency} ${displayAmount(minor, currency, locale)}`
  const paid: Total[] =
    invoice.prepaid_minor === '0'
      ? []
      : [
          { label: 'Total', amount: amount(invoice.total_minor), style: STYLE.body },
          { label: 'Already paid', amount: `−${amount(invoice.prepaid_minor)}`, style: STYLE.body },
        ]
  return [
    { label: 'Subtotal', amount: amount(invoice.subtotal_minor), style: STYLE.body },
    ...invoice.tax_breakdown.map((tax) => ({
      label: `${displayTax(tax, locale)} on ${amount(tax.taxable_minor)}`,
      amount: amount(tax.tax_minor),
      style: STYLE.body,
    })),
    ...paid,
    {
      label: invoice.kind === 'credit_note' ? 'Total credited' : 'Total due',
      amount: amount(invoice.due_minor),
      style: STYLE.heading,
      ruled: true,
    },
  ]
}

function closingTexts(invoice: InvoiceSnapshot): string[] {
  const exemptions = invoice.tax_breakdown.flatMap((tax) => tax.exemption_text ?? [])
  return [...exemptions, paymentText(invoice)]
}

function paymentText(invoice: InvoiceSnapshot): string {
  const { corrects, locale } = invoice
  if (corrects !== undefined) {
    const date = displayDate(corrects.issue_date, locale)
    return `Takes back a part or all of invoice ${corrects.number} of ${date}. The amount is set off against it or paid back.`
  }
  if (invoice.due_minor === '0') return 'This invoice is paid; nothing is due.'
  const { bank_account: account } = invoice.seller
  const to = account === undefined ? '' : ` to ${displayPayment(account, invoice.number)}`
  return `Payable by ${displayDate(invoice.due_date, locale)}${to}.`
}
