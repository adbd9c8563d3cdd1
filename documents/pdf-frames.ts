import { drawArtifact, drawRule, PAGE, PAGE_WIDTH, STYLE, writeText } from './pdf-sheet.ts'
import type { Box, Sheet } from './pdf-sheet.ts'

/** What every page repeats. */
type Frame = {
  /** The running head of later pages: the document, and its date on the right. */
  head: string
  date: string
  /** The foot of every page; what is undefined is left out. */
  foot: (string | undefined)[]
}

const PAGE_NUMBER_WIDTH = 80
const LINE: Box = { x: PAGE.left, width: PAGE_WIDTH }

/** Draws heads and feet, now that the number of pages is known, and ends the document. */
export function closeSheet(sheet: Sheet, { head, date, foot }: Frame): void {
  const { count } = sheet.document.bufferedPageRange()
  const left = { ...LINE, width: PAGE_WIDTH - PAGE_NUMBER_WIDTH }
  const right = {
    x: PAGE.right - PAGE_NUMBER_WIDTH,
    width: PAGE_NUMBER_WIDTH,
    align: 'right',
  } as const
  for (let index = 0; index < count; index += 1) {
    sheet.document.switchToPage(index)
    if (index > 0) {
      drawArtifact(sheet, 'Pagination', () => {
        writeText(sheet, head, STYLE.label, LINE, PAGE.top - 8)
        writeText(sheet, date, STYLE.label, { ...LINE, align: 'right' }, PAGE.top - 8)
      })
    }
    drawRule(sheet, PAGE.footer - 6)
    drawArtifact(sheet, 'Pagination', () => {
      writeText(sheet, foot.filter(Boolean).join(' · '), STYLE.label, left, PAGE.footer)
      writeText(sheet, `Page ${index + 1} of ${count}`, STYLE.label, right, PAGE.footer)
    })
  }
  sheet.root.end()
  sheet.document.end()
}

/** The bytes of a document that is being made, once it is ended. Call it before anything is drawn. */
export function collectBytes({ document }: Sheet): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = []
    document.on('data', (chunk: Uint8Array) => chunks.push(chunk))
    document.on('end', () => resolve(Buffer.concat(chunks)))
    document.on('error', reject)
  })
}
