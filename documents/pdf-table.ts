import {
  drawArtifact,
  drawRule,
  drawText,
  ensureRoom,
  nextPage,
  PAGE,
  PAGE_WIDTH,
  STYLE,
  textHeight,
  textWidth,
  writeText,
} from './pdf-sheet.ts'
import type { Box, Sheet, Style } from './pdf-sheet.ts'

/** A column is as wide as its content needs, up to `widthMax`; `'rest'` takes what is left over. */
export type Column = { title: string; align: 'left' | 'right'; widthMax: number | 'rest' }

export type Table = {
  /** A heading that stays with the first rows. */
  title?: string
  columns: Column[]
  rows: string[][]
  /** A last row in bold, kept together with the row before it. */
  total?: string[]
  /** Points that must be free below the table, so that what follows is not alone on a page. */
  keepBelow?: number
}

const GAP = 10
const PADDING = 3.2
const TITLE_HEIGHT = 17
const FULL: Box = { x: PAGE.left, width: PAGE_WIDTH }

type Row = { cells: string[]; style: Style; height: number }

/**
 * Draws a table from the sheet's `y` and leaves `y` below it. The head is repeated on every page,
 * long texts wrap, a row is never split, and the last two rows stay with what follows the table.
 */
export function drawTable(sheet: Sheet, table: Table): void {
  const boxes = placeColumns(sheet, table)
  const titles = table.columns.map((column) => column.title)
  const head = measureRow(sheet, boxes, titles, STYLE.cellHead)
  const rows = table.rows.map((cells) => measureRow(sheet, boxes, cells, STYLE.cell))
  if (table.total) rows.push(measureRow(sheet, boxes, table.total, STYLE.cellStrong))
  const titleHeight = table.title === undefined ? 0 : TITLE_HEIGHT
  ensureRoom(sheet, titleHeight + head.height + sumHeights(rows.slice(0, 2)))
  if (table.title !== undefined) {
    drawText(sheet, sheet.root, 'H2', table.title, STYLE.heading, FULL)
    sheet.y += titleHeight
  }
  const element = sheet.document.struct('Table')
  sheet.root.add(element)
  drawHead(sheet, element, boxes, head)
  rows.forEach((row, index) => {
    const last = index >= rows.length - 2
    const needed = last ? sumHeights(rows.slice(index)) + (table.keepBelow ?? 0) : row.height
    if (sheet.y + needed > PAGE.bottom && index > 0 && index !== rows.length - 1) {
      nextPage(sheet)
      repeatHead(sheet, boxes, head)
    }
    drawRow(sheet, element, boxes, row, 'TD')
    drawRule(sheet, sheet.y, '#e6e6e6')
  })
}

function placeColumns(sheet: Sheet, { columns, rows, total }: Table): Box[] {
  const widths = columns.map(({ title, widthMax }, index) => {
    if (widthMax === 'rest') return 0
    const natural = Math.max(
      textWidth(sheet, title, STYLE.cellHead),
      textWidth(sheet, total?.[index] ?? '', STYLE.cellStrong),
      ...rows.map((row) => textWidth(sheet, row[index] ?? '', STYLE.cell)),
    )
    // One point more than measured, or rounding may wrap a number.
    return Math.min(widthMax, Math.ceil(natural) + 1)
  })
  const taken = widths.reduce((sum, width) => sum + width, 0) + GAP * (columns.length - 1)
  let x = PAGE.left
  return columns.map(({ align, widthMax }, index) => {
    const width = widthMax === 'rest' ? PAGE_WIDTH - taken : (widths[index] ?? 0)
    const box: Box = { x, width, align }
    x += width + GAP
    return box
  })
}

function measureRow(sheet: Sheet, boxes: Box[], cells: string[], style: Style): Row {
  const heights = boxes.map((box, index) => textHeight(sheet, cells[index] ?? '', style, box.width))
  return { cells, style, height: Math.max(...heights) + 2 * PADDING }
}

function sumHeights(rows: Row[]): number {
  return rows.reduce((sum, row) => sum + row.height, 0)
}

function drawHead(sheet: Sheet, table: PDFKit.PDFStructureElement, boxes: Box[], head: Row): void {
  drawRow(sheet, table, boxes, head, 'TH')
  drawRule(sheet, sheet.y, '#1c1c1c')
}

/** The head of a later page is decoration: a reader of the tags hears it once. */
function repeatHead(sheet: Sheet, boxes: Box[], head: Row): void {
  drawArtifact(sheet, 'Pagination', () => {
    boxes.forEach((box, index) => {
      writeText(sheet, head.cells[index] ?? '', head.style, box, sheet.y + PADDING)
    })
  })
  sheet.y += head.height
  drawRule(sheet, sheet.y, '#1c1c1c')
}

function drawRow(
  sheet: Sheet,
  table: PDFKit.PDFStructureElement,
  boxes: Box[],
  row: Row,
  tag: 'TH' | 'TD',
): void {
  const element = sheet.document.struct('TR')
  table.add(element)
  sheet.y += PADDING
  boxes.forEach((box, index) => {
    drawText(sheet, element, tag, row.cells[index] ?? '', row.style, box)
  })
  sheet.y += row.height - PADDING
}
