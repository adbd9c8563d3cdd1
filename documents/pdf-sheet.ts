import PDFDocument from 'pdfkit'

/** A4 in points; text stays between the edges, the footer has the space below `bottom`. */
export const PAGE = { left: 48, right: 547, top: 48, bottom: 772, footer: 788 }
export const PAGE_WIDTH = PAGE.right - PAGE.left

/** A document in the making: what is drawn next begins at `y`, points from the top of the page. */
export type Sheet = {
  document: PDFKit.PDFDocument
  /** The root of the tagged structure, in reading order. */
  root: PDFKit.PDFStructureElement
  y: number
}

export type Style = { font: 'regular' | 'bold'; size: number; color: string }

const INK = '#1c1c1c'
const GREY = '#5f5f5f'

/** Every face that the invoice uses. */
export const STYLE = {
  title: { font: 'bold', size: 22, color: INK },
  heading: { font: 'bold', size: 10.5, color: INK },
  strong: { font: 'bold', size: 8.5, color: INK },
  body: { font: 'regular', size: 8.5, color: INK },
  quiet: { font: 'regular', size: 8.5, color: GREY },
  label: { font: 'regular', size: 7.5, color: GREY },
  cell: { font: 'regular', size: 8, color: INK },
  cellStrong: { font: 'bold', size: 8, color: INK },
  cellHead: { font: 'bold', size: 7.5, color: GREY },
} as const satisfies Record<string, Style>

/** pdfkit keeps a font open under the name it was asked by: always ask by the same path. */
const FONT_FILES = {
  regular: `${import.meta.dirname}/fonts/DejaVuSans.ttf`,
  bold: `${import.meta.dirname}/fonts/DejaVuSans-Bold.ttf`,
}

export type Box = { x: number; width: number; align?: 'left' | 'right' }

/** Opens an empty tagged A4 document with the embedded fonts; the caller adds content and ends it. */
export function openSheet(options: PDFKit.PDFDocumentOptions): Sheet {
  const document = new PDFDocument({
    ...options,
    size: 'A4',
    margin: 0,
    bufferPages: true,
    autoFirstPage: false,
    // Without a first font pdfkit would take its Helvetica, which is not embedded.
    font: FONT_FILES.regular,
  })
  document.addPage()
  const root = document.struct('Document')
  document.addStructure(root)
  return { document, root, y: PAGE.top }
}

/** Text for the file's own metadata: pdfkit copies it into XML as it is. */
export function xmlSafe(text: string): string {
  return text.replace(/[^\p{L}\p{N} ./_-]/gu, '_')
}

/** Draws a tagged text at the sheet's `y` and returns its height; `y` stays where it is. */
export function drawText(
  sheet: Sheet,
  parent: PDFKit.PDFStructureElement,
  tag: string,
  text: string,
  style: Style,
  box: Box,
): number {
  const height = textHeight(sheet, text, style, box.width)
  const options = tag === 'TH' ? HEAD_CELL : {}
  parent.add(sheet.document.struct(tag, options, () => writeText(sheet, text, style, box, sheet.y)))
  return height
}

/** A head cell belongs to its column; pdfkit knows the scope, its types do not. */
const HEAD_CELL = { title: undefined, scope: 'Column' }

/** Draws something that is not content: rules, running heads, page numbers. */
export function drawArtifact(sheet: Sheet, type: 'Layout' | 'Pagination', draw: () => void): void {
  sheet.document.markContent('Artifact', { type })
  draw()
  sheet.document.endMarkedContent()
}

/** Writes text at any place of the current page, outside the structure. */
export function writeText(sheet: Sheet, text: string, style: Style, box: Box, y: number): void {
  const { document } = sheet
  document.font(FONT_FILES[style.font]).fontSize(style.size).fillColor(style.color)
  document.text(printable(document, text), box.x, y, {
    width: box.width,
    align: box.align ?? 'left',
  })
}

/** A horizontal rule over the width of the page at `y`. */
export function drawRule(
  sheet: Sheet,
  y: number,
  color = '#d4d4d4',
  from: number = PAGE.left,
): void {
  drawArtifact(sheet, 'Layout', () => {
    sheet.document.moveTo(from, y).lineTo(PAGE.right, y).lineWidth(0.6).strokeColor(color).stroke()
  })
}

/** Height in points of a text that is wrapped at `width`. */
export function textHeight(sheet: Sheet, text: string, style: Style, width: number): number {
  const { document } = sheet
  document.font(FONT_FILES[style.font]).fontSize(style.size)
  return document.heightOfString(printable(document, text), { width })
}

/** Width in points of a text on one line. */
export function textWidth(sheet: Sheet, text: string, style: Style): number {
  const { document } = sheet
  document.font(FONT_FILES[style.font]).fontSize(style.size)
  return document.widthOfString(printable(document, text))
}

/** Begins a new page when less than `height` points are left on this one. */
export function ensureRoom(sheet: Sheet, height: number): void {
  if (sheet.y + height > PAGE.bottom && sheet.y > PAGE.top) nextPage(sheet)
}

/** Begins a new page. */
export function nextPage(sheet: Sheet): void {
  sheet.document.addPage()
  sheet.y = PAGE.top + RUNNING_HEAD_HEIGHT
}

/** What the running head of a later page takes. */
const RUNNING_HEAD_HEIGHT = 24

/**
 * Text as the current font can show it: one line, composed characters, no controls; a character
 * without a glyph becomes a box, because PDF/A forbids to refer to the missing glyph.
 */
function printable(document: PDFKit.PDFDocument, text: string): string {
  const line = text
    .toWellFormed()
    .normalize('NFC')
    .replace(/\p{DI}/gu, '')
    .replace(/[\s\p{Cc}]+/gu, (space) => (space === '\u00a0' ? space : ' '))
  if (/^[\u0020-\u007e\u00a0-\u017f]*$/.test(line)) return line
  return Array.from(line, (character) => (hasGlyph(document, character) ? character : '□')).join('')
}

/** pdfkit keeps the current font to itself; its fontkit font knows the characters that it has. */
function hasGlyph(document: PDFKit.PDFDocument, character: string): boolean {
  const embedded: unknown = Reflect.get(document, '_font')
  const font: unknown = isObject(embedded) ? Reflect.get(embedded, 'font') : undefined
  const test: unknown = isObject(font) ? Reflect.get(font, 'hasGlyphForCodePoint') : undefined
  if (typeof test !== 'function') throw new TypeError('pdfkit does not show its font any more')
  const found: unknown = Reflect.apply(test, font, [character.codePointAt(0)])
  return found === true
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
