import { z } from '@hono/zod-openapi'
import { html } from 'hono/html'
import { displayTax } from '../../../documents/display.ts'
import { documentFormats, type DocumentFormat } from '../../../documents/render.ts'
import type { InvoiceSnapshot } from '../../../domain/invoice.ts'
import type { ApiContext } from '../../context.ts'
import { CSV_ROWS, readDocumentFile } from '../../document-file.ts'
import { parseInput } from '../../input.ts'
import { readQuery } from '../../url.ts'
import { renderAmount, type Markup } from '../layout.ts'

const FORMAT_NAMES: Readonly<Record<DocumentFormat, string>> = {
  pdf: 'PDF',
  csv: 'CSV',
  ubl: 'XML (UBL)',
  cii: 'XML (CII)',
}

/** In the order in which people want them. */
const FORMATS: readonly DocumentFormat[] = ['pdf', 'csv', 'ubl', 'cii']

const rowsQuery = z.object({ rows: z.enum(CSV_ROWS).optional() })

/** The files of an invoice or a credit note, below its page. */
export function renderDocumentList(path: string, snapshot: InvoiceSnapshot): Markup {
  return html`<ul class="documents">
    ${formatsOf(snapshot).map(
      (format) => html`<li><a href="${path}/documents/${format}">${FORMAT_NAMES[format]}</a></li>`,
    )}
  </ul>`
}

/** The foot of a table of lines: net, each tax and the total, behind `before` other columns. */
export function renderSums(snapshot: InvoiceSnapshot, { before }: { before: number }): Markup {
  const row = (label: string, minor: string) =>
    html`<tr>
      <td colspan="${before}" class="number">${label}</td>
      <td class="number">${renderAmount(minor, snapshot.currency)}</td>
    </tr>`
  const total = snapshot.kind === 'credit_note' ? 'Credited' : 'Total'
  return html`${row('Net', snapshot.subtotal_minor)}
  ${snapshot.tax_breakdown.map((tax) => row(displayTax(tax), tax.tax_minor))}
  ${row(total, snapshot.total_minor)}`
}

/** The bytes of a document, as the API gives them. */
export async function sendFile(
  ctx: ApiContext,
  snapshot: InvoiceSnapshot,
  findKept: (format: DocumentFormat) => Promise<Buffer | null>,
): Promise<Response> {
  const { rows } = parseInput(rowsQuery, readQuery(ctx.req.url), 'query')
  const wish = { format: ctx.req.param('format') ?? '', rows }
  const { bytes, contentType, name } = await readDocumentFile(snapshot, wish, findKept)
  // A PDF is read in the browser; the others are for other programs.
  const disposition = wish.format === 'pdf' ? 'inline' : 'attachment'
  return ctx.body(new Uint8Array(bytes), 200, {
    'Content-Type': contentType,
    'Content-Disposition': `${disposition}; filename="${name}"`,
  })
}

function formatsOf(snapshot: InvoiceSnapshot): DocumentFormat[] {
  const possible = documentFormats(snapshot)
  return FORMATS.filter((format) => possible.includes(format))
}
