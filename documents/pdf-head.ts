import type { InvoiceBuyer, InvoiceSeller, InvoiceSnapshot } from '../domain/invoice.ts'
import { addressLines, displayAmount, displayDate, displayKind } from './display.ts'
import { contactName } from './norm.ts'
import { drawRule, drawText, PAGE, STYLE } from './pdf-sheet.ts'
import type { Box, Sheet, Style } from './pdf-sheet.ts'

const LEFT: Box = { x: PAGE.left, width: 230 }
const RIGHT: Box = { x: PAGE.left + 250, width: PAGE.right - PAGE.left - 250 }
const LABEL_WIDTH = 88

export type Fact = { label: string; value: string; style: Style }

/** What stands above the lines of a document. */
export type Head = {
  title: string
  number: string
  seller: InvoiceSeller
  /** How the buyer is addressed, such as "Billed to". */
  to: string
  buyer: InvoiceBuyer
  facts: Fact[]
}

/** Draws who bills whom, the title, and the facts of the document: everything above the lines. */
export function drawHead(sheet: Sheet, head: Head): void {
  const sellerHeight = drawBlock(sheet, LEFT, sellerLines(head.seller))
  const titleHeight = drawBlock(sheet, { ...RIGHT, align: 'right' }, [
    { text: head.title, style: STYLE.title, tag: 'H1' },
    { text: head.number, style: STYLE.heading },
  ])
  sheet.y += Math.max(sellerHeight, titleHeight) + 16
  drawRule(sheet, sheet.y)
  sheet.y += 14
  const buyerHeight = drawBlock(sheet, LEFT, buyerLines(head))
  const factsHeight = drawFacts(sheet, head.facts)
  sheet.y += Math.max(buyerHeight, factsHeight) + 24
}

/** The head of an invoice or a credit note. */
export function invoiceHead(invoice: InvoiceSnapshot): Head {
  const { number, seller, buyer } = invoice
  return {
    title: displayKind(invoice),
    number,
    seller,
    to: 'Billed to',
    buyer,
    facts: facts(invoice),
  }
}

type Line = { text: string; style: Style; tag?: string }

function sellerLines(seller: InvoiceSeller): Line[] {
  return [
    { text: seller.legal_name, style: STYLE.heading },
    ...quiet(addressLines(seller.address)),
    ...quiet([seller.email]),
    ...quiet(seller.tax_id === undefined ? [] : [`Tax ID ${seller.tax_id}`]),
    ...quiet(seller.registration_id === undefined ? [] : [`Registered ${seller.registration_id}`]),
  ]
}

function buyerLines({ to, buyer }: Head): Line[] {
  const contact = contactName(buyer)
  return [
    { text: to, style: STYLE.label },
    { text: buyer.company ?? buyer.name, style: STYLE.heading },
    ...quiet(contact === undefined ? [] : [contact]),
    ...quiet(buyer.address ? addressLines(buyer.address) : []),
    ...quiet([buyer.email]),
    ...quiet(buyer.tax_id === undefined ? [] : [`Tax ID ${buyer.tax_id}`]),
  ]
}

function quiet(texts: string[]): Line[] {
  return texts.map((text) => ({ text, style: STYLE.quiet }))
}

/** Draws lines below one another and returns their height; the sheet's `y` stays. */
function drawBlock(sheet: Sheet, box: Box, lines: Line[]): number {
  const top = sheet.y
  for (const { text, style, tag } of lines) {
    sheet.y += drawText(sheet, sheet.root, tag ?? 'P', text, style, box) + 1.5
  }
  const height = sheet.y - top
  sheet.y = top
  return height
}

function facts(invoice: InvoiceSnapshot): Fact[] {
  const { corrects, locale } = invoice
  const due = `${invoice.currency} ${displayAmount(invoice.due_minor, invoice.currency, locale)}`
  return [
    { label: 'Issue date', value: displayDate(invoice.issue_date, locale), style: STYLE.body },
    ...(corrects === undefined
      ? [{ label: 'Due date', value: displayDate(invoice.due_date, locale), style: STYLE.body }]
      : [
          { label: 'For invoice', value: corrects.number, style: STYLE.strong },
          { label: 'Its date', value: displayDate(corrects.issue_date, locale), style: STYLE.body },
        ]),
    { label: 'Purchase order', value: invoice.purchase_order_number, style: STYLE.body },
    {
      label: 'Business day',
      value: displayDate(invoice.business_date, locale),
      style: STYLE.body,
    },
    { label: 'Time zone', value: invoice.business_time_zone, style: STYLE.body },
    { label: 'Customer', value: invoice.buyer.customer_id, style: STYLE.body },
    {
      label: corrects === undefined ? 'Amount due' : 'Credited',
      value: due,
      style: STYLE.strong,
    },
  ]
}

function drawFacts(sheet: Sheet, entries: Fact[]): number {
  const top = sheet.y
  const valueBox = { x: RIGHT.x + LABEL_WIDTH, width: RIGHT.width - LABEL_WIDTH }
  for (const { label, value, style } of entries) {
    const line = sheet.document.struct('P')
    sheet.root.add(line)
    drawText(sheet, line, 'Span', label, STYLE.quiet, { x: RIGHT.x, width: LABEL_WIDTH })
    sheet.y += drawText(sheet, line, 'Span', value, style, valueBox) + 4
  }
  const height = sheet.y - top
  sheet.y = top
  return height
}
